"""Source `cifar100`: 60,000 photos of 100 classes in 20 groups, from the official archive for Python."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.images.cifar import ArchiveFile, ArchiveSettings, Md5, read_archive
from pipeline.images.source import Source

ORIGIN = "161 MB, https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
# What NAS-Bench-201's authors normalise by; mean and deviation over all training pixels.
MEAN = (129.3 / 255, 124.1 / 255, 112.4 / 255)
STD = (68.2 / 255, 65.4 / 255, 70.4 / 255)


class Settings(ArchiveSettings):
    """CIFAR-100: 50,000 + 10,000 images."""

    file: ArchiveFile = "cifar-100-python.tar.gz"
    md5: Md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    classes: Literal["fine", "coarse"] = Field("fine", description="the 100 classes, or their 20 groups")


def read(path: Path, settings: Settings) -> Source:
    """Return the images in the archive's order: train, test. Raises DataError."""
    labels, names = f"{settings.classes}_labels", f"{settings.classes}_label_names"
    source = read_archive(path, settings, ["train"], "test", "meta", labels, names)
    return replace(source, mean=MEAN, std=STD) if settings.normalise == "published" else source
