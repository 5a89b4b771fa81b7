"""Command `verify_io`: read a whole input-output data set, and say whether it is sound."""

from __future__ import annotations

from pathlib import Path

HELP = "Read every network of input-output data sets; a damaged or missing one is named."


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument("files", type=Path, nargs="+", help="data sets (results/io_dataset/*.h5)")


def run(args, job) -> None:
    """Print one line a file. Raises ArtifactError for the first that is damaged."""
    from pipeline.io_dataset.reading import verify

    for path in args.files:
        print(f"{path}: {verify(path)} networks, all sound")
