"""Command `search_table`: accuracy against the number of trained networks, one CSV for all strategies."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.artifacts import get_table, open_h5, write_text_artifact
from pipeline.job import Job

HELP = "write results/tables/search.csv: accuracy against the number of trained networks"
MEASURES = ("val_acc", "test_acc", "repeats", "invalid", "train_seconds")
COLUMNS = (
    "benchmark",
    "strategy",
    "queries",
    "n_runs",
    *(f"{measure}_{what}" for measure in MEASURES[:2] for what in ("mean", "std")),
    *(f"{measure}_mean" for measure in MEASURES[2:]),
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
    rows.sort(key=lambda row: row[:3])
    lines = [",".join(COLUMNS), *(",".join(_text(value) for value in row) for row in rows)]
    write_text_artifact(args.out, "\n".join(lines) + "\n", job, args.searches)


def curve(path: Path) -> list[tuple]:
    """Return one row (see COLUMNS) for each number of queries of one strategy's runs.

    val_acc: best validation accuracy after so many queries. test_acc: test accuracy of that cell.
    train_seconds: what the run's trainings took so far, as the benchmark recorded them.
    std: over runs, with n - 1 in the denominator; NaN for one run.
    """
    with open_h5(path, "search") as handle:
        table = get_table(handle)
        names = (str(handle.attrs["benchmark"]), str(handle.attrs["strategy"]))
        n_runs = int(handle.attrs["n_runs"])
    value = {
        "val_acc": _by_query(table["best_val_acc"], n_runs),
        "test_acc": _by_query(table["best_test_acc"], n_runs),
        "repeats": _by_query(table["repeats"], n_runs),
        "invalid": _by_query(table["invalid"], n_runs),
        "train_seconds": _by_query(table["train_seconds"], n_runs),
    }
    mean = {name: values.mean(axis=0) for name, values in value.items()}
    std = {name: _std(values) for name, values in value.items()}
    return [
        (
            *names,
            i + 1,
            n_runs,
            *(column[measure][i] for measure in MEASURES[:2] for column in (mean, std)),
            *(mean[measure][i] for measure in MEASURES[2:]),
        )
        for i in range(len(mean["val_acc"]))
    ]


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
