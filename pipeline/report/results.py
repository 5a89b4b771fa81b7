"""What follows from a run's frames: measures of predictors, accuracy along a search, the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.evaluation.measures import all_measures, kendall_tau, spearman
from pipeline.randomness import rng
from pipeline.report.data import Search, ZeroShot
from pipeline.report.labels import Labels

MAX_CELLS = 2000  # whose pairs are compared at once in a resample
RESAMPLES = 200  # of the bootstrap intervals of Kendall's tau


def measured(predictions: pd.DataFrame, ks: Sequence[int]) -> pd.DataFrame:
    """Return one row a predictor, number of labels and run, with every measure."""
    names = ["predictor", "n_train", "run"]
    groups = predictions.groupby(names, sort=True)
    rows = [
        dict(zip(names, key, strict=True)) | all_measures(p["truth"], p["score"], ks) for key, p in groups
    ]
    return pd.DataFrame(rows)


def over_runs(frame: pd.DataFrame, by: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Return n_runs and each column's mean and standard deviation (n - 1; NaN for one run) over runs."""
    groups = frame.groupby(list(by), sort=True)
    named = {f"{c}_{how}": (c, how) for c in columns for how in ("mean", "std")}
    return groups.agg(n_runs=("run", "nunique"), **named).reset_index()


