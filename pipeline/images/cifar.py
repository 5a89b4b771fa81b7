"""What the two CIFAR archives have in common: pickled batches of 32x32 colour images.

A batch is a dict with `data`, uint8 (n, 3072), each row an image of 3 x 32 x 32, and a list of n labels.
Source: the description at https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from pipeline.errors import DataError
from pipeline.images.archives import read_members
from pipeline.images.plain_pickle import read_dict
from pipeline.images.settings import SplitSettings
from pipeline.images.source import Source
from pipeline.storage.data_files import DataFile

SHAPE = (3, 32, 32)
_WIDTH = 3 * 32 * 32
_HUGE = 10**18  # larger numbers are no labels either

ArchiveFile = Annotated[DataFile, Field(description="the archive, in data_dir unless the path is absolute")]
Md5 = Annotated[
    str | None,
    Field(
        pattern="^[0-9a-f]{32}$", description="MD5 of the archive, checked; null: any archive of this layout"
    ),
]


class ArchiveSettings(SplitSettings):
    """Settings of both archives; `file` and `md5` have defaults of their own there."""

    file: ArchiveFile
    md5: Md5
    normalise: Literal["published", "own"] = Field(
        "published",
        description="mean and deviation that images are normalised by: those that the papers use, or the "
        "training images' own",
    )


def read_archive(
    path: Path, settings: ArchiveSettings, train: list[str], test: str, meta: str, labels: str, names: str
) -> Source:
    """Return the images of the batches `train` and `test`, in this order.

    labels: key of the labels in a batch. meta, names: file with the classes' names, and their key.
    Raises DataError, naming file and batch.
    """
    found, classes = {}, None
    for member, raw in read_members(path, [*train, test, meta], settings.md5):
        place = f"{path}: {member}"
        content = read_dict(raw, place)
        if member == meta:
            classes = _classes(content, names, place)
        else:
            found[member] = (_images(content, place), _labels(content, labels, place))
    batches = [found[name] for name in [*train, test]]
    for name, (images, numbers) in zip([*train, test], batches, strict=True):
        _check_labels(images, numbers, classes, labels, f"{path}: {name}")
    sizes = [len(images) for images, _ in batches]
    return Source(
        images=np.concatenate([images for images, _ in batches]),
        labels=np.concatenate([numbers for _, numbers in batches]).astype(np.uint8),
        classes=classes,
        test=np.repeat([False, True], [sum(sizes[:-1]), sizes[-1]]),
    )


def _images(content: dict, place: str) -> np.ndarray:
    """Return the images of a batch, uint8 (n, 3, 32, 32)."""
    data = _entry(content, "data", place)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2:
        what = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        raise DataError(f"{place}: data is {what}, expected an array uint8 (n, {_WIDTH})")
    if data.shape[1] != _WIDTH or not len(data):
        raise DataError(
            f"{place}: data is {data.shape[0]} images of {data.shape[1]} values, expected one or more of "
            f"{_WIDTH} (3 x 32 x 32)"
        )
    return np.ascontiguousarray(data).reshape(-1, *SHAPE)


def _labels(content: dict, key: str, place: str) -> np.ndarray:
    """Return the labels of a batch, int64 (n,)."""
    values = _entry(content, key, place)
    if isinstance(values, np.ndarray) and values.dtype.kind in "iu" and values.ndim == 1:
        values = values.tolist()
    wrong = "no list of numbers"
    if isinstance(values, list):
        wrong = next(
            (f"no whole number in row {row}" for row, v in enumerate(values) if type(v) is not int), ""
        )
    if wrong:
        raise DataError(f"{place}: {key}: {wrong}; expected one class number an image")
    return np.array([min(max(value, -_HUGE), _HUGE) for value in values], np.int64)


def _check_labels(images, labels, classes: tuple, key: str, place: str) -> None:
    if len(labels) != len(images):
        raise DataError(f"{place}: {len(labels)} {key} for {len(images)} images")
    wrong = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if len(wrong):
        raise DataError(
            f"{place}: {key}: row {wrong[0]} is {labels[wrong[0]]}, expected 0 to {len(classes) - 1}"
        )


def _classes(content: dict, key: str, place: str) -> tuple[str, ...]:
    values = _entry(content, key, place)
    if not isinstance(values, list) or not all(isinstance(value, str | bytes) for value in values):
        raise DataError(f"{place}: {key} is no list of class names")
    names = tuple(v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values)
    if not 2 <= len(set(names)) == len(names) <= 256:
        raise DataError(f"{place}: {key}: {len(names)} class names, expected 2 to 256 different ones")
    return names


def _entry(content: dict, key: str, place: str):
    if key not in content:
        raise DataError(
            f"{place}: there is no {key!r} in it, but {', '.join(sorted(content))[:200] or 'nothing'}"
        )
    return content[key]
