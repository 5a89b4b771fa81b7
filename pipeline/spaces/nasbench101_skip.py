"""The part of NAS-Bench-101 in which ReNAS looks for better cells: 68,552 of its cells.

Source: ReNAS, section 4.2 and table 5: cells with an edge from input to output and at least one 3x3
convolution. Their mean and best accuracies are the highest of the parts that the table has.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from pipeline import spaces
from pipeline.errors import ConfigError
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101 import enumeration, layout, variation
from pipeline.spaces.nasbench101.codes import CONV3X3
from pipeline.spaces.redraw import redraw

NAME = "nasbench101_skip"
SIZE = 68_552  # unique cells


def __getattr__(name: str):
    """What the subspace does not have of its own is NAS-Bench-101's."""
    return getattr(spaces.load(spaces.base(NAME)), name)


def inside(archs: Archs) -> np.ndarray:
    """Return bool (N,): which cells of NAS-Bench-101 are in the subspace."""
    return (archs.adj[:, 0, -1] == 1) & (archs.ops == CONV3X3).any(axis=1)


@cache
def enumerate_cells() -> Archs:
    """Return the unique cells (read-only arrays), in NAS-Bench-101's order."""
    cells = enumeration.enumerate_cells()
    found = cells[np.flatnonzero(inside(cells))]
    found.ops.flags.writeable = found.adj.flags.writeable = False
    return found


def validate(archs: Archs) -> np.ndarray:
    """Return bool (N,): which rows are valid NAS-Bench-101 cells, and cells of the subspace."""
    return layout.validate(archs) & inside(archs)


def sample(n: int, rng: np.random.Generator) -> Archs:
    """Return `n` different cells, each subset equally likely. Raises ConfigError for more than `SIZE`."""
    if n > SIZE:
        raise ConfigError(f"{NAME}: {n} cells were asked for, but the space has {SIZE}; ask for fewer")
    return enumerate_cells()[rng.choice(SIZE, size=n, replace=False)]


def mutate(archs: Archs, rng: np.random.Generator) -> Archs:
    """Return one neighbour of each cell inside the subspace: NAS-Bench-101's, until one is inside."""
    return _until_inside(lambda rows: variation.mutate(archs[rows], rng), archs)


def crossover(a: Archs, b: Archs, rng: np.random.Generator) -> Archs:
    """Return one child of each pair inside the subspace: NAS-Bench-101's, until one is inside."""
    if len(a) != len(b):
        raise ValueError(f"crossover: {len(a)} and {len(b)} parents")
    return _until_inside(lambda rows: variation.crossover(a[rows], b[rows], rng), a)


def _until_inside(draw: Callable[[np.ndarray], Archs], parents: Archs) -> Archs:
    """Draw for each parent until the result is inside. draw: (rows) -> one result for each."""

    def checked(rows: np.ndarray) -> tuple[Archs, np.ndarray]:
        drawn = draw(rows)
        return drawn, inside(drawn)

    return redraw(checked, parents)
