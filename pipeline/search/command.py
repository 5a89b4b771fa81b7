"""Command `search`: let one strategy spend its budget, and write down what it asked for."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np

from pipeline.benchmarks.tables import load_table
from pipeline.job import Job
from pipeline.predictors.resources import named_files
from pipeline.search.found import rank_shares
from pipeline.search.kept import remove_parts
from pipeline.search.loop import QUERIED, Trajectory
from pipeline.search.parts import search
from pipeline.storage.artifacts import open_h5, put_archs, put_table, write_h5

HELP = "run a search strategy: spend a budget of trained networks, several times over"
log = logging.getLogger("nasflow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's files."""
    parser.add_argument("--strategy", required=True, help="name of the strategy in the configuration")
    parser.add_argument("--benchmark-table", type=Path, required=True, help="benchmark table")
    parser.add_argument(
        "--space-file", type=Path, help="all cells of the space; needed with --images, but for darts"
    )
    parser.add_argument(
        "--images", type=Path, help="image set to train on, where the benchmark's networks are trained here"
    )
    parser.add_argument(
        "--surrogates",
        nargs="*",
        default=[],
        metavar="METRIC=FILE",
        help="surrogates of val_acc and test_acc that answer for any cell of the space",
    )
    parser.add_argument("--cache", type=Path, help="folder that keeps what was trained; needed with --images")
    parser.add_argument(
        "--side-by-side", type=int, default=1, help="networks trained at a time; changes no result"
    )
    parser.add_argument(
        "--latents",
        nargs="*",
        default=[],
        metavar="NAME=FILE",
        help="autoencoders that the strategy or its predictor may use",
    )
    parser.add_argument("--zeroshot", type=Path, help="zero-shot scores that the predictor may use")
    parser.add_argument("--out", type=Path, required=True, help="trajectory to write (HDF5)")


def run(args: argparse.Namespace, job: Job) -> None:
    """Run the strategy that the job's settings describe and write its trajectory."""
    named = [*named_files(args.surrogates).values(), *named_files(args.latents).values()]
    inputs = [args.benchmark_table, args.space_file, args.images, args.zeroshot, *named]
    inputs = [path for path in inputs if path is not None]
    write(args.out, job, search(args, job, inputs), inputs)
    remove_parts(args.out)


def write(path: Path, job: Job, trajectory: Trajectory, inputs: list[Path]) -> None:
    """Write the trajectory (kind "search") and log how the search went."""
    columns, metric = trajectory.columns, job.settings.get("metric", "val")
    last = np.flatnonzero(np.diff(columns["run"], append=-1))  # each run's last row
    columns["rank"] = _ranks(columns[QUERIED[metric]], job, inputs[0])
    with write_h5(path, "search", job, inputs=inputs, run={"cells_by_source": trajectory.sources}) as handle:
        for name in ("benchmark", "space", "strategy", "method"):
            handle.attrs[name] = job.settings[name]
        for name in ("budget", "n_initial", "n_runs"):
            handle.attrs[name] = job.settings[name]
        handle.attrs["queried"] = QUERIED[metric]
        handle.attrs["metric"] = _metric(inputs[0], metric)
        put_archs(handle, trajectory.archs)
        put_table(handle, columns)
    repeats, invalid = columns["repeats"][last], columns["invalid"][last]
    proposals = len(columns["run"]) + repeats.sum() + invalid.sum()
    log.info(
        "%s: %d runs of %d queries; %.1f%% of %d proposals valid, %d repeated (free); cells %s",
        job.settings["strategy"],
        len(last),
        job.settings["budget"],
        100 * (1 - invalid.sum() / proposals),
        proposals,
        repeats.sum(),
        ", ".join(f"{count} {source}" for source, count in trajectory.sources.items()),
    )
    val, test = columns["best_val_acc"][last].mean(), columns["best_test_acc"][last].mean()
    also = "" if np.isnan(test) else f", {test:.4f} test"
    name = job.settings["strategy"]
    by = {"val": "validation", "test": "test accuracy"}[metric]
    log.info("%s: best by %s: %.4f validation%s (mean over runs)", name, by, val, also)
    if not np.isnan(columns["regret"]).all():
        share = 100 * (columns["regret"][last] <= 0).mean()
        log.info("%s: %.0f%% of %d runs found the optimum", name, share, len(last))


def _metric(table: Path, metric: str) -> str:
    """Return the full name of what was queried, as the benchmark's table has it."""
    with open_h5(table, "benchmark") as handle:
        return str(handle.attrs[f"{metric}_metric"])


def _ranks(accuracies: np.ndarray, job: Job, table: Path) -> np.ndarray:
    """Return the ranks of queried accuracies in their table, as shares; NaN if they are of no table."""
    if job.settings.get("origin") != "table":
        return np.full(len(accuracies), np.nan)
    known = load_table(table, job.settings["benchmark"])
    metric = known.test_metric if job.settings.get("metric") == "test" else known.val_metric
    return rank_shares(accuracies, known.mean(metric))
