"""Hand-made NAS-Bench-101 cells for tests."""

from __future__ import annotations

import numpy as np

from pipeline.spaces import Archs
from pipeline.spaces.nasbench101 import INPUT, OUTPUT


def cell(interior=(), edges=()) -> Archs:
    """One cell from its interior operations and edges between slots 0..6."""
    ops = np.zeros((1, 7), dtype=np.uint8)
    ops[0, 0], ops[0, 1 : 1 + len(interior)], ops[0, 6] = INPUT, interior, OUTPUT
    adj = np.zeros((1, 7, 7), dtype=np.uint8)
    for i, j in edges:
        adj[0, i, j] = 1
    return Archs("nasbench101", ops, adj)
