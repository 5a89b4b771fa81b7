"""An integer per cell that is equal for two cells exactly if they are isomorphic.

The key is a canonical form, not a hash: of all orders of the (at most five) interior vertices that
keep the edges pointing forward, it spells the one with the smallest number. It can be read back.
Bits from the top: vertices (3), five operations (2 each), the 21 possible edges.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations, permutations

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101.codes import (
    CONV1X1,
    CONV3X3,
    INPUT,
    MAXPOOL3X3,
    NAME,
    NONE,
    OUTPUT,
    UPPER,
    V,
    vertices,
)

_INTERIOR = V - 2
_EDGE_BITS = len(UPPER[0])
_OP_BITS = 2 * _INTERIOR
# NONE is the largest digit, so that the smallest spelling has the unused slots last.
_CODE_OF_DIGIT = np.array([CONV3X3, CONV1X1, MAXPOOL3X3, NONE], dtype=np.uint8)
_DIGIT_OF_CODE = np.zeros(OUTPUT + 1, dtype=np.uint8)
_DIGIT_OF_CODE[_CODE_OF_DIGIT] = range(4)
_BACKWARD = 2.0**40  # larger than any spelling: an order with a backward edge never wins
_BLOCK = 8192


@cache
def _weights() -> np.ndarray:
    """Return float64 (120 orders, 21 edges + 5 operations): what each 1 adds to the spelling."""
    bit = {pair: 2.0 ** (_EDGE_BITS - 1 - k) for k, pair in enumerate(combinations(range(V), 2))}
    rows = []
    for order in permutations(range(1, V - 1)):
        place = (0, *order, V - 1)
        edges = [bit.get((place[i], place[j]), _BACKWARD) for i, j in combinations(range(V), 2)]
        digits = [2.0 ** (_EDGE_BITS + 2 * (_INTERIOR - place[i])) for i in range(1, V - 1)]
        rows.append(edges + digits)
    return np.array(rows)


def canonical_key(archs: Archs) -> np.ndarray:
    """Return uint64 (N,), equal exactly for isomorphic cells; ascending keys mean ascending vertices.

    Edges must point forward (upper triangular `adj`); unused slots may lie anywhere in the interior.
    """
    keys = np.empty(len(archs), dtype=np.uint64)
    features = np.empty((_weights().shape[1], _BLOCK))
    for start in range(0, len(archs), _BLOCK):
        adj, ops = archs.adj[start : start + _BLOCK], archs.ops[start : start + _BLOCK]
        n = len(ops)
        features[:_EDGE_BITS, :n] = adj[:, UPPER[0], UPPER[1]].T
        features[_EDGE_BITS:, :n] = _DIGIT_OF_CODE[ops[:, 1:-1]].T
        spellings = _weights() @ features[:, :n]  # (120, n); sums of integers below 2**53: exact
        keys[start : start + n] = spellings.min(axis=0)
    return keys + (vertices(archs.ops).astype(np.uint64) << np.uint64(_EDGE_BITS + _OP_BITS))


def cell_key(archs: Archs) -> np.ndarray:
    """Return uint64 (N,), what the benchmark counts as one cell: its canonical key."""
    return canonical_key(archs)


def from_key(keys: np.ndarray) -> Archs:
    """Return the cells that `keys` (uint64 (N,), as from `canonical_key`) spell."""
    keys = np.asarray(keys, dtype=np.uint64)
    ops = np.full((len(keys), V), INPUT, dtype=np.uint8)
    ops[:, -1] = OUTPUT
    for i in range(1, V - 1):
        shift = np.uint64(_EDGE_BITS + 2 * (_INTERIOR - i))
        ops[:, i] = _CODE_OF_DIGIT[(keys >> shift) & np.uint64(3)]
    adj = np.zeros((len(keys), V, V), dtype=np.uint8)
    for k, (i, j) in enumerate(combinations(range(V), 2)):
        adj[:, i, j] = (keys >> np.uint64(_EDGE_BITS - 1 - k)) & np.uint64(1)
    return Archs(NAME, ops, adj)
