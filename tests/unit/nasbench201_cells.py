"""Cells of NAS-Bench-201 for tests."""

from __future__ import annotations

import numpy as np

from pipeline.spaces.archs import Archs


def cells(*codes: str) -> Archs:
    """Cells by their short names, six operation codes each."""
    return Archs("nasbench201", np.array([[int(c) for c in code] for code in codes], dtype=np.uint8))
