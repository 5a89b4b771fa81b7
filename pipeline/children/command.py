"""Command `children`: train a chunk of child networks."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from pipeline.errors import UserError

HELP = "Train a chunk of child networks: consecutive cells of the space's seeded permutation."
log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument("--space-file", type=Path, required=True, help="all cells of the search space")
    parser.add_argument("--images", type=Path, required=True, help="image set to train on")
    parser.add_argument("--chunk", type=int, required=True, help="number of the chunk, from 0")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for what is under way; emptied at the end"
    )
    parser.add_argument(
        "--side-by-side", type=int, default=1, help="networks trained at a time; changes no result"
    )
    parser.add_argument("--out", type=Path, required=True, help="chunk to write (HDF5)")


def run(args, job) -> None:
    """Write kind "children". Networks that were finished before a kill are not trained again."""
    from pipeline.children.kept import Kept
    from pipeline.children.reading import times, write_chunk
    from pipeline.images.sets import load_images
    from pipeline.progress import track
    from pipeline.spaces.catalogue import sampled

    if args.side_by_side < 1:
        raise UserError(f"--side-by-side: expected at least 1, got {args.side_by_side}")
    s = job.settings
    archs = sampled(args.space_file, job.seed, s["start"], s["start"] + s["count"])
    images, device = load_images(args.images), job.torch_device()
    kept = Kept(args.work, images, s["network"], s["training"], s["space"], job, device)
    trained = kept.get_all(archs, args.side_by_side)
    found = {row: r for row, r, _ in track(trained, f"networks of chunk {args.chunk}", len(archs))}
    results = [found[row] for row in range(len(archs))]
    position = np.arange(s["start"], s["start"] + s["count"])
    inputs = [args.space_file, args.images]
    write_chunk(args.out, archs, position, results, images, job, inputs, times(results))
    kept.remove()
    for result in results:
        if result.status != "ok":
            log.warning("network %s failed: %s", result.cell, result.reason)
    good = [r.last("val_acc") for r in results if r.status == "ok"]
    mean = f", mean validation accuracy {np.mean(good):.4f}" if good else ""
    log.info("%d networks trained, %d failed%s", len(good), len(results) - len(good), mean)
