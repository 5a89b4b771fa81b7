"""Seeded random cells of a space, whose features say what is usual there: scales that depend on no data."""

from __future__ import annotations

import numpy as np

from pipeline import spaces
from pipeline.randomness import rng
from pipeline.spaces.archs import Archs

N_CELLS = 2000
DRAWS = 8  # random graphs for each cell of NAS-Bench-101; fewer than half are cells
EDGE_CHANCE = 0.4


def reference_cells(name: str) -> Archs:
    """Return N_CELLS random cells of the space `name`; some may occur twice.

    Operations on edges: spellings, all equally likely. Operations on vertices: random graphs and operations,
    pruned, of which those that are cells stay.
    """
    space, generator = spaces.load(name), rng(0, "reference cells", name)
    if space.OPERATIONS_ON == "edges":
        return space.from_key(generator.integers(space.SIZE, size=N_CELLS, dtype=np.uint64))
    n, v = DRAWS * N_CELLS, space.V
    ops = generator.choice(np.array(space.INTERIOR_OPS, np.uint8), size=(n, v))
    ops[:, 0], ops[:, -1] = space.INPUT, space.OUTPUT
    adj = np.triu(generator.random((n, v, v)) < EDGE_CHANCE, 1).astype(np.uint8)
    archs = space.prune(Archs(spaces.base(name), ops, adj))
    return archs[np.flatnonzero(space.validate(archs))[:N_CELLS]]
