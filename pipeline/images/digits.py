"""Source `digits`: the test part of the UCI "Optical Recognition of Handwritten Digits" set, offline.

1,797 grey images of 8x8 with 17 levels, from `sklearn.datasets.load_digits`.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from pipeline.images.settings import SplitSettings
from pipeline.images.source import Source

LEVELS = 16  # pixels are 0..16


class Settings(SplitSettings):
    """1,797 grey 8x8 images of handwritten digits that come with scikit-learn."""

    n_valid: int = Field(600, ge=1, description="images for validation, drawn by seed, classes in proportion")
    n_test: int = Field(600, ge=1, description="images for the final test, drawn likewise")


def load() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return images uint8 (1797, 1, 8, 8) with 0..255, labels uint8 (1797,), class names."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.rint(digits.images * (255 / LEVELS)).astype(np.uint8)[:, None]
    return images, digits.target.astype(np.uint8), [str(name) for name in digits.target_names]


def read(path: None, settings: Settings) -> Source:
    """Return the images; they come from no file."""
    images, labels, classes = load()
    return Source(images, labels, tuple(classes))
