"""Handwritten digits that come with scikit-learn: 1,797 images of 8x8 pixels, ten classes."""

from __future__ import annotations

import numpy as np


def read() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return (images uint8 (1797, 1, 8, 8), labels uint8 (1797,), class names); 0..16 becomes 0..255."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[:, None]
    return images, digits.target.astype(np.uint8), [str(name) for name in digits.target_names]