def average_ranks(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return, at each predictor's largest number of labels, a held-out cell's true and mean predicted rank.

    Rank 1 is the best; equal values share their mean rank. Columns: predictor, n_train, cell, truth,
    true_rank, predicted_rank.
    """
    largest = predictions.groupby("predictor")["n_train"].transform("max")
    frame = predictions[predictions["n_train"] == largest].copy()
    runs = frame.groupby(["predictor", "run"])
    frame["true_rank"] = runs["truth"].rank(ascending=False)
    frame["predicted_rank"] = runs["score"].rank(ascending=False)
    keys = ["predictor", "n_train", "cell"]
    return frame.groupby(keys, sort=True)[["truth", "true_rank", "predicted_rank"]].mean().reset_index()


def zero_shot_taus(zeroshot: ZeroShot, labels: Labels, seed: int) -> pd.DataFrame:
    """Return each metric's rank correlations with validation accuracy.

    Columns: metric, role, n (cells that have both), missing (cells without a score), tau (Kendall's tau-b),
    low, high (its 95 % percentile bootstrap over cells), spearman.
    """
    joined = zeroshot.frame[["cell", *zeroshot.metrics]].merge(
        labels.frame[["cell", "role", "val_acc"]], on="cell"
    )
    rows = []
    for role, part in joined.groupby("role", sort=False):
        for metric in zeroshot.metrics:
            pair = part[["val_acc", metric]].dropna().to_numpy()
            low, high = _bootstrap(pair, seed, role, metric)
            tau, rho = (measure(*pair.T) if len(pair) > 1 else np.nan for measure in (kendall_tau, spearman))
            missing = int(part[metric].isna().sum())
            rows.append((metric, role, len(pair), missing, tau, low, high, rho))
    return pd.DataFrame(rows, columns=["metric", "role", "n", "missing", "tau", "low", "high", "spearman"])


def _bootstrap(pair: np.ndarray, seed: int, *names) -> tuple[float, float]:
    """95 % percentile interval of Kendall's tau-b between the columns of `pair` (N, 2).

    Of more than MAX_CELLS cells as many are resampled, and the interval shrinks with the root of N.
    """
    n = len(pair)
    if n < 3:
        return np.nan, np.nan
    stream = rng(seed, "report", "bootstrap", *names)
    if n > MAX_CELLS:
        few, all_of = pair[stream.choice(n, MAX_CELLS, replace=False)], kendall_tau(*pair.T)
        taus = tau_of_resamples(few, stream.integers(MAX_CELLS, size=(RESAMPLES, MAX_CELLS)))
        taus = all_of + (taus - kendall_tau(*few.T)) * (MAX_CELLS / n) ** 0.5
    else:
        taus = tau_of_resamples(pair, stream.integers(n, size=(RESAMPLES, n)))
    return tuple(float(q) for q in np.nanquantile(taus, (0.025, 0.975)))


def tau_of_resamples(pair: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Return Kendall's tau-b of each resample, float64 (R,). pair: (N, 2). drawn: rows of it, int (R, N).

    A cell drawn w times makes w^2 ties with itself, so sums over pairs become products with its count.
    """
    counts = np.stack([np.bincount(rows, minlength=len(pair)) for rows in drawn]).astype(np.float64)  # (R, N)
    x, y = (np.sign(column[:, None] - column) for column in pair.T)  # (N, N)
    agree, in_x, in_y = (((counts @ m) * counts).sum(axis=1) for m in (x * y, np.abs(x), np.abs(y)))
    with np.errstate(invalid="ignore"):
        return agree / np.sqrt(in_x * in_y)


def metric_correlations(zeroshot: ZeroShot) -> np.ndarray:
    """Return Spearman's correlation between all metrics, float64 (M, M), over the cells that have both."""
    values = zeroshot.frame[zeroshot.metrics].to_numpy(np.float64)
    m = len(zeroshot.metrics)
    found = np.eye(m)
    for i in range(m):
        for j in range(i):
            both = ~np.isnan(values[:, [i, j]]).any(axis=1)
            pair = values[both][:, [i, j]]
            found[i, j] = found[j, i] = spearman(*pair.T) if len(pair) > 1 else np.nan
    return found


def principal_components(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first two principal components, float64 (N, 2), and their shares of the variance (2,).

    Signs are fixed: the entry of largest magnitude of each axis is positive.
    """
    centred = embeddings.astype(np.float64) - embeddings.mean(axis=0, dtype=np.float64)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2][np.arange(2), np.abs(axes[:2]).argmax(axis=1)])[:, None]
    return centred @ axes.T, (singular**2 / np.square(singular).sum())[:2]


def along(search: Search) -> pd.DataFrame:
    """Return the search's frame sorted by run and query, with `trained` and the best cell so far.

    trained: 1, 2, … within a run. best_val_acc: best validation accuracy so far; best_test_acc,
    best_row: test accuracy and row (of `search.archs`) of that cell, the earliest of equals.
    """
    frame = search.frame.assign(row=np.arange(len(search.frame)))
    frame = frame.sort_values(["run", "query"], kind="stable", ignore_index=True)
    frame["trained"] = frame.groupby("run").cumcount() + 1
    value = frame["val_acc"].fillna(-np.inf)
    top = value.groupby(frame["run"]).cummax()
    rises = top > top.groupby(frame["run"]).shift(fill_value=-np.inf)
    best = pd.Series(np.where(rises, frame.index, np.nan)).groupby(frame["run"]).ffill()
    chosen = best.fillna(0).astype(int).to_numpy()
    for name, column in (("best_val_acc", "val_acc"), ("best_test_acc", "test_acc"), ("best_row", "row")):
        frame[name] = np.where(best.isna(), np.nan, frame[column].to_numpy()[chosen])
    return frame


def shared_start(searches: Mapping[str, pd.DataFrame]) -> int:
    """Return how many first cells all strategies have in common in every run."""
    frames = list(searches.values())
    if len(frames) < 2:
        return 0
    lists = [[list(part["cell"]) for _, part in f.groupby("run")] for f in frames]
    shared = None
    for runs in zip(*lists, strict=False):
        same = 0
        for cells in zip(*runs, strict=False):
            if len(set(cells)) > 1:
                break
            same += 1
        shared = same if shared is None else min(shared, same)
    return shared or 0


def top_cells(frame: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return the `n` different cells with the best validation accuracy of all runs of `along`'s frame.

    Columns: cell, row, val_acc, test_acc, runs (how many asked for it), trained (earliest). Equals: the one
    that more runs asked for, then the earlier one; test accuracy plays no part.
    """
    groups = frame.dropna(subset="val_acc").groupby("cell", sort=True)
    cells = groups.agg(
        row=("row", "first"),
        val_acc=("val_acc", "first"),
        test_acc=("test_acc", "first"),
        runs=("run", "nunique"),
        trained=("trained", "min"),
    ).reset_index()
    order = cells.sort_values(["val_acc", "runs", "trained"], ascending=[False, False, True], kind="stable")
    return order.head(n).reset_index(drop=True)
