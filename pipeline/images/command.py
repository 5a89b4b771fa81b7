"""Command `images`: read an image set and split it."""

from __future__ import annotations

import importlib
import logging
from pathlib import Path

HELP = "Read an image set, split it by seed, and write it as uint8 arrays."
log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument("--images", required=True, metavar="NAME", help="name of the image set in the configuration")
    parser.add_argument("--out", type=Path, required=True, help="image set to write (HDF5)")


def run(args, job) -> None:
    """Write kind "images"."""
    from pipeline.images.sets import PARTS, ImageSet, split, write_images
    from pipeline.images.settings import ImageSettings

    name = job.settings["name"]
    settings = ImageSettings(**{k: v for k, v in job.settings.items() if k != "name"})
    pixels, labels, classes = importlib.import_module(f"pipeline.images.{settings.source}").read()
    parts = split(len(labels), settings.n_valid, settings.n_test, job.seed, name)
    images = ImageSet(name, pixels, labels, parts, classes)
    write_images(args.out, images, job)
    sizes = ", ".join(f"{len(images.part(part)[1])} {part}" for part in PARTS)
    log.info("%s: %d images of %s, %d classes: %s", name, len(labels), images.shape, len(classes), sizes)
