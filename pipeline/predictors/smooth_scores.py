"""Zero-shot scores as what a cell's structure makes of them, learned from all scored cells; no labels.

A score depends on the draw of weights; two draws of one cell differ more than many cells do. So each score
is regressed on the structure of all cells that were scored, isomorphic ones together, and what the
regression says takes the score's place. Before that it becomes its normal quantile, since scores range
over orders of magnitude; one that is missing (no gradient: nothing reaches the output) counts as the
lowest. Cells that were not scored have smoothed scores as well.
"""

from __future__ import annotations

import numpy as np

from pipeline import spaces
from pipeline.errors import DataError
from pipeline.predictors.arc_cosine import arc_cosine
from pipeline.randomness import rng
from pipeline.spaces.archs import Archs
from pipeline.zeroshot.reading import ZeroShot

INDUCING_CELLS = 1500  # the regression is a combination of kernels at so many cells
NOISE = 0.5  # variance of a cell's score about what its structure says, against the prior's
CELLS_AT_ONCE = 8192


class SmoothScores:
    """Smoothed scores of the cells of one space."""

    def __init__(self, stored: ZeroShot, metrics: list[str], structures):
        """structures: function of architectures -> list of float (N, F), what the regression sees.

        Raises DataError for a metric that the file does not have, or that no cell has.
        """
        self.structures = structures
        raw = np.stack([stored.column(metric) for metric in metrics], axis=1)
        for metric, lacking in zip(metrics, np.isnan(raw).all(axis=0), strict=True):
            if lacking:
                raise DataError(f"{stored.path}: no cell has a {metric} score; leave it out of zeroshot")
        keys = spaces.load(stored.archs.space).canonical_key(stored.archs)
        _, first, place = np.unique(keys, return_index=True, return_inverse=True)
        counts = np.bincount(place).astype(np.float64)
        values = _quantiles(raw)
        means = np.stack([np.bincount(place, column) for column in values.T], axis=1) / counts[:, None]
        self._fit(self._parts(stored.archs[first]), means, counts)

    def of(self, archs: Archs) -> np.ndarray:
        """Return float32 (N, M), each with mean 0 and deviation 1 over the classes of scored cells."""
        pieces = [
            self._said(self._parts(archs[start : start + CELLS_AT_ONCE]))
            for start in range(0, len(archs), CELLS_AT_ONCE)
        ]
        if not pieces:
            return np.zeros((0, len(self._mean)), np.float32)
        return ((np.concatenate(pieces) - self._mean) / self._deviation).astype(np.float32)

    def _fit(self, parts, means: np.ndarray, counts: np.ndarray) -> None:
        n = len(means)
        chosen = np.sort(rng(0, "smooth scores").permutation(n)[:INDUCING_CELLS])
        self._base = [(weight, rows[chosen]) for weight, rows in parts]
        gram = arc_cosine(self._base, self._base)
        self._size = np.trace(gram) / len(chosen)
        self._factor = np.linalg.cholesky(gram / self._size + 1e-6 * np.eye(len(chosen)))
        basis, self._centre = self._basis(parts), means.mean(axis=0)
        weighed = basis * counts[:, None]
        left = weighed.T @ basis + NOISE * np.eye(len(chosen))
        self._weights = np.linalg.solve(left, weighed.T @ (means - self._centre))
        said = basis @ self._weights + self._centre
        deviation = said.std(axis=0)
        self._mean, self._deviation = said.mean(axis=0), np.where(deviation > 0, deviation, np.inf)

    def _said(self, parts) -> np.ndarray:
        return self._basis(parts) @ self._weights + self._centre

    def _basis(self, parts) -> np.ndarray:
        from scipy.linalg import solve_triangular

        cross = arc_cosine(parts, self._base) / self._size
        return solve_triangular(self._factor, cross.T, lower=True).T

    def _parts(self, archs: Archs) -> list[tuple[float, np.ndarray]]:
        return [(1.0, rows) for rows in self.structures(archs)]


def _quantiles(raw: np.ndarray) -> np.ndarray:
    """Return the normal quantiles of scores (N, M) in each column; NaN is the lowest."""
    from scipy.stats import norm, rankdata

    ranks = rankdata(np.where(np.isnan(raw), -np.inf, raw), axis=0)
    return norm.ppf((ranks - 0.5) / len(raw))
