"""Drawing cells at random, and changing them: sample, mutate, cross over. All rows at once."""

from __future__ import annotations

import numpy as np

from pipeline.errors import ConfigError
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench201.codes import EDGES, N_OPS, NAME
from pipeline.spaces.nasbench201.enumeration import enumerate_cells
from pipeline.spaces.nasbench201.layout import validate


def sample(n: int, rng: np.random.Generator) -> Archs:
    """Return `n` different cells, each subset of the 15,625 equally likely.

    Raises ConfigError if the space has fewer than `n` cells.
    """
    cells = enumerate_cells()
    if n > len(cells):
        raise ConfigError(f"{NAME}: {n} cells were asked for, but the space has {len(cells)}; ask for fewer")
    return cells[rng.choice(len(cells), size=n, replace=False)]


def mutate(archs: Archs, rng: np.random.Generator) -> Archs:
    """Return one of each cell's 24 neighbours: one edge has another operation. All are equally likely.

    A neighbour is another string; it may stand for the same computation.
    """
    if not validate(archs).all():
        raise ValueError("mutate: some cells are not valid")
    ops, rows = archs.ops.copy(), np.arange(len(archs))
    edge = rng.integers(len(EDGES), size=len(archs))
    ops[rows, edge] = (ops[rows, edge] + rng.integers(1, N_OPS, size=len(archs))) % N_OPS
    return Archs(NAME, ops)


def crossover(a: Archs, b: Archs, rng: np.random.Generator) -> Archs:
    """Return one child of each pair of cells: every edge's operation from either parent."""
    if len(a) != len(b):
        raise ValueError(f"crossover: {len(a)} and {len(b)} parents")
    from_b = rng.integers(2, size=a.ops.shape).astype(bool)
    return Archs(NAME, np.where(from_b, b.ops, a.ops))
