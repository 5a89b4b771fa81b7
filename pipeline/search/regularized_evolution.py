"""Regularized (ageing) evolution: Real et al., "Regularized Evolution for Image Classifier Architecture
Search", AAAI 2019, algorithm 1.

The population is the `population` cells told last: the initial cells, then offspring. One step draws
`tournament` members with replacement, mutates the best of them, and puts the child in the place of the
oldest member. A child that the run has asked for before is no step: another tournament is held. Where a
population has no new neighbours left (in a table of a small part of a space), a random cell is the child.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from pipeline import settings as base
from pipeline.randomness import rng
from pipeline.search.context import Context
from pipeline.spaces.archs import Archs

RUNS_AT_ONCE = 50


class Settings(base.Settings):
    """Settings of regularized evolution."""

    population: int = Field(50, ge=1, le=100_000, description="cells alive; while there are fewer, none dies")
    tournament: int = Field(
        10, ge=1, le=100_000, description="members drawn for one tournament, with replacement"
    )
    patience: int = Field(
        50, ge=1, le=1000, description="children in a row that are not new before a random cell is proposed"
    )
    one_stream: bool = Field(
        False,
        description="mutate the cells of all runs in one call: many times faster where accuracies come from "
        "a table, but what a run finds then depends on the runs beside it",
    )


class Strategy:
    """Regularized evolution, all runs at once (see `pipeline.search.loop` for the protocol)."""

    def __init__(self, settings: Settings, context: Context):
        self.settings, self.space = settings, context.space
        self.rngs = context.generators("evolution")
        self.shared = rng(context.seeds[0], "evolution of all runs") if settings.one_stream else None
        shape = (context.n_runs, settings.population)
        like = context.space.draw(1, rng(0, "layout"))  # the shape of a cell's arrays
        self.ops = np.zeros((*shape, *like.ops.shape[1:]), dtype=np.uint8)  # (runs, population, ...)
        self.adj = None if like.adj is None else np.zeros((*shape, *like.adj.shape[1:]), dtype=np.uint8)
        self.archs_space = like.space
        self.fitness = np.full(shape, -np.inf)
        self.told = np.zeros(context.n_runs, dtype=np.int64)  # cells so far; gives the place of the oldest
        self.idle = np.zeros(context.n_runs, dtype=np.int64)  # children since the last new one

    def ask(self, left: np.ndarray) -> tuple[np.ndarray, Archs]:
        """Propose one child for each run that has queries left."""
        runs = np.flatnonzero(left > 0)
        alive = np.minimum(self.told[runs], self.settings.population)
        drawn = (self._uniform(runs) * alive[:, None]).astype(np.int64)  # (runs, tournament)
        winner = drawn[np.arange(len(runs)), self.fitness[runs[:, None], drawn].argmax(axis=1)]
        adj = None if self.adj is None else self.adj[runs, winner]
        children = self._mutate(Archs(self.archs_space, self.ops[runs, winner], adj), runs)
        stuck = self.idle[runs] >= self.settings.patience
        self.idle[runs] += 1
        if stuck.any():
            drawn = [self.space.draw(1, self.rngs[run]) for run in runs[stuck]]
            runs = np.concatenate([runs[~stuck], runs[stuck]])
            children = Archs.concatenate([children[~stuck], *drawn])
        return runs, children

    def tell(self, runs: np.ndarray, archs: Archs, scores: np.ndarray) -> None:
        """Let cells take the place of the oldest; a failed network has the lowest fitness."""
        rank, count = _rank_within(runs), np.bincount(runs, minlength=len(self.told))
        latest = rank >= count[runs] - self.settings.population  # the others would be dead at once
        place = ((self.told[runs] + rank) % self.settings.population)[latest]
        self.told += count
        self.idle[count > 0] = 0
        runs, archs, scores = runs[latest], archs[latest], scores[latest]
        self.ops[runs, place] = archs.ops
        if self.adj is not None:
            self.adj[runs, place] = archs.adj
        self.fitness[runs, place] = np.where(np.isnan(scores), -np.inf, scores)

    def _uniform(self, runs: np.ndarray) -> np.ndarray:
        """Return float64 (len(runs), tournament) in [0, 1)."""
        n = self.settings.tournament
        if self.shared is not None:
            return self.shared.random((len(runs), n))
        return np.stack([self.rngs[run].random(n) for run in runs])

    def _mutate(self, parents: Archs, runs: np.ndarray) -> Archs:
        if self.shared is not None:
            return self.space.mutate(parents, self.shared)
        return Archs.concatenate(
            [self.space.mutate(parents[i], self.rngs[run]) for i, run in enumerate(runs)]
        )


def _rank_within(runs: np.ndarray) -> np.ndarray:
    """Return int64 (n,): how many earlier entries of `runs` are equal to this one."""
    order = np.argsort(runs, kind="stable")
    rank = np.empty(len(runs), dtype=np.int64)
    rank[order] = np.arange(len(runs)) - np.searchsorted(runs[order], runs[order])
    return rank
