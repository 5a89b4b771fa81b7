"""SemiGAN-NAD: generate cells of the best rank class, evaluate those that are predicted to be the best.

Source: Liu et al. 2024, section 3.2 (NACG); generator, predictor and discriminator are in `pipeline.semigan`.
The paper trains once and evaluates K cells. Here that is one round: the budget is spent in rounds of K, and
from the second on the networks learn for some more epochs from all that is labelled by then. With a budget of
K more than the initial cells it is the paper's.
"""

from __future__ import annotations

import logging

import numpy as np
from pydantic import Field

from pipeline.errors import UserError
from pipeline.search.context import Context
from pipeline.semigan.settings import SemiGanSettings
from pipeline.spaces.archs import Archs

RUNS_AT_ONCE = 8  # in one batched model
LEARNS = True  # networks of its own
log = logging.getLogger("nasflow")


class Settings(SemiGanSettings):
    """Settings of the joint model and of a round."""

    k: int = Field(10, ge=1, le=100_000, description="cells evaluated in a round; paper: 5, in one round")
    n_generated: int = Field(1000, ge=1, le=1_000_000, description="cells generated in a round")
    more_epochs: int = Field(
        6, ge=1, le=10_000, description="passes over the labelled cells in each round after the first"
    )


class Strategy:
    """NACG, all runs at once (see `pipeline.search.loop` for the protocol)."""

    def __init__(self, settings: Settings, context: Context):
        self.settings, self.context, self.space = settings, context, context.space
        self.rngs = context.generators("unlabelled")
        self.archs: list[list[Archs]] = [[] for _ in range(context.n_runs)]  # evaluated, run by run
        self.scores: list[list[np.ndarray]] = [[] for _ in range(context.n_runs)]
        self.model = None
        self.free: list[Archs] = []  # unlabelled cells of each run
        self.generated = self.raw = self.valid = self.inside = 0

    def tell(self, runs: np.ndarray, archs: Archs, scores: np.ndarray) -> None:
        """Remember what was evaluated."""
        for run in np.unique(runs):
            self.archs[run].append(archs[runs == run])
            self.scores[run].append(scores[runs == run])

    def ask(self, left: np.ndarray) -> tuple[np.ndarray, Archs]:
        """Train, generate, and propose the cells of each run that are predicted to be the best."""
        self._learn()
        made = self.model.generate(self.settings.n_generated)
        candidates = [self._candidates(run, found) for run, found in enumerate(made)]
        runs = np.flatnonzero(left > 0)
        share = np.minimum(self.settings.k, left)
        predicted = self.model.predict([archs for archs, _ in candidates])
        parts = []
        for run in runs:
            archs, n_own = candidates[run]
            order = np.argsort(-predicted[run][:n_own], kind="stable")
            fill = n_own + np.argsort(-predicted[run][n_own:], kind="stable")
            parts.append(archs[np.concatenate([order, fill])[: share[run]]])
        if (left <= self.settings.k).all():
            self._say()
        return np.repeat(runs, [len(part) for part in parts]), Archs.concatenate(parts)

    def _learn(self) -> None:
        from pipeline.semigan.model import SemiGan

        s, first = self.settings, self.model is None
        labelled = [self._labelled(run) for run in range(self.context.n_runs)]
        if first:
            n = min(s.n_unlabelled, self.space.size)
            self.free = [self.space.draw(n, rng) for rng in self.rngs]
            name, seeds = self.space.space.NAME, self.context.run_seeds("semigan")
            self.model = SemiGan(s, name, self.free, seeds, self.context.device)
        archs, scores = zip(*labelled, strict=True)
        self.model.fit(archs, scores, s.epochs if first else s.more_epochs)

    def _labelled(self, run: int) -> tuple[Archs, np.ndarray]:
        """Return the run's cells whose training did not fail. Raises UserError if nothing can be learned."""
        archs, scores = Archs.concatenate(self.archs[run]), np.concatenate(self.scores[run])
        good = ~np.isnan(scores)
        if len(np.unique(scores[good])) < 2:
            raise UserError(
                f"search: run {run} has fewer than 2 different accuracies of {len(scores)} networks "
                f"({(~good).sum()} failed) to learn from; raise search.n_initial"
            )
        return archs[good], scores[good]

    def _candidates(self, run: int, made) -> tuple[Archs, int]:
        """Return cells that the run has not asked for, none twice: generated ones, then unlabelled ones.

        And how many were generated. Unlabelled ones are there only if the others are fewer than k.
        """
        cells = made.archs[made.valid]
        cells = cells[self.space.validate(cells)]
        self.generated, self.raw = self.generated + len(made.raw), self.raw + made.raw.sum()
        self.valid, self.inside = self.valid + made.valid.sum(), self.inside + len(cells)
        seen = self.space.cell_key(Archs.concatenate(self.archs[run]))
        own = self._new(cells, seen)
        if len(own) >= self.settings.k:
            return own, len(own)
        seen = np.concatenate([seen, self.space.cell_key(own)])
        others = self._new(self.free[run], seen)
        if len(own) + len(others) < self.settings.k:
            n = min(len(seen) + self.settings.k, self.space.size)
            others = self._new(self.space.draw(n, self.rngs[run]), seen)
        return Archs.concatenate([own, others]), len(own)

    def _new(self, archs: Archs, seen: np.ndarray) -> Archs:
        """Return the cells without those in `seen` (keys), each once, in the order of their keys."""
        keys, first = np.unique(self.space.cell_key(archs), return_index=True)
        return archs[first[~np.isin(keys, seen)]]

    def _say(self) -> None:
        shares = [100 * n / max(self.generated, 1) for n in (self.raw, self.valid, self.inside)]
        log.info(
            "semigan_nad: of %d generated graphs, %.1f%% were cells, %.1f%% after repair, %.1f%% in reach",
            self.generated,
            *shares,
        )
