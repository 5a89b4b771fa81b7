"""Nearest neighbours in a latent space, and how smooth an accuracy is along them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

NEIGHBOURS = 10
QUERIES_AT_ONCE = 512


def nearest(queries: np.ndarray, blocks: Iterable[np.ndarray], k: int, skip: np.ndarray | None = None):
    """Return (rows int64 (Q, k), distances float64 (Q, k)), the nearest first, by Euclidean distance.

    queries: (Q, F). blocks: the points in consecutive blocks, each (B, F); one is in memory at a time.
    skip: bool over all points, those that are never returned. Of equally near points the first ones count.
    With fewer than k points the last columns are -1 and infinite.
    """
    queries = np.asarray(queries, np.float64)
    rows = np.full((len(queries), k), -1, np.int64)
    distances = np.full((len(queries), k), np.inf)
    start = 0
    for block in blocks:
        block = np.asarray(block, np.float64)
        there = np.arange(start, start + len(block))
        start += len(block)
        if skip is not None:
            kept = ~skip[there]
            block, there = block[kept], there[kept]
        squares = np.square(block).sum(axis=1)
        for first in range(0, len(queries), QUERIES_AT_ONCE):
            part = slice(first, first + QUERIES_AT_ONCE)
            some = queries[part]
            found = np.square(some).sum(axis=1)[:, None] + squares - 2 * some @ block.T
            known = np.concatenate([distances[part], np.sqrt(np.maximum(found, 0))], axis=1)
            names = np.concatenate([rows[part], np.broadcast_to(there, found.shape)], axis=1)
            order = np.argsort(known, axis=1, kind="stable")[:, :k]
            distances[part] = np.take_along_axis(known, order, axis=1)
            rows[part] = np.take_along_axis(names, order, axis=1)
    return rows, distances


def smoothness(latents: np.ndarray, accuracies: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
    """Measure how much accuracies differ along nearest neighbours; return (measures, differences).

    latents: (N, F). accuracies: (N,), fractions. differences: (10,), the mean absolute difference to the
    1st to 10th nearest neighbour (fewer with fewer than 11 cells).
    neighbour_difference: their mean. random_difference: the mean over all pairs of cells.
    neighbour_correlation: Moran's I with the ten neighbours as equal weights, that is the covariance of a
    cell's accuracy with the mean of its neighbours' over the variance of accuracies; about 0 where the
    latents say nothing of accuracy, at most about 1.
    """
    n, k = len(latents), min(NEIGHBOURS, len(latents) - 1)
    rows, _ = nearest(latents, [latents], k + 1)
    others = rows[rows != np.arange(n)[:, None]]  # a cell is its own nearest, or one of several equal ones
    if len(others) != n * k:  # more than k + 1 equal points: the cell itself is not among the first
        found = rows == np.arange(n)[:, None]
        rows[~found.any(axis=1), -1] = np.flatnonzero(~found.any(axis=1))
        others = rows[rows != np.arange(n)[:, None]]
    around = accuracies[others.reshape(n, k)]
    differences = np.abs(around - accuracies[:, None]).mean(axis=0)
    ranked = np.sort(accuracies)
    every_pair = 2 * ((2 * np.arange(n) - n + 1) * ranked).sum() / (n * (n - 1))
    centred = accuracies - accuracies.mean()
    spread = np.square(centred).sum()
    covered = (centred * (around.mean(axis=1) - accuracies.mean())).sum()
    measures = {
        "neighbour_difference": float(differences.mean()),
        "random_difference": float(every_pair),
        "neighbour_correlation": float(covered / spread) if spread > 0 else float("nan"),
    }
    return measures, differences
