"""Source `cifar10`: 60,000 photos of 10 classes, from the official archive for Python."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline.images.cifar import ArchiveFile, ArchiveSettings, Md5, read_archive
from pipeline.images.source import Source

ORIGIN = "163 MB, https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
TRAIN = [f"data_batch_{number}" for number in range(1, 6)]
# What NAS-Bench-101's, info-NAS' and DARTS' authors normalise by. The deviations are means over images of
# each image's own; over all pixels they are (.247, .243, .262).
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)


class Settings(ArchiveSettings):
    """CIFAR-10: 50,000 + 10,000 images."""

    file: ArchiveFile = "cifar-10-python.tar.gz"
    md5: Md5 = "c58f30108f718f92721af3b95e74349a"


def read(path: Path, settings: Settings) -> Source:
    """Return the images in the archive's order: data_batch_1 to 5, test_batch. Raises DataError."""
    source = read_archive(path, settings, TRAIN, "test_batch", "batches.meta", "labels", "label_names")
    return replace(source, mean=MEAN, std=STD) if settings.normalise == "published" else source
