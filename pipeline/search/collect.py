"""Command `search_table`: accuracy against the number of trained networks, one CSV for all strategies."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.job import Job
from pipeline.search.found import best_found
from pipeline.storage.artifacts import get_table, open_h5, write_text_artifact

HELP = "write results/tables/search.csv: accuracy against the number of trained networks"
SPREAD = ("val_acc", "test_acc", "regret")  # measures with a mean and a standard deviation
COUNTED = ("repeats", "invalid", "train_seconds")  # with a mean alone
FOUND = ("found_acc", "found_rank")
COLUMNS = (
    "benchmark",
    "strategy",
    "metric",
    "queries",
    "n_runs",
    *(f"{measure}_{what}" for measure in SPREAD for what in ("mean", "std")),
    *(f"{measure}_mean" for measure in COUNTED),
    "optimum_reached",
    "queries_to_optimum_median",
    *(f"{measure}_{what}" for measure in FOUND for what in ("mean", "std")),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's files."""
    parser.add_argument(
        "--searches", type=Path, nargs="+", required=True, help="trajectories of the search stage"
    )
    parser.add_argument("--out", type=Path, required=True, help="CSV to write")


def run(args: argparse.Namespace, job: Job) -> None:
    """Join trajectories into one table: a row for each benchmark, strategy and number of queries."""
    rows = [row for path in args.searches for row in curve(path)]
    rows.sort(key=lambda row: row[:4])
    lines = [",".join(COLUMNS), *(",".join(_text(value) for value in row) for row in rows)]
    write_text_artifact(args.out, "\n".join(lines) + "\n", job, args.searches)


def curve(path: Path) -> list[tuple]:
    """Return one row (see COLUMNS) for each number of queries of one strategy's runs.

    metric: what was queried. val_acc, test_acc: of the cell that is best by it after so many queries.
    regret: the best cell's queried accuracy in the whole table less that one's. optimum_reached: share of
    the runs that have found it. queries_to_optimum_median: how many queries it took in the median of all
    runs; NaN as long as no more than half of them have found it. All three are NaN where the optimum is
    unknown. train_seconds: what the run's trainings took so far, as the benchmark recorded them.
    found_acc, found_rank: of the best cell so far that is none of the first ones: its queried accuracy, and
    rank among the cells of the table, as a share of them (NaN without a table).
    std: over runs, with n - 1 in the denominator; NaN for one run.
    """
    with open_h5(path, "search") as handle:
        table = get_table(handle)
        names = tuple(str(handle.attrs[key]) for key in ("benchmark", "strategy", "metric"))
        n_runs, n_initial = int(handle.attrs["n_runs"]), int(handle.attrs["n_initial"])
        queried = str(handle.attrs["queried"])
    value = {"val_acc": _by_query(table["best_val_acc"], n_runs)}
    value["test_acc"] = _by_query(table["best_test_acc"], n_runs)
    value |= {name: _by_query(table[name], n_runs) for name in ("regret", *COUNTED)}
    found = [_by_query(table[name], n_runs) for name in (queried, "rank")]
    value |= dict(zip(FOUND, best_found(*found, n_initial), strict=True))
    mean = {name: values.mean(axis=0) for name, values in value.items()}
    std = {name: _std(values) for name, values in value.items()}
    reached, median = _to_optimum(value["regret"])
    return [
        (
            *names,
            i + 1,
            n_runs,
            *(column[measure][i] for measure in SPREAD for column in (mean, std)),
            *(mean[measure][i] for measure in COUNTED),
            reached[i],
            median[i],
            *(column[measure][i] for measure in FOUND for column in (mean, std)),
        )
        for i in range(len(mean["val_acc"]))
    ]


def _to_optimum(regret: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (share of runs that have the optimum, median queries to it), float64 (queries,), from
    regrets (runs, queries).
    """
    n = regret.shape[1]
    if np.isnan(regret).all():
        return np.full(n, math.nan), np.full(n, math.nan)
    there = regret <= 0
    first = np.where(there.any(axis=1), there.argmax(axis=1) + 1.0, math.inf)
    median = float(np.median(first))
    known = (median <= np.arange(1, n + 1)) & math.isfinite(median)
    return there.mean(axis=0), np.where(known, median, math.nan)


def _by_query(column: Sequence, n_runs: int) -> np.ndarray:
    """Return float64 (runs, queries): rows of the trajectory are sorted by run, then query."""
    return np.asarray(column, dtype=np.float64).reshape(n_runs, -1)


def _std(values: np.ndarray) -> np.ndarray:
    return values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1], math.nan)


def _text(value) -> str:
    """One form for every number, so that equal tables are equal files; NaN is an empty field."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6f}"
    return str(value)
