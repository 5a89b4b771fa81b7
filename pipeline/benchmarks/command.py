"""The stage `benchmarks`: a benchmark table from trained networks."""

from __future__ import annotations

import logging
from pathlib import Path

HELP = "Build a benchmark table (architectures, metrics, costs) from the chunks of trained networks."

log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--children", type=Path, nargs="+", required=True, metavar="FILE", help="files of `children`"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="HDF5 file to write")


def run(args, job) -> None:
    """Write the table; networks whose training failed are left out, counted and named in the log."""
    from pipeline.benchmarks.from_children import COUNTED, build_table, read_children
    from pipeline.benchmarks.settings import TableSettings
    from pipeline.benchmarks.tables import write_table

    settings = TableSettings(**job.settings)
    archs, columns, trained = read_children(args.children, settings)
    table, failed = build_table(archs, columns, trained, settings)
    for cell, reason in failed.items():
        log.warning("left out: %s (%s)", cell, reason)
    write_table(args.out, table, job, inputs=args.children, failed=failed, notes=COUNTED)
    counts = ", ".join(
        f"{len(table.rows(role))} {role.replace('_', ' ')}" for role in ("labelled", "held_out")
    )
    log.info("%s: %d cells (%s), %d failed", args.out, len(table), counts, len(failed))
