"""The performance predictor of SemiGAN-NAD, trained against its generator and discriminator.

Cells without label are those of the pool that are no training cells. Source: Liu et al. 2024, equations 6
to 10; the networks and what the paper leaves out are in `pipeline.semigan`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from pipeline.predictors.replicates import checked_labels
from pipeline.predictors.resources import Resources
from pipeline.predictors.threads import threads_for
from pipeline.randomness import rng
from pipeline.semigan.settings import SemiGanSettings
from pipeline.spaces.archs import Archs

REGRESSES_ACCURACY = True


class Settings(SemiGanSettings):
    """Settings of the joint model; what concerns generation alone has no part in a score."""


class Predictor:
    """Accuracies by a graph network; `fit` and `predict` as in scikit-learn."""

    def __init__(self, settings, resources: Resources | None = None, seed: int = 0, device="cpu"):
        self.settings, self.resources, self.seed, self.device = settings, resources, seed, device
        self.network = self.targets = None

    def fit(self, archs: Archs, scores, unlabelled: Archs | None = None) -> Self:
        """Train on `archs` with accuracies `scores`, float (N,); without unlabelled cells, on these alone."""
        pool = archs if unlabelled is None else Archs.concatenate([archs, unlabelled])
        rows = np.arange(len(archs))[None]
        scores = checked_labels(archs, scores)
        fitted = self.fit_many(self.settings, self.resources, pool, scores, rows, [self.seed], self.device)[0]
        self.network, self.targets = fitted.network, fitted.targets
        return self

    @classmethod
    def fit_many(
        cls,
        settings,
        resources: Resources | None,
        archs: Archs,
        scores,
        subsets: np.ndarray,
        seeds: Sequence[int],
        device="cpu",
    ) -> list[Self]:
        """Train R replicates; see `pipeline.predictors.replicates.fit_replicates`."""
        from pipeline.semigan.model import SemiGan

        subsets, scores = np.asarray(subsets), np.asarray(scores, np.float64)
        free = [archs[_others(len(archs), *run, settings)] for run in zip(subsets, seeds, strict=True)]
        model = SemiGan(settings, archs.space, free, seeds, device, threads_for(resources, device))
        model.fit([archs[rows] for rows in subsets], [scores[rows] for rows in subsets], settings.epochs)
        fitted = []
        for run, seed in enumerate(seeds):
            fitted.append(cls(settings, resources, seed, device))
            fitted[-1].network, fitted[-1].targets = model.predictor(run), model.targets[run]
        return fitted

    def predict(self, archs: Archs) -> np.ndarray:
        """Return an accuracy for each cell, float32 (N,)."""
        from pipeline.semigan.model import predict

        if self.network is None:
            raise ValueError("semigan: predict before fit")
        threads = threads_for(self.resources, self.device)
        return predict(self.network, archs, self.targets, self.device, threads)


def _others(n_pool: int, rows: np.ndarray, seed: int, settings) -> np.ndarray:
    """Return settings.n_unlabelled rows of the pool (all, if it has less) that are no training cells.

    If all cells are training cells, these are the unlabelled ones, too.
    """
    others = np.setdiff1d(np.arange(n_pool), rows)
    others = others if len(others) else np.arange(n_pool)
    return rng(seed, "unlabelled").permutation(others)[: settings.n_unlabelled]
