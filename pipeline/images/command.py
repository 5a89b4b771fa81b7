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
    parser.add_argument(
        "--file", type=Path, help="archive or folder to read, for a source that is read from one"
    )
    parser.add_argument("--out", type=Path, required=True, help="image set to write (HDF5)")


def run(args, job) -> None:
    """Write kind "images". Raises DataError for a source that is not what it should be."""
    from pipeline.images.sets import PARTS, write_images

    images, index = read_images(args.images, args.file, job.settings, job.seed)
    write_images(args.out, images, job, index, inputs=[] if args.file is None else [args.file])
    counts = ", ".join(f"{(images.split == code).sum()} {part}" for code, part in enumerate(PARTS))
    log.info("%s: %s images of %dx%dx%d, %d classes", images.name, counts, *images.shape, len(images.classes))


def read_images(name: str, file: Path | None, settings: dict, seed: int):
    """Return (ImageSet, place of each image in its source, int (N,)).

    settings: of the image set, `source` included; the source is the module of that name in this package.
    Raises DataError, naming file and place, and ConfigError if the split does not fit.
    """
    import numpy as np

    from pipeline.errors import ConfigError, DataError
    from pipeline.images.sets import TRAIN, UNUSED, ImageSet, split_by_seed

    module = importlib.import_module(f"pipeline.images.{settings['source']}")
    own = module.Settings(**{k: v for k, v in settings.items() if k in module.Settings.model_fields})
    if hasattr(own, "file") and file is None:
        raise ConfigError(f"images.{name}: this source is read from a file; give it with --file")
    source = module.read(file, own)
    split = split_by_seed(source.labels, own.n_valid, own.n_test, seed, name, own.n_train, source.test)
    usable = source.labels if source.test is None else source.labels[~source.test]
    for label, title in enumerate(source.classes):
        if not (usable == label).any():
            raise DataError(f"{file}: there is no training image of the class {title!r}")
        if not ((source.labels == label) & (split == TRAIN)).any():
            raise ConfigError(
                f"images.{name}: the class {title!r} is left without training images; raise n_train, or "
                "lower n_valid or n_test"
            )
    index = np.flatnonzero(split != UNUSED)
    pixels = source.images if len(index) == len(split) else source.images[index]
    published = None if source.mean is None else (source.mean, source.std)
    images = ImageSet(name, pixels, source.labels[index], split[index], source.classes, published)
    return images, index
