"""The name of an architecture: 32 digits, as there is no official hash."""

from __future__ import annotations

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.darts.layout import chosen_edges


def cell_ids(archs: Archs) -> list[str]:
    """Return 32 digits for each architecture: 16 for the normal cell, 16 for the reduction cell.

    For each of the nodes 2 to 5 its two edges in ascending order of their sources; for each edge the source
    and the operation, counted from 0 = max_pool_3x3 (see `OP_NAMES`). Isomorphic architectures may have
    different names. Raises ValueError for invalid ones.
    """
    sources, codes = chosen_edges(archs)
    digits = np.stack([sources, codes - 1], axis=-1).astype(np.uint8) + ord("0")  # (N, 2, 4, 2, 2)
    return digits.reshape(len(archs), 32).view("S32").ravel().astype(str).tolist()
