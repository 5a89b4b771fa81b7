"""The command line: `python -m pipeline STAGE …`; each stage is one command."""

from __future__ import annotations

import argparse
import errno
import importlib
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from pipeline.config.options import add_config_options
from pipeline.errors import ConfigError, UserError
from pipeline.job import Job
from pipeline.logs import log_to
from pipeline.parent import end_with_snakemake
from pipeline.progress import reported
from pipeline.storage.sidecars import verify

# command -> (module, what it is for); modules are imported only when their command runs
STAGES = {
    "space": ("pipeline.spaces.command", "enumerate a search space"),
    "images": ("pipeline.images.command", "read an image set and split it"),
    "children": ("pipeline.children.command", "train a chunk of child networks"),
    "benchmarks": ("pipeline.benchmarks.command", "build a benchmark table from trained networks"),
    "ingest": ("pipeline.benchmarks.ingest", "read a benchmark file into a benchmark table"),
    "surrogate": ("pipeline.benchmarks.surrogate_command", "train a surrogate of a benchmark"),
    "io_dataset": ("pipeline.io_dataset.command", "collect what trained networks output"),
    "autoencoders": ("pipeline.autoencoders.command", "train arch2vec or info-NAS"),
    "embeddings": ("pipeline.autoencoders.embeddings_command", "embed all cells of a space"),
    "autoencoders_table": ("pipeline.autoencoders.collect", "write results/tables/autoencoders.csv"),
    "zeroshot": ("pipeline.zeroshot.command", "score a chunk of untrained networks"),
    "zeroshot_collect": ("pipeline.zeroshot.collect", "join the chunks of zero-shot scores"),
    "predictors": ("pipeline.predictors.command", "train and test a performance predictor"),
    "predictors_table": ("pipeline.predictors.collect", "write results/tables/predictors.csv"),
    "rank": ("pipeline.predictors.rank", "rank all cells of a space by a predictor"),
    "search": ("pipeline.search.command", "run a search strategy"),
    "search_table": ("pipeline.search.collect", "write results/tables/search.csv"),
    "papers": ("pipeline.papers.command", "put a paper's numbers beside this run's"),
    "semigan": ("pipeline.semigan.command", "measure what SemiGAN-NAD generates"),
    "report": ("pipeline.report.command", "write the report"),
    "figures": ("pipeline.report.figures_command", "write the report's figures as files for papers"),
    "report_index": ("pipeline.report.overview", "write the overview of a run with several benchmarks"),
}
TOOLS = {
    "benchmark": ("pipeline.benchmarks.describe", "describe a benchmark table in words and numbers"),
    "verify_io": ("pipeline.io_dataset.verify", "check input-output data sets for damage"),
    "export": ("pipeline.storage.export", "write any artifact's table as CSV"),
    "why": ("pipeline.staleness.why", "say in words why an artifact is stale"),
    "watch": ("pipeline.live.watch", "watch a run from its logs and artifacts, here or on a cluster"),
    "status": (
        "pipeline.staleness.status",
        "say of all artifacts whether they are fresh; restore Snakemake's records",
    ),
    "config": ("pipeline.config.command", "check a configuration; show it with all defaults"),
}
JUDGES = {"verify_io", "why", "status", "watch", "config"}  # tools that are to look at damaged artifacts
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
WRITTEN = {"out", "model", "costs", "csv", "log", "recipe"}  # options that name no file to read
TABLES = {"autoencoders_table", "predictors_table", "search_table"}
WHOLE_RUN = {"space", "images", "report_index", "papers", *TABLES}  # of no one benchmark
SHARED = {"configfile", "config", "recipe", "device", "threads", "log", "benchmark", "command", "help"}


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit status: 0 done, 1 a user's error, 2 wrong usage, 3 a bug, 4 stale."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help"):
        print(overview())
        return 0
    name = argv[0]
    if name not in STAGES | TOOLS:
        print(f"nasflow: unknown command {name!r}; one of: {', '.join(STAGES | TOOLS)}", file=sys.stderr)
        return 2
    module = importlib.import_module((STAGES | TOOLS)[name][0])
    args = parser_of(name).parse_args(argv[1:])
    end_with_snakemake()
    try:
        log_to(args.log)
        with reported(args.log, name):
            if name not in JUDGES:
                verify(files_in(args))
            return run(module, args, job_of(name, args) if name in STAGES else Job(name, {})) or 0
    except UserError as error:
        logging.getLogger("nasflow").error("%s", error)
        return 1
    except MemoryError as error:
        # NumPy says how much was asked for; a file that declares absurd sizes ends here, too
        logging.getLogger("nasflow").error(
            "%s: there is not enough memory (%s)", name, error or "allocation failed"
        )
        return 1
    except BrokenPipeError:
        return 1
    except OSError as error:
        if error.errno not in NO_ROOM:
            return unexpected(name)
        where = f" {error.filename}:" if error.filename else ""
        text = f"{name}:{where} cannot be written ({error.strerror}); free space, then run again"
        logging.getLogger("nasflow").error("%s", text)
        return 1
    except Exception:
        return unexpected(name)


