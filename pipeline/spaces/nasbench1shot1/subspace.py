"""A NAS-Bench-1Shot1 subspace as a search space: the part of the interface that NAS-Bench-101 does not give.

Its architectures are NAS-Bench-101's cells, so `Archs.space` is "nasbench101" everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import ConfigError
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench1shot1 import definition, genotypes, variation
from pipeline.spaces.nasbench1shot1.spellings import cells, contains, spell
from pipeline.spaces.nasbench101.keys import canonical_key
from pipeline.spaces.nasbench101.layout import validate


@dataclass(frozen=True)
class Subspace:
    """A subspace by its `name` and its numbers of `parents` (of vertices 1, 2, … and of the output)."""

    name: str
    parents: definition.Parents

    def enumerate_cells(self) -> Archs:
        """Return the unique cells (read-only arrays), by vertices, then by canonical form."""
        return cells(self.parents)

    def validate(self, archs: Archs) -> np.ndarray:
        """Return bool (N,): which rows are valid NAS-Bench-101 cells, and cells of the subspace."""
        good = validate(archs)
        good[good] = contains(self.parents, canonical_key(archs[good]))
        return good

    def sample(self, n: int, rng: np.random.Generator) -> Archs:
        """Return `n` different cells, each subset of the unique cells equally likely.

        Raises ConfigError if the subspace has fewer than `n` cells.
        """
        found = self.enumerate_cells()
        if n > len(found):
            raise ConfigError(
                f"{self.name}: {n} cells were asked for, but the space has {len(found)}; ask for fewer"
            )
        return found[rng.choice(len(found), size=n, replace=False)]

    def mutate(self, archs: Archs, rng: np.random.Generator) -> Archs:
        """Return one neighbour of each cell inside the subspace, never the same cell.

        See `variation.mutate`. Raises ValueError for cells that are not of the subspace.
        """
        return variation.mutate(self.parents, self._keys("mutate", archs), rng)

    def crossover(self, a: Archs, b: Archs, rng: np.random.Generator) -> Archs:
        """Return one child of each pair, inside the subspace; see `variation.crossover`.

        Raises ValueError for cells that are not of the subspace, and for unequal numbers of parents.
        """
        if len(a) != len(b):
            raise ValueError(f"crossover: {len(a)} and {len(b)} parents")
        keys_a, keys_b = self._keys("crossover", a), self._keys("crossover", b)
        return variation.crossover(self.parents, keys_a, keys_b, rng)

    def enumerate_raw(self) -> Archs:
        """Return all raw architectures, unpruned; see `definition.enumerate_raw`."""
        return definition.enumerate_raw(self.parents)

    def n_raw(self) -> int:
        """Return how many raw architectures there are."""
        return self.sizes()["raw"]

    def sizes(self) -> dict[str, int]:
        """Return the numbers of raw architectures by what is counted; see `definition.sizes`."""
        return definition.sizes(self.parents)

    def chain_cells(self) -> Archs:
        """Return the cells that use all interior vertices in one chain; see `definition.chain_cells`."""
        return definition.chain_cells(self.parents)

    def from_genotype(self, adjacency: np.ndarray, ops: Sequence[Sequence[str]]) -> Archs:
        """Return the cells of NAS-Bench-1Shot1's genotypes; see `genotypes.from_genotype`."""
        return genotypes.from_genotype(self.parents, adjacency, ops)

    def to_genotype(self, archs: Archs) -> tuple[np.ndarray, list[list[str]]]:
        """Return the first genotype that stands for each cell: (adjacency (N, 7, 7), names of 7 vertices).

        Raises ValueError for cells that are not of the subspace.
        """
        return genotypes.to_genotype(spell(self.parents, self._keys("to_genotype", archs)))

    def _keys(self, what: str, archs: Archs) -> np.ndarray:
        """Return the canonical keys of cells of the subspace. Raises ValueError if some are not."""
        if not self.validate(archs).all():
            raise ValueError(f"{what}: some cells are not valid cells of {self.name}")
        return canonical_key(archs)
