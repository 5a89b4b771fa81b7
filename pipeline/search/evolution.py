"""Evolution on a fitness that costs almost nothing, a whole generation at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.spaces.archs import Archs


@dataclass(frozen=True)
class Ranking:
    """Cells with their keys (`cell_key`) uint64 (n,) and fitness float64 (n,), best first, none twice."""

    archs: Archs
    keys: np.ndarray
    fitness: np.ndarray


def evolve(
    space,
    measured: Ranking,
    drawn: Archs,
    fitness: Callable[[Archs], np.ndarray],
    rng: np.random.Generator,
    generations: int,
    population: int,
    tournament: int,
    crossover: float,
    children: int | None = None,
    from_measured: bool = True,
) -> Ranking:
    """Return all cells drawn or bred, ranked by `fitness` (after ReNAS, algorithm 1, lines 6 to 11).

    space: the search's `Domain`. measured: cells whose accuracy is known; they are the parents of the
    first generation if `from_measured`. drawn: random cells that join the population. fitness: (archs) ->
    float (n,), higher is better; NaN counts as the lowest; it is asked once a cell. From the second
    generation on (or the first), the parents are the `population` cells that are the fittest so far. Each
    generation has `children` (None: `population`) children of the winners of tournaments among the parents:
    the share `crossover` of them by crossover of two winners, the others by mutation of one.
    """
    seen = rank(space, drawn, fitness)
    for generation in range(generations):
        parents = measured if generation == 0 and from_measured else seen
        alive = min(population, len(parents.archs))
        bred = _breed(space, parents, alive, rng, children or population, tournament, crossover)
        seen = rank(space, bred, fitness, seen)
    return seen


def _breed(
    space, parents: Ranking, alive: int, rng: np.random.Generator, n: int, tournament: int, crossover: float
) -> Archs:
    """Return `n` children of the `alive` best parents."""
    # The ranking is best first, so the smallest index drawn is the tournament's winner.
    winner = rng.integers(alive, size=(2, n, tournament)).min(axis=2)
    crossed = int(round(n * crossover))
    children = []
    if crossed:
        mothers, fathers = parents.archs[winner[0, :crossed]], parents.archs[winner[1, :crossed]]
        children.append(space.crossover(mothers, fathers, rng))
    if crossed < n:
        children.append(space.mutate(parents.archs[winner[0, crossed:]], rng))
    return Archs.concatenate(children)


def rank(space, archs: Archs, fitness: Callable[[Archs], np.ndarray], seen: Ranking | None = None) -> Ranking:
    """Return `seen` and those of `archs` that are valid and new, best first."""
    archs = archs[space.validate(archs)]
    keys, first = np.unique(space.cell_key(archs), return_index=True)
    if seen is not None:
        new = ~np.isin(keys, seen.keys)
        keys, first = keys[new], first[new]
        if len(keys) == 0:
            return seen
    archs = archs[first]
    value = np.asarray(fitness(archs), dtype=np.float64)
    if seen is not None:
        archs = Archs.concatenate([seen.archs, archs])
        keys, value = np.concatenate([seen.keys, keys]), np.concatenate([seen.fitness, value])
    return sort(archs, keys, value)


def sort(archs: Archs, keys: np.ndarray, fitness: np.ndarray) -> Ranking:
    """Return cells best first, equals in the order of their keys; NaN counts as the lowest fitness."""
    fitness = np.where(np.isnan(fitness), -np.inf, fitness)
    order = np.lexsort((keys, -fitness))
    return Ranking(archs[order], keys[order], fitness[order])
