"""What every source of images returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Source:
    """N images as a source holds them, in its order.

    images: uint8 (N, C, H, W). labels: uint8 (N,), positions in `classes`. test: bool (N,), the source's own
    test part; None if it has none. mean, std: C numbers each, in [0, 1] units, that images are to be
    normalised by; None: those of the training images.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    test: np.ndarray | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
