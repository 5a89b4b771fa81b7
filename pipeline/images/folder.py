"""Source `folder`: image files, a folder for each class.

`<folder>/<class>/<image>`, or `<folder>/train/<class>/<image>` beside `<folder>/test/<class>/<image>`.
PNG, JPEG and WebP, read with Pillow. Order: training images before test images, classes by name, files by
name. Files with other endings and hidden files are left out, with a warning that counts them.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from pydantic import Field

from pipeline.errors import DataError
from pipeline.images.settings import SplitSettings
from pipeline.images.source import Source
from pipeline.storage.data_files import DataFile

ORIGIN = "<class>/<image> or train/<class>/<image> and test/<class>/<image>; PNG, JPEG or WebP"
ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
PARTS = ("train", "test")
MOST_PIXELS = 100_000_000  # of one image; a small file can declare any number
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")  # of 8 bits; others would be cut off
log = logging.getLogger("nasflow")


class Settings(SplitSettings):
    """An image folder; without train and test folders in it, n_test images are drawn from all."""

    file: DataFile = Field(description="the folder, in data_dir unless the path is absolute")
    size: int | None = Field(
        None,
        ge=4,
        le=1024,
        description="height and width: shorter side scaled, centre cut out; null: all images have one size",
    )
    grey: bool = Field(False, description="one channel instead of three")


def read(path: Path, settings: Settings) -> Source:
    """Return the images; three channels, or one with `grey`.

    Raises DataError, naming folder or file: no class folders, train without test, an empty class, a class
    in one of train and test only, an image that cannot be read, has more than 8 bits or another size.
    """
    if not path.is_dir():
        raise DataError(f"{path}: {'a file, expected a folder' if path.exists() else 'no such folder'}")
    parts = _parts(path)
    classes = _classes(parts)
    files, labels, test = [], [], []
    ignored: list[Path] = []
    for number, part in enumerate(parts):
        for label, name in enumerate(classes):
            found = _images_in(part / name, ignored)
            files += found
            labels += [label] * len(found)
            test += [number == 1] * len(found)
    if ignored:
        log.warning(
            "%s: %d files are no images and were left out, the first %s", path, len(ignored), ignored[0]
        )
    return Source(
        images=_decode(files, settings),
        labels=np.array(labels, np.uint8),
        classes=classes,
        test=np.array(test) if len(parts) == 2 else None,
    )


def _folders(path: Path) -> list[str]:
    return sorted(p.name for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))


def _parts(path: Path) -> list[Path]:
    """Return the folders that hold class folders: `path` itself, or its train and test."""
    names = _folders(path)
    if not names:
        raise DataError(f"{path}: there are no folders in it, expected {ORIGIN}")
    if not set(PARTS) <= set(names):
        return [path]
    others = [name for name in names if name not in PARTS]
    if others:
        raise DataError(
            f"{path}: beside train and test there is {others[0]!r}; images for validation are drawn from "
            "train; move it away, or into train"
        )
    return [path / part for part in PARTS]


def _classes(parts: list[Path]) -> tuple[str, ...]:
    names = _folders(parts[0])
    if not 2 <= len(names) <= 256:
        raise DataError(f"{parts[0]}: {len(names)} class folders, expected 2 to 256")
    for other in parts[1:]:
        odd = sorted(set(names) ^ set(_folders(other)))
        if odd:
            where = parts[0] if odd[0] in names else other
            raise DataError(f"{where / odd[0]}: a class without a folder in the other of train and test")
    return tuple(names)


def _images_in(folder: Path, ignored: list[Path]) -> list[Path]:
    """Return the image files of a class; what is none is added to `ignored`."""
    files = sorted(folder.iterdir(), key=lambda p: p.name)
    images = [p for p in files if p.suffix.lower() in ENDINGS and not p.name.startswith(".") and p.is_file()]
    chosen = set(images)
    ignored += [p for p in files if p not in chosen]
    if not images:
        raise DataError(
            f"{folder}: a class folder without images ({', '.join(ENDINGS)}); add some, or remove the folder"
        )
    return images


def _decode(files: list[Path], settings: Settings) -> np.ndarray:
    """Return the images, uint8 (N, C, H, W)."""
    first = _pixels(files[0], settings)
    images = np.empty((len(files), *first.shape), np.uint8)
    for row, file in enumerate(files):
        pixels = _pixels(file, settings)
        if pixels.shape != first.shape:
            (height, width), (h, w) = pixels.shape[1:], first.shape[1:]
            raise DataError(
                f"{file}: {width}x{height} pixels, but {files[0].name} has {w}x{h}; give all images "
                "one size, or set size to have them scaled and cut"
            )
        images[row] = pixels
    return images


def _pixels(file: Path, settings: Settings) -> np.ndarray:
    """Return one image, uint8 (C, H, W), turned as its camera noted."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file, formats=("PNG", "JPEG", "WEBP")) as image:
            mode = image.mode
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"{image.width}x{image.height} pixels, expected at most {MOST_PIXELS}")
            if mode in _MODES:
                image = ImageOps.exif_transpose(image).convert("L" if settings.grey else "RGB")
                if settings.size is not None:
                    image = ImageOps.fit(image, (settings.size, settings.size), Image.Resampling.LANCZOS)
                pixels = np.asarray(image)
    except Exception as error:  # decoders of damaged files raise whatever they run into
        reason = str(error).replace(repr(str(file)), "it") or type(error).__name__
        raise DataError(f"{file}: cannot be read as an image ({reason}); mend or remove it") from error
    if mode not in _MODES:
        raise DataError(f"{file}: has pixels of mode {mode}, expected at most 8 bits a channel; convert it")
    return pixels[None] if settings.grey else pixels.transpose(2, 0, 1)
