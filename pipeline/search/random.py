"""Random search: cells drawn uniformly from the space, none twice.

Where labelled cells are left, it asks for those: they are a uniform draw, too, and cost no training.
When they run out, it draws from the whole space.
"""

from __future__ import annotations

import numpy as np

from pipeline import settings as base
from pipeline.search.context import Context
from pipeline.spaces.archs import Archs


class Settings(base.Settings):
    """Random search has none."""


class Strategy:
    """Random search over all runs (see `pipeline.search.loop` for the protocol)."""

    def __init__(self, settings: Settings, context: Context):
        self.context = context
        self.rngs = context.generators("fresh cells")
        self.taken = np.zeros(context.n_runs, dtype=np.int64)  # cells proposed so far
        self.fresh: dict[int, Archs] = {}

    def ask(self, left: np.ndarray) -> tuple[np.ndarray, Archs]:
        """Propose, for each run, as many cells as it has queries left."""
        runs = np.flatnonzero(left > 0)
        parts = [self._next(run, left[run]) for run in runs]
        return np.repeat(runs, [len(part) for part in parts]), Archs.concatenate(parts)

    def tell(self, runs: np.ndarray, archs: Archs, scores: np.ndarray) -> None:
        """Accuracies do not matter to random search."""

    def _next(self, run: int, n: int) -> Archs:
        start, reserve = self.taken[run], self.context.reserve[run]
        self.taken[run] += n
        part = reserve[start : start + n]
        if len(part) == n:
            return part
        start = max(start - len(reserve), 0)
        return Archs.concatenate([part, self._fresh(run)[start : start + n - len(part)]])

    def _fresh(self, run: int) -> Archs:
        """Return enough different cells for the whole budget, even if a budget's worth is known already."""
        if run not in self.fresh:
            n = min(2 * self.context.budget, self.context.space.size)
            self.fresh[run] = self.context.space.draw(n, self.rngs[run])
        return self.fresh[run]
