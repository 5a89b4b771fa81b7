"""Measures of how well predicted scores rank architectures.

`truth` and `score`: float (N,), higher is better. All return a float, NaN where the measure is undefined
(fewer than two values, or all equal). All raise ValueError if the lengths differ or a value is NaN.
"""

from __future__ import annotations

import numpy as np
from scipy import stats


def kendall_tau(truth, score) -> float:
    """Kendall's tau-b (ties count), in O(N log N); GATES, section 6.1."""
    truth, score = _checked(truth, score)
    if not _varied(truth, score):
        return float("nan")
    return float(stats.kendalltau(truth, score).statistic)


def spearman(truth, score) -> float:
    """Spearman's rank correlation."""
    truth, score = _checked(truth, score)
    if not _varied(truth, score):
        return float("nan")
    return float(stats.spearmanr(truth, score).statistic)


def pearson(truth, score) -> float:
    """Pearson's linear correlation."""
    truth, score = _checked(truth, score)
    if not _varied(truth, score):
        return float("nan")
    return float(np.corrcoef(truth, score)[0, 1])


def mse(truth, score) -> float:
    """Mean squared error; meaningful for predictors that regress the accuracy itself."""
    truth, score = _checked(truth, score)
    return float(np.mean((truth - score) ** 2)) if len(truth) else float("nan")


def rmse(truth, score) -> float:
    """Root of the mean squared error, in units of accuracy."""
    return float(np.sqrt(mse(truth, score)))


def r2(truth, score) -> float:
    """Share of the variance that is explained: 1 - error / error of the mean; negative if that is smaller."""
    truth, score = _checked(truth, score)
    if len(truth) < 2 or np.ptp(truth) == 0:
        return float("nan")
    return float(1 - np.mean((truth - score) ** 2) / truth.var())


def precision_at_k(truth, score, k: int) -> float:
    """Share of the true top k among the predicted top k, in [0, 1]; GATES, section 6.1.

    Where the k-th true value is shared by several, each of them counts as a top one. Where the k-th
    score is shared by several, who of them is chosen is left to chance, and the result is the mean.
    """
    truth, score = _checked(truth, score)
    if not 1 <= k <= len(truth):
        return float("nan")
    top = truth >= np.sort(truth)[-k]
    sure, edge, left = _chosen(score, k)
    return float((top[sure].sum() + left * top[edge].mean()) / k)


def n_at_k(truth, score, k: int) -> float:
    """Best true rank (1 = best of all) among the k highest predicted; GATES, section 6.1 (N@K).

    Equally good ones share the better rank. Where the k-th score is shared by several, who of them is
    chosen is left to chance, and the result is the mean over all choices.
    """
    truth, score = _checked(truth, score)
    if not 1 <= k <= len(truth):
        return float("nan")
    rank = 1 + np.searchsorted(np.sort(-truth), -truth)
    sure, edge, left = _chosen(score, k)
    among = np.sort(rank[edge])  # the best of `left` drawn from these, or of the sure ones
    position = np.arange(len(among))
    missed = np.clip((len(among) - position - left) / (len(among) - position), 0, 1)
    reached = np.concatenate([[1.0], np.cumprod(missed)[:-1]])  # chance that no better one was drawn
    best = np.minimum(among, rank[sure].min(initial=len(truth)))
    return float(np.sum(reached * (1 - missed) * best))


ERRORS = {"mse": mse, "rmse": rmse, "r2": r2}  # of predictors that regress the accuracy itself


def all_measures(truth, score, ks, regresses: bool = True) -> dict[str, float]:
    """Every measure by its column name.

    kendall_tau, spearman, pearson, mse, rmse, r2, precision_at_K, n_at_K. regresses: whether the scores are
    accuracies; if they only rank, errors are NaN.
    """
    found = {"kendall_tau": kendall_tau(truth, score), "spearman": spearman(truth, score)}
    found |= {"pearson": pearson(truth, score)}
    found |= {name: measure(truth, score) if regresses else float("nan") for name, measure in ERRORS.items()}
    found |= {f"precision_at_{k}": precision_at_k(truth, score, k) for k in ks}
    return found | {f"n_at_{k}": n_at_k(truth, score, k) for k in ks}


def measures_above(truth, score, bar: float, regresses: bool = True) -> dict[str, float]:
    """rmse_above and pearson_above: on the cells whose true accuracy is above `bar`; thesis, section 4.4."""
    truth, score = _checked(truth, score)
    above = truth > bar
    error = rmse(truth[above], score[above]) if regresses else float("nan")
    return {"rmse_above": error, "pearson_above": pearson(truth[above], score[above])}


def _checked(truth, score) -> tuple[np.ndarray, np.ndarray]:
    truth, score = np.asarray(truth, np.float64), np.asarray(score, np.float64)
    if truth.ndim != 1 or truth.shape != score.shape:
        raise ValueError(
            f"measures: truth has shape {truth.shape}, score {score.shape}; expected the same length"
        )
    if np.isnan(truth).any() or np.isnan(score).any():
        raise ValueError("measures: NaN among the values; leave these architectures out first")
    return truth, score


def _chosen(score: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return who is surely among the k highest, who shares the k-th score, and how many places those have."""
    bar = np.sort(score)[-k]
    sure = score > bar
    return sure, score == bar, k - int(sure.sum())


def _varied(truth: np.ndarray, score: np.ndarray) -> bool:
    return len(truth) > 1 and np.ptp(truth) > 0 and np.ptp(score) > 0
