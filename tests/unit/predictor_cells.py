"""Cells with made-up accuracies for tests of predictors, and a GATES small enough for them."""

from __future__ import annotations

import numpy as np

from pipeline.spaces import nasbench101 as space
from pipeline.spaces.archs import Archs

SMALL = {"layers": 3, "hidden": 24, "information_hidden": 24, "mlp": [32], "batch_size": 32}


def some_cells(n: int = 600) -> Archs:
    """n valid cells, no two of them isomorphic."""
    rng = np.random.default_rng(0)
    ops = rng.integers(space.CONV3X3, space.OUTPUT, size=(8000, 7)).astype(np.uint8)
    ops[:, 0], ops[:, -1] = space.INPUT, space.OUTPUT
    adj = np.triu(rng.random((8000, 7, 7)) < 0.4, 1).astype(np.uint8)
    archs = space.prune(Archs("nasbench101", ops, adj))
    archs = archs[space.validate(archs)]
    archs = archs[np.sort(np.unique(space.canonical_key(archs), return_index=True)[1])]
    assert len(archs) >= n
    return archs[:n]


def made_up_accuracies(cells: Archs) -> np.ndarray:
    """Convolutions help, and so does a direct way from input to output."""
    wide, narrow = (cells.ops == space.CONV3X3).sum(axis=1), (cells.ops == space.CONV1X1).sum(axis=1)
    return 0.8 + 0.02 * wide + 0.013 * narrow + 0.007 * cells.adj[:, 0, -1]