def unexpected(name: str) -> int:
    """Log the exception that is handled now as a bug; return the exit status."""
    logging.getLogger("nasflow").exception(
        "%s: unexpected error; please report it with the lines below", name
    )
    return 3


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser of a command's options."""
    module = importlib.import_module((STAGES | TOOLS)[name][0])
    parser = argparse.ArgumentParser(prog=f"python -m pipeline {name}", description=module.HELP)
    module.add_arguments(parser)
    add_shared(parser, is_stage=name in STAGES)
    return parser


def run(module, args: argparse.Namespace, job: Job) -> int | None:
    """Run a command with as many threads in NumPy's libraries as the job has; `torch_device` sets torch's."""
    import numpy  # noqa: F401  (the limit holds for libraries that are loaded)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=job.threads):
        return module.run(args, job)


def files_in(args: argparse.Namespace) -> Iterator[str]:
    """Yield the files that options name, alone or as NAME=FILE, but for those that are written."""
    for option, value in vars(args).items():
        if option not in WRITTEN:
            for text in map(str, value if isinstance(value, list) else [value]):
                yield text
                yield text.partition("=")[2]


def overview() -> str:
    """Return the text of `python -m pipeline --help`."""
    lines = ["usage: python -m pipeline COMMAND [options]      (COMMAND --help for its options)", ""]
    for title, commands in (("stages", STAGES), ("tools", TOOLS)):
        lines += [f"{title}:", *(f"  {name:20}{what}" for name, (_, what) in commands.items()), ""]
    return "\n".join(lines).rstrip()


def add_shared(parser: argparse.ArgumentParser, is_stage: bool) -> None:
    """Add the options that every command has."""
    group = parser.add_argument_group("shared options")
    group.add_argument(
        "--log", type=Path, help="write the log to this file; errors are shown on the terminal too"
    )
    if is_stage:
        add_config_options(group)
        group.add_argument(
            "--recipe", help="settings as JSON, as the workflow passes them (instead of --configfile)"
        )
        group.add_argument("--device", help="auto, cpu or cuda (default: the configuration's)")
        group.add_argument(
            "--threads", type=int, help="threads for arithmetic (default: the configuration's)"
        )
        if "--benchmark" not in parser._option_string_actions:
            group.add_argument(
                "--benchmark", help="which benchmark of the configuration (default: its only one)"
            )


def job_of(stage: str, args: argparse.Namespace) -> Job:
    """Return the job that the options describe: from --recipe, or from the configuration."""
    if args.recipe:
        recipe, device, threads = json.loads(args.recipe), "auto", 1
    else:
        from pipeline.config.model import load_config
        from pipeline.staleness.recipes import recipe as make_recipe

        config = load_config(args.configfile or [Path("config.yaml")], args.config)
        wildcards = {k: v for k, v in vars(args).items() if k not in SHARED and v is not None}
        if stage not in WHOLE_RUN:
            wildcards["benchmark"] = args.benchmark or config.only_benchmark()
        recipe = make_recipe(stage, config, **wildcards)
        device, threads = config.device, config.threads
    return Job(
        stage=stage,
        settings=recipe["settings"],
        seed=recipe["seed"],
        code=recipe["code"],
        modules=modules_of(recipe),
        device=args.device or device,
        threads=args.threads or threads,
    )


def modules_of(recipe: dict) -> dict[str, str]:
    """Return the digest of each module in the recipe's code.

    Raises ConfigError if the code was edited between the workflow's start and now.
    """
    from pipeline.staleness.fingerprint import closure, digest

    modules = closure(recipe["entries"])
    if digest(modules) != recipe["code"]:
        raise ConfigError("the code was edited while the workflow ran; start the workflow again")
    return modules


if __name__ == "__main__":
    sys.exit(main())
