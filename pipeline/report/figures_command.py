"""Command `figures`: the figures of the report as files for papers, and a table of what each shows."""

from __future__ import annotations

import logging
from pathlib import Path

from pipeline.report.command import add_sources, sources_of

HELP = "Write the report's figures and found cells as files for print, with a table of their captions."
log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's options."""
    add_sources(parser)
    parser.add_argument(
        "--out", type=Path, required=True, help="table of the figures to write (CSV); they go beside it"
    )


def run(args, job) -> None:
    """Write the files. job.settings: the whole configuration; its key `figures` says in which format.

    The table is written last, so that it says that all its files are there: columns figure, title, file,
    caption.
    """
    import pandas as pd

    from pipeline.report.context import context_of
    from pipeline.report.data import read
    from pipeline.report.page import sections_of
    from pipeline.storage.artifacts import write_text_artifact

    sources = sources_of(args, job.settings)
    parts = sections_of(context_of(read(sources, job.settings, job.seed), args.out))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    _remove(args.out)
    rows = write_figures(parts, args.out.parent, job.settings["figures"])
    table = pd.DataFrame(rows, columns=["figure", "title", "file", "caption"])
    write_text_artifact(args.out, table.to_csv(index=False), job, sources.paths())
    log.info("figures: %d in %s", len(rows), args.out.parent)


def write_figures(parts, folder: Path, extension: str) -> list[tuple[str, str, str, str]]:
    """Write all figures of a page's sections, and its galleries of cells; return a row of the table each."""
    from pipeline.report import static
    from pipeline.report.static_cells import draw_cells

    rows = []
    for section in parts:
        for block in section.blocks:
            if block.kind == "figure":
                key, canvas, caption = block.key, static.draw(block), _printed(block.caption)
            elif block.kind == "gallery":
                key, canvas, caption = f"cells_{block.key}", draw_cells(block), section.lead
            else:
                continue
            file = f"{key}.{extension}"
            static.save(canvas, folder / file)
            rows.append((key, block.title, file, caption))
    return rows


def _printed(caption: str) -> str:
    """A caption without what only a reader of the page can do."""
    return caption.replace("lower tau: click in the legend.", "lower tau not drawn.")


def _remove(table: Path) -> None:
    """Remove an earlier table and its figures, which may be of another format or of what is no more."""
    table.unlink(missing_ok=True)
    for pattern in ("*.pdf", "*.svg"):
        for file in table.parent.glob(pattern):
            file.unlink()
