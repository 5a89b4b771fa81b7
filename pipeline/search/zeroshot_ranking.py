"""Take the best cells by one zero-shot score, in order: a search that needs no label.

Ties are broken by the cell's key, so that the order is the same in every run. Candidates are the cells that
have this score and that the search may ask for.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from pipeline import settings as base
from pipeline.errors import UserError
from pipeline.search.context import Context
from pipeline.spaces.archs import Archs
from pipeline.zeroshot.reading import ZeroShot


class Settings(base.Settings):
    """Which score."""

    zeroshot: str = Field(description="which of zeroshot.metrics ranks the cells")
    sign: Literal[1, -1] = Field(1, description="1: highest first; -1: lowest first")


class Strategy:
    """The same ranking for all runs (see `pipeline.search.loop` for the protocol)."""

    def __init__(self, settings: Settings, context: Context):
        """Rank the candidates. Raises UserError if no scores were given, DataError if they do not fit."""
        if context.zeroshot is None:
            raise UserError("search: this strategy takes zero-shot scores; give their file (--zeroshot FILE)")
        self.settings, self.space = settings, context.space
        self.candidates, self.keys = ranked(ZeroShot.load(context.zeroshot), context.space, settings)
        self.asked: list[set[int]] = [set() for _ in range(context.n_runs)]
        self.next = np.zeros(context.n_runs, dtype=np.int64)  # the first place that is not looked at yet

    def ask(self, left: np.ndarray) -> tuple[np.ndarray, Archs]:
        """Propose, for each run, as many of the best cells as it has queries left.

        Raises UserError if fewer candidates are left.
        """
        runs = np.flatnonzero(left > 0)
        parts = [self._best(run, int(left[run])) for run in runs]
        return np.repeat(runs, [len(part) for part in parts]), Archs.concatenate(parts)

    def tell(self, runs: np.ndarray, archs: Archs, scores: np.ndarray) -> None:
        """Remember what was asked; accuracies do not matter to this strategy."""
        for run, key in zip(runs.tolist(), self.space.cell_key(archs).tolist(), strict=True):
            self.asked[run].add(key)

    def _best(self, run: int, n: int) -> Archs:
        chosen: list[int] = []
        while len(chosen) < n and self.next[run] < len(self.keys):
            place = int(self.next[run])
            if int(self.keys[place]) not in self.asked[run]:
                chosen.append(place)
            self.next[run] += 1
        if len(chosen) < n:
            raise UserError(
                f"search: {len(self.keys)} cells have a {self.settings.zeroshot} score, "
                f"{n - len(chosen)} too few for this budget; score more cells (zeroshot.n_candidates, or "
                "n_scored of the benchmark), or lower search.budget"
            )
        return self.candidates[np.array(chosen)]


def ranked(stored: ZeroShot, domain, settings: Settings) -> tuple[Archs, np.ndarray]:
    """Return the candidates, best first, and their keys, uint64 (N,).

    domain: the search's `Domain`. Raises DataError if the scores are of another space, or lack the metric.
    """
    stored.check_space(domain.space.NAME)
    scores = settings.sign * stored.column(settings.zeroshot)
    rows = np.flatnonzero(~np.isnan(scores))
    rows = rows[domain.validate(stored.archs[rows])]
    keys = domain.cell_key(stored.archs[rows])
    order = np.lexsort((keys, -scores[rows]))
    return stored.archs[rows[order]], keys[order]
