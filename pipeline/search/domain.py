"""The cells that a search may ask for: a whole space, or those of a benchmark table."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.lookup import KeyIndex
from pipeline.spaces.redraw import redraw

_DRAWS = 50  # of a neighbour or child, until one is in the domain


class Domain:
    """A search space as strategies see it; the same functions as a space's module.

    Of the spellings of a listed cell, the one in the list is returned: predictors learn from these, and one
    that sees spellings must not be led to odd ones. space: module of the search space. cells: all cells of
    the domain, or None for a space that is too large to be listed. restricted: whether the space has valid
    cells that are not in the domain.
    """

    def __init__(self, space: ModuleType | Any, cells: Archs | None, restricted: bool = False):
        self.space, self.cells, self.restricted = space, cells, restricted
        self.cell_key, self.from_key = space.cell_key, space.from_key
        self._index = None if cells is None else KeyIndex(space.cell_key(cells))

    @property
    def size(self) -> int:
        """How many cells there are."""
        return self.space.SIZE if self.cells is None else len(self.cells)

    def draw(self, n: int, rng: np.random.Generator) -> Archs:
        """Return `n` different cells, each subset equally likely. n: at most `size`."""
        if self.cells is None:
            return self.space.sample(n, rng)
        return self.cells[rng.choice(len(self.cells), size=n, replace=False)]

    def validate(self, archs: Archs) -> np.ndarray:
        """Return bool (N,): which architectures are cells of the domain."""
        valid = self.space.validate(archs)
        if self.restricted and valid.any():
            valid[valid] = self._rows(archs[valid]) >= 0
        return valid

    def mutate(self, archs: Archs, rng: np.random.Generator) -> Archs:
        """Return a neighbour of each cell in the domain (see the space's `mutate`)."""
        return self._redrawn(lambda rows: self.space.mutate(archs[rows], rng), len(archs), rng)

    def crossover(self, a: Archs, b: Archs, rng: np.random.Generator) -> Archs:
        """Return a child of each pair in the domain (see the space's `crossover`)."""
        return self._redrawn(lambda rows: self.space.crossover(a[rows], b[rows], rng), len(a), rng)

    def _redrawn(self, draw: Callable[[np.ndarray], Archs], n: int, rng: np.random.Generator) -> Archs:
        """Draw for each of `n` rows until the result is in the domain, 50 times at most.

        draw: (rows) -> one result for each. Where none of the draws is in the domain, which then holds few
        of the space's cells, a random cell of the domain takes its place.
        """
        if self.cells is None:
            return draw(np.arange(n))

        def checked(rows: np.ndarray) -> tuple[Archs, np.ndarray]:
            found = self._rows(draw(rows))
            return self.cells[found], found >= 0

        if not self.restricted:
            return checked(np.arange(n))[0]
        others = self.cells[rng.integers(len(self.cells), size=n)]
        return redraw(checked, others, _DRAWS)

    def _rows(self, archs: Archs) -> np.ndarray:
        """Return int64 (N,): the row in `cells` of each valid architecture, -1 for one that is not there."""
        return self._index.rows(self.cell_key(archs))
