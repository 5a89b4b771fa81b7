"""Zero-shot scores with less of the noise of initialisation, learned from all scored cells; no labels.

A score becomes its normal quantile among the scored cells, since scores range over orders of magnitude; a
score that is missing (no gradient: nothing reaches the output) counts as the lowest. Isomorphic cells,
which differ by their draws of weights, get their mean. Half of the result is that mean, half what boosted
trees learn of the score from the structure of all scored cells. Cells without scores have the trees' part
alone.
"""

from __future__ import annotations

import numpy as np

from pipeline import spaces
from pipeline.benchmarks.boosting import fit_booster, predict
from pipeline.benchmarks.surrogate_settings import BoostingSettings
from pipeline.errors import DataError
from pipeline.spaces.archs import Archs
from pipeline.zeroshot.reading import ZeroShot

TREES = BoostingSettings(
    n_estimators=150, max_depth=6, learning_rate=0.15, subsample=0.8, colsample_bytree=1, min_child_weight=1
)


class SmoothScores:
    """Smoothed scores of the cells of one space."""

    def __init__(self, stored: ZeroShot, metrics: list[str], structure):
        """structure: function of architectures -> float32 (N, F), what the trees see.

        Raises DataError for a metric that the file does not have, or that no cell has.
        """
        self.metrics, self.structure = metrics, structure
        self._space = spaces.load(stored.archs.space)
        raw = np.stack([stored.column(metric) for metric in metrics], axis=1)
        for metric, lacking in zip(metrics, np.isnan(raw).all(axis=0), strict=True):
            if lacking:
                raise DataError(f"{stored.path}: no cell has a {metric} score; leave it out of zeroshot")
        keys = self._space.canonical_key(stored.archs)
        self._keys, first, place = np.unique(keys, return_index=True, return_inverse=True)
        counts = np.bincount(place)
        values = _quantiles(raw)
        self._means = np.stack(
            [np.bincount(place, column) / counts for column in values.T], axis=1
        )  # (classes, M)
        self._boosters = None
        self._members = stored.archs[first]

    def of(self, archs: Archs) -> np.ndarray:
        """Return float32 (N, M), each with mean 0 and deviation about 1 over the scored cells."""
        keys = self._space.canonical_key(archs)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        seen = self._keys[place] == keys
        learned = self._learned(self.structure(archs))
        both = np.where(seen[:, None], (self._means[place] + learned) / 2, learned)
        return ((both - self._centre) / self._spread).astype(np.float32)

    def _learned(self, features: np.ndarray) -> np.ndarray:
        if self._boosters is None:
            known = self.structure(self._members)
            self._boosters = [fit_booster(known, column, TREES, seed=0) for column in self._means.T]
            blend = (self._means + np.stack([predict(b, known) for b in self._boosters], axis=1)) / 2
            self._centre, spread = blend.mean(axis=0), blend.std(axis=0)
            self._spread = np.where(spread > 0, spread, np.inf)
        return np.stack([predict(booster, features) for booster in self._boosters], axis=1)


def _quantiles(raw: np.ndarray) -> np.ndarray:
    """Return the normal quantiles of scores (N, M) in each column; NaN is the lowest."""
    from scipy.stats import norm, rankdata

    ranks = rankdata(np.where(np.isnan(raw), -np.inf, raw), axis=0)
    return norm.ppf((ranks - 0.5) / len(raw))
