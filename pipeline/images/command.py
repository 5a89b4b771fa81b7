"""Command `images`: read an image set and split it."""

from __future__ import annotations

import importlib
import logging
from pathlib import Path

HELP = "Read an image set, split it into training, validation and test images, and store it as arrays."
log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "--images", required=True, metavar="NAME", help="name of the image set in the configuration"
    )
    parser.add_argument("--out", type=Path, required=True, help="image set to write (HDF5)")


def run(args, job) -> None:
    """Write kind "images"; the source is the module of that name in this package."""
    from pipeline.images.sets import PARTS, ImageSet, split_by_seed, write_images
    from pipeline.images.settings import ImageSettings

    settings = ImageSettings(**{key: value for key, value in job.settings.items() if key != "name"})
    pixels, labels, classes = importlib.import_module(f"pipeline.images.{settings.source}").load()
    split = split_by_seed(labels, settings.n_valid, settings.n_test, job.seed, args.images)
    images = ImageSet(args.images, pixels, labels, split, tuple(classes))
    write_images(args.out, images, job)
    counts = ", ".join(f"{(split == code).sum()} {part}" for code, part in enumerate(PARTS))
    log.info("%s: %s images of %dx%dx%d, %d classes", args.images, counts, *images.shape, len(classes))
