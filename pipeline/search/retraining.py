"""What strategies share that train a predictor on what was evaluated, again and again: GATES, algorithm 1.

A round trains one predictor a run on everything that the run has evaluated, has cells proposed under it
and evaluates them. The rounds share what is left of the budget evenly.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from pydantic import Field

from pipeline import settings as base
from pipeline.errors import UserError
from pipeline.progress import finish, say
from pipeline.search.context import Context
from pipeline.spaces.archs import Archs

UNLABELLED = 20_000  # cells without labels, drawn of a space that cannot be listed


class RetrainedSettings(base.Settings):
    """Which predictor, and how often it is trained."""

    predictor: str = Field(description="which of `predictors` scores the cells")
    rounds: int = Field(3, ge=1, le=10_000, description="how often the predictor is trained; 1: once")


def scores_at_once(settings: Mapping) -> bool:
    """Say whether a search scores all its cells in one call, so that a score may be a place among them.

    A plug-in says so by SCORES_AT_ONCE, the settings under which it does; without it, it compares scores of
    cells that were bred one after another. settings: of a strategy that has a predictor.
    """
    plug_in = importlib.import_module(f"pipeline.search.{settings['method']}")
    flag = getattr(plug_in, "SCORES_AT_ONCE", None)
    return flag is not None and all(settings[key] == value for key, value in flag.items())


class Retrained(ABC):
    """Rounds of training and proposing, all runs at once (see `pipeline.search.loop` for the protocol)."""

    def __init__(self, settings: RetrainedSettings, context: Context):
        self.settings, self.context, self.space = settings, context, context.space
        self.archs: list[list[Archs]] = [[] for _ in range(context.n_runs)]  # evaluated, run by run
        self.scores: list[list[np.ndarray]] = [[] for _ in range(context.n_runs)]
        self.round = 0

    @abstractmethod
    def proposals(self, run: int, predictor, n: int) -> Archs:
        """Return at most `n` cells that the run has not asked for, by its trained predictor."""

    def tell(self, runs: np.ndarray, archs: Archs, scores: np.ndarray) -> None:
        """Remember what was evaluated."""
        for run in np.unique(runs):
            self.archs[run].append(archs[runs == run])
            self.scores[run].append(scores[runs == run])

    def ask(self, left: np.ndarray) -> tuple[np.ndarray, Archs]:
        """Train the runs' predictors and propose the best unseen cells, this round's share of the budget."""
        runs = np.flatnonzero(left > 0)
        rounds_left = max(self.settings.rounds - self.round, 1)
        self.round += 1
        share = -(-left[runs] // rounds_left)
        parts = []
        for done, (run, predictor) in enumerate(zip(runs, self._fit(runs), strict=True)):
            say("runs searched", done, len(runs))
            parts.append(self.proposals(run, predictor, share[done]))
        finish("runs searched")
        return np.repeat(runs, [len(part) for part in parts]), Archs.concatenate(parts)

    def evaluated(self, run: int) -> tuple[Archs, np.ndarray]:
        """Return the run's cells so far and their accuracies, NaN where the training failed."""
        return Archs.concatenate(self.archs[run]), np.concatenate(self.scores[run])

    def filled(self, best: Archs, measured: np.ndarray, n: int, rng: np.random.Generator) -> Archs:
        """Add random cells to `best` until there are `n`, as far as the domain has unseen ones."""
        if len(best) >= n:
            return best
        drawn = self.space.draw(min(len(measured) + n, self.space.size), rng)
        known = np.concatenate([measured, self.space.cell_key(best)])
        others = drawn[~np.isin(self.space.cell_key(drawn), known)]
        return Archs.concatenate([best, others[: n - len(best)]])

    def _fit(self, runs: np.ndarray) -> list:
        """Return one fitted predictor for each of `runs`; those with as many labels are trained together."""
        labelled = [self._labelled(run) for run in runs]
        seeds = np.array(self.context.run_seeds("predictor", self.round))
        counts = np.array([len(scores) for _, scores in labelled])
        fitted: list = [None] * len(runs)
        for count in np.unique(counts):
            group = np.flatnonzero(counts == count)
            archs = Archs.concatenate([labelled[i][0] for i in group])
            scores = np.concatenate([labelled[i][1] for i in group])
            subsets = np.arange(len(archs)).reshape(len(group), count)
            predictors = fit(self.context, archs, scores, subsets, seeds[runs[group]].tolist())
            for i, predictor in zip(group, predictors, strict=True):
                fitted[i] = predictor
        return fitted

    def _labelled(self, run: int) -> tuple[Archs, np.ndarray]:
        """Return the run's cells whose training did not fail. Raises UserError if nothing can be learned."""
        archs, scores = self.evaluated(run)
        good = ~np.isnan(scores)
        different = len(np.unique(scores[good]))
        if different < 2:
            raise UserError(
                f"search: run {run} has {different} different accuracies of {len(scores)} networks "
                f"({(~good).sum()} failed) to train predictor {self.settings.predictor!r} on; "
                "at least 2 are needed: raise search.n_initial"
            )
        return archs[good], scores[good].astype(np.float32)


def fit(context: Context, archs: Archs, scores: np.ndarray, subsets: np.ndarray, seeds: list[int]) -> list:
    """Train one predictor for each row of `subsets` (int64 (runs, n), rows of `archs`)."""
    from pipeline.predictors.replicates import fit_replicates, uses_unlabelled
    from pipeline.predictors.resources import Resources

    method, settings = context.predictor["method"], context.predictor["settings"]
    checked = importlib.import_module(f"pipeline.predictors.{method}").Settings(**settings)
    resources = Resources(latents=dict(context.latents), zeroshot=context.zeroshot)
    others = unlabelled(context) if uses_unlabelled(method) else None
    data = archs, scores, subsets, seeds
    return fit_replicates(method, checked, resources, *data, context.device, unlabelled=others)


def unlabelled(context: Context) -> Archs:
    """Return the cells that may be searched; of a space that is too large to be listed, random ones."""
    if context.space.cells is not None:
        return context.space.cells
    return context.space.draw(UNLABELLED, context.generators("unlabelled")[0])
