"""Local search: ask for neighbours of the best cell, move to the first better one, start anew where none is.

Neighbours are mutations (`mutate` of the space), in random order; those that the run has asked for are left
out. A cell none of whose mutations is better is a local optimum; the next start is a random cell. The first
start is the best of the initial cells. Source: White et al., "Exploring the Loss Landscape in Neural
Architecture Search", UAI 2021.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from pipeline import settings as base
from pipeline.search.context import Context
from pipeline.spaces.archs import Archs

RUNS_AT_ONCE = 25
MUTATED_AT_ONCE = {False: 5, True: 100}  # most neighbours are new; but in a part of a space many are outside


class Settings(base.Settings):
    """Settings of local search."""

    whole_neighbourhood: bool = Field(
        False, description="ask for all neighbours before moving to the best; false: move to the first better"
    )
    mutations: int = Field(
        300,
        ge=1,
        le=100_000,
        description="mutations drawn for one step; a cell of which all were seen is left for a random one",
    )


class Strategy:
    """Local search in each run (see `pipeline.search.loop` for the protocol)."""

    def __init__(self, settings: Settings, context: Context):
        self.settings, self.space = settings, context.space
        self.rngs = context.generators("local search")
        self.centre: list[Archs | None] = [None] * context.n_runs  # None: a random cell is the next start
        self.height = np.full(context.n_runs, -np.inf)  # the centre's accuracy
        self.better: list[tuple[float, Archs] | None] = [None] * context.n_runs  # waits for the others' end
        self.seen: list[set[int]] = [set() for _ in range(context.n_runs)]
        self.started = False

    def ask(self, left: np.ndarray) -> tuple[np.ndarray, Archs]:
        """Propose one cell for each run: a neighbour, or a random one after a local optimum."""
        self.started = True
        runs = np.flatnonzero(left > 0)
        return runs, Archs.concatenate([self._next(run) for run in runs])

    def tell(self, runs: np.ndarray, archs: Archs, scores: np.ndarray) -> None:
        """Climb; a failed network is lower than any other."""
        scores, keys = np.where(np.isnan(scores), -1.0, scores), self.space.cell_key(archs)
        for i, run in enumerate(runs.tolist()):
            self.seen[run].add(int(keys[i]))
            at_once = not (self.started and self.settings.whole_neighbourhood)
            if self.centre[run] is None or at_once:
                if scores[i] > self.height[run]:
                    self.centre[run], self.height[run] = archs[i], scores[i]
            elif scores[i] > max(self.height[run], self.better[run][0] if self.better[run] else -np.inf):
                self.better[run] = scores[i], archs[i]

    def _next(self, run: int) -> Archs:
        while self.centre[run] is not None:
            found = self._neighbour(run)
            if found is not None:
                return found
            self.centre[run] = None
            if self.better[run]:
                (self.height[run], self.centre[run]), self.better[run] = self.better[run], None
        self.height[run] = -np.inf
        return self.space.draw(1, self.rngs[run])

    def _neighbour(self, run: int) -> Archs | None:
        at_once = MUTATED_AT_ONCE[self.space.restricted]
        for start in range(0, self.settings.mutations, at_once):
            n = min(at_once, self.settings.mutations - start)
            centre = self.centre[run][np.zeros(n, np.int64)]
            drawn = self.space.space.mutate(
                centre, self.rngs[run]
            )  # the domain's never leave it, by far jumps
            drawn = drawn[self.space.validate(drawn)]
            for i, key in enumerate(self.space.cell_key(drawn).tolist()):
                if key not in self.seen[run]:
                    return drawn[i]
        return None
