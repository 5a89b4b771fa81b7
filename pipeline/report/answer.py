"""The answer of a run: the found cell, and how the search compares with random search at the same cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from pipeline.report.data import Run
from pipeline.report.results import shared_start, top_cells


@dataclass(frozen=True)
class Comparison:
    """One measure of two strategies at the same cost; arrays have one entry a run.

    difference: mean of ours less theirs; low, high: its 95 % t-interval (NaN with fewer than two runs),
    from the differences run by run if `paired` (the runs start from the same cells), else Welch's.
    """

    ours: np.ndarray
    theirs: np.ndarray
    paired: bool
    difference: float
    low: float
    high: float


def compare(ours: np.ndarray, theirs: np.ndarray, paired: bool) -> Comparison:
    """Compare two sets of runs."""
    difference = float(np.mean(ours) - np.mean(theirs))
    if min(len(ours), len(theirs)) < 2:
        return Comparison(ours, theirs, paired, difference, np.nan, np.nan)
    if paired:
        error, freedom = np.std(ours - theirs, ddof=1) / np.sqrt(len(ours)), len(ours) - 1
    else:
        parts = np.array([np.var(x, ddof=1) / len(x) for x in (ours, theirs)])
        error = np.sqrt(parts.sum())
        freedom = parts.sum() ** 2 / (
            parts[0] ** 2 / (len(ours) - 1) + parts[1] ** 2 / (len(theirs) - 1) or 1
        )
    half = float(student.ppf(0.975, max(freedom, 1)) * error)
    return Comparison(ours, theirs, paired, difference, difference - half, difference + half)


@dataclass(frozen=True)
class Standing:
    """Where a found accuracy stands in the table. rank: 1 is the best of `n` cells; best: theirs."""

    rank: int
    n: int
    best: float
    regret: float


@dataclass(frozen=True)
class Answer:
    """What the run found. cost: cells that one run paid for. baseline: name of random search, or None.

    best: row of `top_cells`. found_at: how many cells the run that found it had paid for by then.
    beaten: share of the labelled random cells whose validation accuracy is lower; NaN if unknown.
    val, test: against random search; test is None where there is no test accuracy.
    seconds: recorded training time behind one run's queries, mean over runs; NaN if unknown.
    """

    strategy: str
    baseline: str | None
    cost: int
    runs: int
    best: pd.Series
    found_at: int
    beaten: float
    val: Comparison | None
    test: Comparison | None
    seconds: float = np.nan

    @property
    def judged(self) -> Comparison | None:
        """The comparison that the verdict goes by: of test accuracy where there is one."""
        return self.test or self.val


def standing(values: pd.Series, found: float) -> Standing:
    """Return where `found` stands among the accuracies of all cells of a table."""
    best = float(values.max())
    return Standing(int((values > found).sum()) + 1, int(values.notna().sum()), best, best - found)


def answer(run: Run, frames: Mapping[str, pd.DataFrame]) -> Answer | None:
    """Return the answer from `along`'s frames of all strategies; None without a search."""
    frames = {n: frame for n, frame in frames.items() if frame["val_acc"].notna().any()}
    baseline = next((n for n in frames if _strategy(run, n).get("method", n) == "random"), None)
    candidates = [n for n in frames if _has_a_model(_strategy(run, n))]
    candidates = candidates or [n for n in frames if n != baseline]
    if not candidates:
        return None
    against = [baseline] if baseline else []
    cost = min(_cost(frames[n]) for n in [*candidates, *against])
    ends = {n: end(frames[n], cost) for n in [*candidates, *against]}
    ours = max(candidates, key=lambda n: ends[n]["best_val_acc"].mean())
    within = frames[ours][frames[ours]["trained"] <= cost]
    best = top_cells(within, 1).iloc[0]
    beaten = np.nan
    if run.labels is not None:
        accuracies = run.labels.frame.loc[run.labels.frame["role"] == "labelled", "val_acc"].dropna()
        beaten = float((accuracies < best["val_acc"]).mean()) if len(accuracies) else np.nan
    comparisons = {"best_val_acc": None, "best_test_acc": None}
    if baseline:
        together = {n: frames[n] for n in (ours, baseline)}
        paired = shared_start(together) > 0 and len(ends[ours]) == len(ends[baseline])
        for column in comparisons:
            values = [ends[n][column].to_numpy() for n in (ours, baseline)]
            if not all(np.isnan(part).all() for part in values):
                comparisons[column] = compare(*values, paired)
    return Answer(
        strategy=ours,
        baseline=baseline,
        cost=cost,
        runs=len(ends[ours]),
        best=best,
        found_at=int(best["trained"]),
        beaten=beaten,
        val=comparisons["best_val_acc"],
        test=comparisons["best_test_acc"],
        seconds=seconds_of(ends[ours]),
    )


def end(frame: pd.DataFrame, cost: int) -> pd.DataFrame:
    """Return the rows where each run has paid for `cost` cells."""
    return frame[frame["trained"] == cost].sort_values("run")


def seconds_of(ends: pd.DataFrame) -> float:
    """Return the recorded training time so far, mean over runs (rows); NaN if unknown."""
    return float(ends["train_seconds"].mean(skipna=False)) if "train_seconds" in ends else np.nan


def _has_a_model(strategy: Mapping) -> bool:
    """Whether a strategy learns which cells are good, by a predictor or a model of its own."""
    return bool(strategy.get("predictor")) or strategy.get("method") == "bayesian"


def _strategy(run: Run, name: str) -> dict:
    return run.settings.get("strategies", {}).get(name, {})


def _cost(frame: pd.DataFrame) -> int:
    return int(frame.groupby("run")["trained"].max().min())
