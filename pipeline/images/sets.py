"""An image set: images, labels, and which of them are for training, validation and test."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline.errors import ConfigError
from pipeline.job import Job
from pipeline.randomness import rng
from pipeline.storage.artifacts import open_h5, put, put_table, write_h5

KIND = "images"
PARTS = ("train", "valid", "test")  # the split's codes 0, 1, 2
TRAIN, VALID, TEST = range(3)
UNUSED = 3  # a split's code of images that are in no part; they are not stored
BLOCK = 1000  # images counted at once


@dataclass(frozen=True)
class ImageSet:
    """N images.

    images: uint8 (N, C, H, W). labels: uint8 (N,), positions in `classes`. split: uint8 (N,), positions
    in `PARTS`. published: (mean, std) that images are normalised by, C numbers each, in [0, 1] units; None:
    the training part's own.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    classes: tuple[str, ...]
    published: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return self.images.shape[1:]

    def part(self, which: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (images uint8 (n, C, H, W), labels uint8 (n,)) of "train", "valid" or "test"."""
        rows = self.split == PARTS.index(which)
        return self.images[rows], self.labels[rows]

    @cached_property
    def mean(self) -> np.ndarray:
        """What is subtracted by channel, float32 (C,), in [0, 1] units: published, or the training part's."""
        return self._statistics[0]

    @cached_property
    def std(self) -> np.ndarray:
        """What is divided by, likewise; 1 for a channel that is the same everywhere."""
        return self._statistics[1]

    @cached_property
    def _statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """From the histogram of pixel values: exact, and without a float copy of the images."""
        if self.published is not None:
            return np.float32(self.published[0]), np.float32(self.published[1])
        train = np.flatnonzero(self.split == TRAIN)
        counts = np.zeros((self.shape[0], 256), np.int64)
        for start in range(0, len(train), BLOCK):
            block = self.images[train[start : start + BLOCK]]
            for channel in range(self.shape[0]):
                counts[channel] += np.bincount(block[:, channel].reshape(-1), minlength=256)
        values = np.arange(256) / 255
        mean, std = [], []
        for count in counts:
            share = count / count.sum()
            mean.append(share @ values)
            std.append(np.sqrt(share @ (values - mean[-1]) ** 2) or 1.0)
        return np.float32(mean), np.float32(std)

    def normalised(self, images: np.ndarray) -> np.ndarray:
        """Return uint8 images (n, C, H, W) as float32, normalised by `mean` and `std`."""
        scaled = images.astype(np.float32) / np.float32(255)
        return (scaled - self.mean[:, None, None]) / self.std[:, None, None]

    @cached_property
    def digest(self) -> str:
        """Digest of the content: equal exactly for equal images, labels, splits, classes and `published`."""
        names = "\0".join(self.classes)
        sha = hashlib.sha256((names if self.published is None else f"{names}\0{self.published}").encode())
        for array in (self.images, self.labels, self.split):
            sha.update(repr(array.shape).encode())
            sha.update(np.ascontiguousarray(array))
        return sha.hexdigest()[:16]


def split_by_seed(
    labels: np.ndarray,
    n_valid: int,
    n_test: int | None,
    seed: int,
    name: str,
    n_train: int | None = None,
    own_test: np.ndarray | None = None,
) -> np.ndarray:
    """Return the split, uint8 (N,): n_valid, n_test and n_train images, each class in proportion (±1).

    own_test: bool (N,), images that only testing may use, and all that testing uses; None: any image may be
    drawn for anything. n_test None: all of `own_test`. n_train None: all that are left; else the others
    become `UNUSED`. Another n_train changes neither validation nor test images.

    Raises ConfigError, naming the setting, if there are not as many images or none is left for training.
    """
    order = _in_proportion(labels, rng(seed, "image split", name), None if own_test is None else ~own_test)
    split = np.full(len(labels), UNUSED, np.uint8)
    if own_test is None:
        if n_test is None:
            raise ConfigError(f"images.{name}.n_test: there is no test part of its own; give a number")
        if n_valid + n_test >= len(labels):
            raise ConfigError(
                f"images.{name}: n_valid {n_valid} + n_test {n_test} leave none of {len(labels)} to train "
                "on; lower them"
            )
        test = order[n_valid : n_valid + n_test]
        train = order[n_valid + n_test :]
    else:
        test = _in_proportion(labels, rng(seed, "image split", name, "test"), own_test)
        if n_test is not None and n_test > len(test):
            raise ConfigError(f"images.{name}.n_test: {n_test}, but the test part has {len(test)} images")
        if n_valid >= len(order):
            raise ConfigError(
                f"images.{name}: n_valid {n_valid} leaves none of {len(order)} to train on; lower it"
            )
        test, train = test[:n_test], order[n_valid:]
    if n_train is not None and n_train > len(train):
        raise ConfigError(f"images.{name}.n_train: {n_train}, but {len(train)} images are left to train on")
    split[order[:n_valid]] = VALID
    split[test] = TEST
    split[train[:n_train]] = TRAIN
    return split


def _in_proportion(labels: np.ndarray, stream: np.random.Generator, among: np.ndarray | None) -> np.ndarray:
    """Return the rows (`among` them) in random order, so that any stretch has all classes in proportion."""
    shuffled = stream.permutation(len(labels))
    if among is not None:
        shuffled = shuffled[among[shuffled]]
    place = np.empty(len(labels))  # where the image comes among those of its class, in (0, 1)
    for label in np.unique(labels):
        rows = shuffled[labels[shuffled] == label]
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return shuffled[np.argsort(place[shuffled], kind="stable")]


def write_images(
    path: Path | str, images: ImageSet, job: Job, index: np.ndarray | None = None, inputs: Sequence = ()
) -> None:
    """Write an image set as an artifact, uncompressed: photos would hardly become smaller, only slow.

    index: each image's place in its source, uint32 (N,); default 0, 1, …
    """
    with write_h5(path, KIND, job, inputs) as handle:
        handle.attrs["name"] = images.name
        handle.attrs["classes"] = list(images.classes)
        if images.published is not None:
            handle.attrs["published"] = np.array(images.published)
        put(handle, "images", images.images, compress=False)
        put(handle, "labels", images.labels)
        put(handle, "split", images.split)
        index = np.arange(len(images.labels)) if index is None else index
        split = np.array(PARTS)[images.split]
        put_table(handle, {"index": index.astype(np.uint32), "label": images.labels, "split": split})


def load_images(path: Path | str) -> ImageSet:
    """Read an image set. Raises ArtifactError if the file is missing, damaged or something else."""
    with open_h5(path, KIND) as handle:
        published = handle.attrs.get("published")
        return ImageSet(
            name=str(handle.attrs["name"]),
            images=handle["images"][()],
            labels=handle["labels"][()],
            split=handle["split"][()],
            classes=tuple(str(name) for name in handle.attrs["classes"]),
            published=None if published is None else tuple(tuple(row) for row in published.tolist()),
        )
