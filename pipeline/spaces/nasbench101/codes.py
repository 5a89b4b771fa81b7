"""NAS-Bench-101's vocabulary and the array layout of its cells.

A cell is a directed acyclic graph of at most 7 vertices and 9 edges: an input, an output, and between
them vertices that each carry one operation (Ying et al. 2019, section 2). Here every cell takes 7 slots:
INPUT in slot 0, OUTPUT in slot 6, the operations in slots 1, 2, … in topological order, and unused slots
(NONE, no edges) just before the output.
"""

from __future__ import annotations

import numpy as np

NAME = "nasbench101"
SIZE = 423_624  # unique cells
OPERATIONS_ON = "nodes"
V = 7
MAX_EDGES = 9

NONE, INPUT, CONV3X3, CONV1X1, MAXPOOL3X3, OUTPUT = range(6)
OP_NAMES = ("none", "input", "conv3x3", "conv1x1", "maxpool3x3", "output")
N_OPS = len(OP_NAMES)
INTERIOR_OPS = (CONV3X3, CONV1X1, MAXPOOL3X3)

UPPER = np.triu_indices(V, 1)  # the 21 possible edges, row by row


def vertices(ops: np.ndarray) -> np.ndarray:
    """Return how many vertices each cell has, int64 (N,), from `ops` (N, 7)."""
    return np.count_nonzero(ops != NONE, axis=1)


def slots(v: int) -> list[int]:
    """Return the slots that a cell of `v` vertices fills."""
    return [*range(v - 1), V - 1]
