"""What a search found beyond the cells that it was given, and how these stand among all cells of a table.

Source: ReNAS, tables 3, 4 and 6 (and SSA's tables 2 and 3): of the ten cells that evolution under a predictor
proposes, the best one's accuracy, and its rank among all cells.
"""

from __future__ import annotations

import numpy as np


def rank_shares(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the rank of each value among a table's, 1 + the number of better cells, as a share of all cells.

    values: float (n,), accuracies that are in the table; known: float (N,), those of all its cells, NaN where
    a training failed. Returns float64 (n,), 1 / N for the best cell; NaN for NaN.
    """
    known = np.sort(known[~np.isnan(known)])
    better = len(known) - np.searchsorted(known, values, side="right")
    return np.where(np.isnan(values), np.nan, (better + 1) / max(len(known), 1))


def best_found(accuracy: np.ndarray, rank: np.ndarray, n_initial: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the highest accuracy and lowest rank so far, of the cells after the first `n_initial`.

    accuracy, rank: float (runs, queries). Returns float64 of that shape, NaN where nothing was found yet.
    """
    later = np.arange(accuracy.shape[1]) >= n_initial
    best = np.fmax.accumulate(np.where(later, accuracy, np.nan), axis=1)
    return best, np.fmin.accumulate(np.where(later, rank, np.nan), axis=1)
