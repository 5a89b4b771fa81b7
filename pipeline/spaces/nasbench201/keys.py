"""Integers that name cells: by their string, and by the computation that they stand for.

Isomorphic cells were trained apart in this benchmark, so a cell's identity (`cell_key`) is its string: the
number that its six operation codes make in base 5, the edge (0, 1) first. The canonical key is the
smallest `cell_key` of all cells with an isomorphic reduced graph (see `reduction`).
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench201.codes import EDGES, N_OPS, NAME, SIZE
from pipeline.spaces.nasbench201.reduction import spelling

_POWERS = N_OPS ** np.arange(len(EDGES) - 1, -1, -1, dtype=np.int64)


def cell_key(archs: Archs) -> np.ndarray:
    """Return uint64 (N,): each cell's place in `enumerate_cells`, 0 to 15,624. The cells must be valid."""
    return (archs.ops @ _POWERS).astype(np.uint64)


def canonical_key(archs: Archs) -> np.ndarray:
    """Return uint64 (N,), equal exactly for cells with isomorphic reduced graphs (`reduction`).

    It is the `cell_key` of the class' smallest member. The cells must be valid.
    """
    return _class_of()[cell_key(archs)]


def from_key(keys: np.ndarray) -> Archs:
    """Return the cells that `keys` (uint64 (N,), from `cell_key` or `canonical_key`) name.

    Raises ValueError for a key that is no cell's.
    """
    keys = np.asarray(keys, dtype=np.uint64)
    if len(keys) and keys.max() >= SIZE:
        raise ValueError(f"{NAME}: {keys.max()} is no cell's key; keys go from 0 to {SIZE - 1}")
    return Archs(NAME, (keys.astype(np.int64)[:, None] // _POWERS % N_OPS).astype(np.uint8))


@cache
def _class_of() -> np.ndarray:
    """Return uint64 (15625,): cell key -> canonical key."""
    smallest: dict[tuple, int] = {}
    cells = product(range(N_OPS), repeat=len(EDGES))  # ascending keys
    return np.array([smallest.setdefault(spelling(ops), key) for key, ops in enumerate(cells)], np.uint64)
