"""Command `children`: train a chunk of child networks."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

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
    parser.add_argument("--out", type=Path, required=True, help="chunk to write (HDF5)")


def run(args, job) -> None:
    """Write kind "children". Networks that were finished before a kill are not trained again."""
    from pipeline.children.kept import Kept
    from pipeline.children.reading import write_chunk
    from pipeline.images.sets import load_images
    from pipeline.progress import track
    from pipeline.spaces.catalogue import sampled

    s = job.settings
    archs = sampled(args.space_file, job.seed, s["start"], s["start"] + s["count"])
    images, device = load_images(args.images), job.torch_device()
    kept = Kept(args.work, images, s["network"], s["training"], s["space"], job, device)
    results = [kept.get(archs[i])[0] for i in track(range(len(archs)), f"networks of chunk {args.chunk}")]
    position = np.arange(s["start"], s["start"] + s["count"])
    run_record = {"networks": {r.cell: round(r.seconds, 3) for r in results}}
    write_chunk(args.out, archs, position, results, images, job, [args.space_file, args.images], run_record)
    kept.remove()
    for result in results:
        if result.status != "ok":
            log.warning("network %s failed: %s", result.cell, result.reason)
    good = [r.last("val_acc") for r in results if r.status == "ok"]
    mean = f", mean validation accuracy {np.mean(good):.4f}" if good else ""
    log.info("%d networks trained, %d failed%s", len(good), len(results) - len(good), mean)
