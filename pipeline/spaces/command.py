"""The stage `space`: write down every architecture of a search space, or a sample of one too large for it."""

from __future__ import annotations

import logging

HELP = "write every unique architecture of a search space (of darts: a sample)"

log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    parser.add_argument(
        "--space", required=True, metavar="NAME", help="name of the search space, e.g. nasbench101"
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="HDF5 file to write")


def run(args, job) -> None:
    from pipeline.spaces.catalogue import write_space

    count = write_space(args.space, args.out, job)
    log.info("%s: %d different architectures of %s", args.out, count, args.space)
