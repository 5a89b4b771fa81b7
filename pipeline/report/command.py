"""Command `report`: one page a benchmark that shows a person what came out."""

from __future__ import annotations

import logging
from pathlib import Path

from pipeline.errors import UserError

HELP = "Write the report: one self-contained page from the artifacts of a run; what is not given is left out."
log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's options."""
    add_sources(parser)
    parser.add_argument("--out", type=Path, required=True, help="page to write (HTML)")


def add_sources(parser) -> None:
    """Add the options that name a run's artifacts."""
    parser.add_argument(
        "--images", type=Path, nargs="+", default=[], help="image sets; the benchmark's own is shown"
    )
    parser.add_argument("--children", type=Path, nargs="+", default=[], help="chunks of trained networks")
    parser.add_argument("--benchmark-table", type=Path, help="benchmark table")
    parser.add_argument(
        "--surrogates",
        nargs="*",
        default=[],
        metavar="METRIC=FILE",
        help="cross-validation of the surrogates that answer searches",
    )
    parser.add_argument("--io-dataset", type=Path, help="what the trained networks output")
    parser.add_argument(
        "--autoencoders",
        nargs="*",
        default=[],
        metavar="NAME=FILE",
        help="autoencoders by name; several runs of one under the same name, in order",
    )
    parser.add_argument("--zeroshot", type=Path, help="scores of untrained networks")
    parser.add_argument(
        "--predictions", type=Path, nargs="*", default=[], help="files of the predictors stage"
    )
    parser.add_argument(
        "--search", nargs="*", default=[], metavar="NAME=FILE", help="trajectories by strategy"
    )
    parser.add_argument(
        "--tables", type=Path, nargs="*", default=[], help="CSV tables that the page links to"
    )
    parser.add_argument(
        "--papers", type=Path, nargs="*", default=[], help="tables of what papers print, and this run"
    )


def run(args, job) -> None:
    """Write the page. job.settings: the whole configuration, as it is shown to the reader."""
    from pipeline.report.data import read
    from pipeline.report.page import build
    from pipeline.storage.artifacts import write_text_artifact

    sources = sources_of(args, job.settings)
    page = build(read(sources, job.settings, job.seed), args.out)
    write_text_artifact(args.out, page, job, sources.paths())
    log.info("report: %s (%.1f MB)", args.out, len(page.encode()) / 1e6)


def sources_of(args, settings: dict):
    """Return the `Sources` that the options of `add_sources` name. settings: the whole configuration."""
    from pipeline.report.data import Sources

    return Sources(
        images=_chosen(args.images, settings),
        children=args.children,
        table=args.benchmark_table,
        io_dataset=args.io_dataset,
        autoencoders=_grouped("--autoencoders", args.autoencoders),
        zeroshot=args.zeroshot,
        predictions=args.predictions,
        search=_named("--search", args.search),
        tables=args.tables,
        papers=args.papers,
        surrogates=_named("--surrogates", args.surrogates),
    )


def _chosen(files: list[Path], config: dict) -> Path | None:
    """Of several image sets, the one that the benchmark's networks were trained on."""
    wanted = {b.get("children", {}).get("images") for b in config.get("benchmarks", {}).values()}
    return next((path for path in files if path.stem in wanted), files[0] if files else None)


def _named(option: str, texts: list[str]) -> dict[str, Path]:
    """Return {name: path} of NAME=FILE texts. Raises UserError if one has another form."""
    return {name: paths[-1] for name, paths in _grouped(option, texts).items()}


def _grouped(option: str, texts: list[str]) -> dict[str, list[Path]]:
    """Return {name: paths} of NAME=FILE texts. Raises UserError if one has another form."""
    files: dict[str, list[Path]] = {}
    for text in texts:
        key, _, path = text.partition("=")
        if not (key and path):
            raise UserError(f"{option}: expected NAME=FILE, got {text!r}")
        files.setdefault(key, []).append(Path(path))
    return files
