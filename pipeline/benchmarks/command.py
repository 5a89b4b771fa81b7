"""Command `benchmarks`: build a benchmark table."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

HELP = "Build a benchmark table from networks that were trained here."
log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument("--children", type=Path, nargs="+", required=True, help="chunks of trained networks")
    parser.add_argument("--images", type=Path, required=True, help="the image set that they were trained on")
    parser.add_argument("--out", type=Path, required=True, help="table to write (HDF5)")


def run(args, job) -> None:
    """Write the table and say what is in it."""
    from pipeline.benchmarks.from_children import table_from_children
    from pipeline.benchmarks.tables import write_table
    from pipeline.images.sets import load_images

    images = load_images(args.images)
    table, failed = table_from_children(args.children, job.settings, images.shape, len(images.part("train")[1]))
    write_table(args.out, table, job, inputs=[*args.children, args.images], facts={"failed_networks": failed})
    val = table.mean(table.val_metric)
    log.info(
        "%s: %d cells (%d labelled, %d held out, %d failed); %s from %.4f to %.4f, %d distinct values",
        table.name,
        len(table),
        len(table.rows("labelled")),
        len(table.rows("held_out")),
        failed,
        table.val_metric,
        np.min(val),
        np.max(val),
        len(np.unique(val)),
    )
