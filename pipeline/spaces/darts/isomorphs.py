"""All spellings of an architecture: the orders of intermediate nodes that keep edges pointing forward."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.darts.codes import EDGES, INPUT_NODES, INTERMEDIATE, NAME, NONE

_ORDERS = [(*INPUT_NODES, *order) for order in permutations(INTERMEDIATE)]  # node -> its number; itself first
_NUMBER = {edge: i for i, edge in enumerate(EDGES)}
_NOWHERE = len(EDGES)
# (24, 14): the edge that each one becomes, or _NOWHERE if it would point backward
_BECOMES = np.array([[_NUMBER.get((place[a], place[b]), _NOWHERE) for a, b in EDGES] for place in _ORDERS])


def isomorphs(archs: Archs) -> tuple[Archs, np.ndarray]:
    """Return (all different spellings of the architectures, int64 (M,): the row of each one's architecture).

    They come architecture by architecture, as it is first. The two cells' nodes are numbered apart, so there
    are up to 24 * 24.
    """
    normal, reduction = (_of_cell(archs.ops[:, cell]) for cell in range(archs.ops.shape[1]))
    ops, rows = [], []
    for row, (a, b) in enumerate(zip(normal, reduction, strict=True)):
        ops += [np.stack(pair) for pair in product(a, b)]
        rows += [row] * (len(a) * len(b))
    shape = (0, *archs.ops.shape[1:])
    return Archs(NAME, np.array(ops, np.uint8) if ops else np.zeros(shape, np.uint8)), np.array(
        rows, np.int64
    )


def _of_cell(ops: np.ndarray) -> list[list[np.ndarray]]:
    """Return the spellings of each cell, `ops` uint8 (N, 14): uint8 (14,) each, the cell's own first."""
    found: list[dict[bytes, np.ndarray]] = [{} for _ in ops]
    for becomes in _BECOMES:
        moved = np.zeros((len(ops), _NOWHERE + 1), np.uint8)
        moved[:, becomes[becomes < _NOWHERE]] = ops[:, becomes < _NOWHERE]
        forward = ~(ops[:, becomes == _NOWHERE] != NONE).any(axis=1)
        for row in np.flatnonzero(forward):
            found[row].setdefault(moved[row, :-1].tobytes(), moved[row, :-1])
    return [list(spellings.values()) for spellings in found]
