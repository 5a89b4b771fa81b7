"""Evolution on a fitness that costs almost nothing, a whole generation at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.spaces.archs import Archs


@dataclass(frozen=True)
class Ranking:
    """Cells with their canonical keys uint64 (n,) and fitness float64 (n,), best first, none twice."""

    archs: Archs
    keys: np.ndarray
    fitness: np.ndarray


def evolve(
    space,
    start: Archs,
    fitness: Callable[[Archs], np.ndarray],
    rng: np.random.Generator,
    generations: int,
    population: int,
    tournament: int,
    crossover: float,
) -> Ranking:
    """Return every cell that was looked at, ranked (ReNAS, algorithm 1, lines 6 to 11).

    space: module of the search space. start: the first cells. fitness: (archs) -> float (n,), higher is
    better; NaN counts as the lowest. In each of `generations` generations the `population` best cells
    so far are the parents; `population` children come from winners of tournaments among them,
    the share `crossover` of them by crossover of two winners, the others by mutation of one. The fitness
    is asked for once a cell.
    """
    seen = _merge(None, space, start, fitness)
    for _ in range(generations):
        alive = min(population, len(seen.archs))
        # The ranking is best first, so the smallest index drawn is the tournament's winner.
        winner = rng.integers(alive, size=(2, population, min(tournament, alive))).min(axis=2)
        crossed = int(round(population * crossover))
        children = []
        if crossed:
            mothers, fathers = seen.archs[winner[0, :crossed]], seen.archs[winner[1, :crossed]]
            children.append(space.crossover(mothers, fathers, rng))
        if crossed < population:
            children.append(space.mutate(seen.archs[winner[0, crossed:]], rng))
        seen = _merge(seen, space, Archs.concatenate(children), fitness)
    return seen


def _merge(seen: Ranking | None, space, archs: Archs, fitness: Callable[[Archs], np.ndarray]) -> Ranking:
    """Add those of `archs` that are valid and new, and rank again."""
    archs = archs[space.validate(archs)]
    keys, first = np.unique(space.canonical_key(archs), return_index=True)
    if seen is not None:
        new = ~np.isin(keys, seen.keys)
        keys, first = keys[new], first[new]
        if len(keys) == 0:
            return seen
    archs = archs[first]
    value = np.asarray(fitness(archs), dtype=np.float64)
    value = np.where(np.isnan(value), -np.inf, value)
    if seen is not None:
        archs = Archs.concatenate([seen.archs, archs])
        keys, value = np.concatenate([seen.keys, keys]), np.concatenate([seen.fitness, value])
    order = np.lexsort((keys, -value))
    return Ranking(archs[order], keys[order], value[order])
