"""An image set: images, labels, and which of them are for training, validation and test."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline.artifacts import open_h5, put, put_table, write_h5
from pipeline.errors import ConfigError
from pipeline.job import Job
from pipeline.randomness import rng

KIND = "images"
PARTS = ("train", "valid", "test")  # the split's codes 0, 1, 2
TRAIN, VALID, TEST = range(3)


@dataclass(frozen=True)
class ImageSet:
    """N images.

    images: uint8 (N, C, H, W). labels: uint8 (N,), positions in `classes`. split: uint8 (N,), positions
    in `PARTS`.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    classes: tuple[str, ...]

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
        """Mean of the training images' pixels by channel, float32 (C,), in [0, 1] units."""
        return self._statistics[0]

    @cached_property
    def std(self) -> np.ndarray:
        """Standard deviation likewise; 1 for a channel that is the same everywhere."""
        return self._statistics[1]

    @cached_property
    def _statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """From the histogram of pixel values: exact, and without a float copy of the images."""
        train = self.images[self.split == TRAIN]
        values = np.arange(256) / 255
        mean, std = [], []
        for channel in range(train.shape[1]):
            share = np.bincount(train[:, channel].reshape(-1), minlength=256) / train[:, channel].size
            mean.append(share @ values)
            std.append(np.sqrt(share @ (values - mean[-1]) ** 2) or 1.0)
        return np.float32(mean), np.float32(std)

    def normalised(self, images: np.ndarray) -> np.ndarray:
        """Return uint8 images (n, C, H, W) as float32, normalised by the training part's mean and std."""
        scaled = images.astype(np.float32) / np.float32(255)
        return (scaled - self.mean[:, None, None]) / self.std[:, None, None]

    @cached_property
    def digest(self) -> str:
        """Digest of the content: equal exactly for equal images, labels, splits and class names."""
        sha = hashlib.sha256("\0".join(self.classes).encode())
        for array in (self.images, self.labels, self.split):
            sha.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
        return sha.hexdigest()[:16]


def split_by_seed(labels: np.ndarray, n_valid: int, n_test: int, seed: int, name: str) -> np.ndarray:
    """Return the split, uint8 (N,): exactly n_valid and n_test images, in each class in proportion (±1).

    Raises ConfigError if no image is left for training.
    """
    n = len(labels)
    if n_valid + n_test >= n:
        raise ConfigError(
            f"images.{name}: n_valid {n_valid} + n_test {n_test} leave none of {n} to train on; lower them"
        )
    shuffled = rng(seed, "image split", name).permutation(n)
    place = np.empty(n)  # where the image comes among those of its class, in (0, 1)
    for label in np.unique(labels):
        rows = shuffled[labels[shuffled] == label]
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    order = shuffled[
        np.argsort(place[shuffled], kind="stable")
    ]  # any stretch of it has all classes in proportion
    split = np.full(n, TRAIN, np.uint8)
    split[order[:n_valid]] = VALID
    split[order[n_valid : n_valid + n_test]] = TEST
    return split


def write_images(path: Path | str, images: ImageSet, job: Job) -> None:
    """Write an image set as an artifact."""
    with write_h5(path, KIND, job) as handle:
        handle.attrs["name"] = images.name
        handle.attrs["classes"] = list(images.classes)
        put(handle, "images", images.images)
        put(handle, "labels", images.labels)
        put(handle, "split", images.split)
        index = np.arange(len(images.labels), dtype=np.uint32)
        put_table(handle, {"index": index, "label": images.labels, "split": np.array(PARTS)[images.split]})


def load_images(path: Path | str) -> ImageSet:
    """Read an image set. Raises ArtifactError if the file is missing, damaged or something else."""
    with open_h5(path, KIND) as handle:
        return ImageSet(
            name=str(handle.attrs["name"]),
            images=handle["images"][()],
            labels=handle["labels"][()],
            split=handle["split"][()],
            classes=tuple(str(name) for name in handle.attrs["classes"]),
        )
