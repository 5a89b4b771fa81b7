"""An image set in memory, and its artifact."""

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
PARTS = ("train", "valid", "test")  # codes 0, 1, 2 of `split`


@dataclass(frozen=True)
class ImageSet:
    """N images. images: uint8 (N, C, H, W). labels: uint8 (N,). split: uint8 (N,), index into `PARTS`."""

    name: str
    images: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    classes: list[str]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return tuple(self.images.shape[1:])

    def part(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (images, labels) of the part "train", "valid" or "test"."""
        rows = self.split == PARTS.index(name)
        return self.images[rows], self.labels[rows]

    @cached_property
    def mean(self) -> np.ndarray:
        """Mean of each channel over the training part, float32 (C,), pixels in [0, 1]."""
        return (self.part("train")[0].mean(axis=(0, 2, 3), dtype=np.float64) / 255).astype(np.float32)

    @cached_property
    def std(self) -> np.ndarray:
        """Standard deviation of each channel over the training part, float32 (C,), pixels in [0, 1]."""
        return (self.part("train")[0].std(axis=(0, 2, 3), dtype=np.float64) / 255).astype(np.float32)

    def normalised(self, images: np.ndarray) -> np.ndarray:
        """Return uint8 images as networks see them: float32, mean 0 and deviation 1 over the training part."""
        mean, std = self.mean[:, None, None], np.maximum(self.std, 1e-6)[:, None, None]
        return (images.astype(np.float32) / np.float32(255) - mean) / std

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of what is in the set."""
        sha = hashlib.sha256(repr((self.name, self.images.shape, self.classes)).encode())
        for values in (self.images, self.labels, self.split):
            sha.update(np.ascontiguousarray(values).tobytes())
        return sha.hexdigest()


def split(n: int, n_valid: int, n_test: int, seed: int, name: str) -> np.ndarray:
    """Return the part of each of n images, uint8 (n,). Raises ConfigError if none is left for training."""
    if n_valid + n_test >= n:
        raise ConfigError(
            f"images.{name}: n_valid + n_test = {n_valid + n_test}, but there are {n} images; leave some for training"
        )
    order = rng(seed, "split", name).permutation(n)
    parts = np.zeros(n, np.uint8)
    parts[order[:n_valid]] = 1
    parts[order[n_valid : n_valid + n_test]] = 2
    return parts


def write_images(path: Path, images: ImageSet, job: Job) -> None:
    """Write an image set as an artifact."""
    with write_h5(path, KIND, job) as handle:
        handle.attrs["name"], handle.attrs["classes"] = images.name, images.classes
        put(handle, "images", images.images)
        put(handle, "labels", images.labels)
        put(handle, "split", images.split)
        part = np.array(PARTS)[images.split]
        put_table(handle, {"index": np.arange(len(images.labels)), "label": images.labels, "split": part})


def load_images(path: Path | str) -> ImageSet:
    """Read an image set. Raises ArtifactError if the file is missing, damaged or something else."""
    with open_h5(path, KIND) as handle:
        return ImageSet(
            name=str(handle.attrs["name"]),
            images=handle["images"][()],
            labels=handle["labels"][()],
            split=handle["split"][()],
            classes=[str(c) for c in handle.attrs["classes"]],
        )
