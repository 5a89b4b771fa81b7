"""Command `search`: let one strategy spend its budget, and write down what it asked for."""

from __future__ import annotations

import argparse
import importlib
import logging
from pathlib import Path

import numpy as np

from pipeline import spaces
from pipeline.artifacts import put_archs, put_table, write_h5
from pipeline.benchmarks.tables import BenchmarkTable, load_table
from pipeline.errors import UserError
from pipeline.job import Job
from pipeline.predictors.resources import named_files
from pipeline.randomness import derive
from pipeline.search.context import Context, draw_initial
from pipeline.search.loop import Trajectory, spend
from pipeline.search.oracles import TableOracle
from pipeline.search.settings import SearchSettings, check_against_space
from pipeline.spaces.catalogue import load_space

HELP = "run a search strategy: spend a budget of trained networks, several times over"
log = logging.getLogger("nasflow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's files."""
    parser.add_argument("--strategy", required=True, help="name of the strategy in the configuration")
    parser.add_argument(
        "--benchmark-table", type=Path, required=True, help="benchmark table with labelled cells"
    )
    parser.add_argument("--space-file", type=Path, required=True, help="all cells of the search space")
    parser.add_argument(
        "--images", type=Path, help="image set to train on; needed unless the table has every cell"
    )
    parser.add_argument("--cache", type=Path, help="folder that keeps what was trained; needed with --images")
    parser.add_argument(
        "--latents",
        nargs="*",
        default=[],
        metavar="NAME=FILE",
        help="autoencoders that the predictor may use",
    )
    parser.add_argument("--zeroshot", type=Path, help="zero-shot scores that the predictor may use")
    parser.add_argument("--out", type=Path, required=True, help="trajectory to write (HDF5)")


def run(args: argparse.Namespace, job: Job) -> None:
    """Run the strategy that the job's settings describe and write its trajectory."""
    s = job.settings
    search = SearchSettings(budget=s["budget"], n_initial=s["n_initial"], n_runs=s["n_runs"])
    method = importlib.import_module(f"pipeline.search.{s['method']}")
    space, table = spaces.load(s["space"]), load_table(args.benchmark_table)
    cells, _ = load_space(args.space_file)
    labelled = table.rows("labelled")
    check_against_space(search, len(cells), len(labelled), s["space"])
    initial, reserve = draw_initial(len(labelled), search.n_initial, search.n_runs, job.seed, s["benchmark"])
    latents, device = named_files(args.latents), job.torch_device()
    context = Context(
        space=space,
        cells=cells,
        reserve=[table.archs[labelled[rows]] for rows in reserve],
        seeds=[
            derive(job.seed, "search", s["benchmark"], s["strategy"], run) for run in range(search.n_runs)
        ],
        budget=search.budget,
        predictor=s["predictor"],
        latents=latents,
        zeroshot=args.zeroshot,
        device=device,
    )
    trajectory = spend(
        method.Strategy(method.Settings(**s["settings"]), context),
        make_oracle(args, job, table, space, device),
        space,
        table.archs[labelled[initial.reshape(-1)]],
        search.n_runs,
        search.budget,
        s["strategy"],
    )
    inputs = [args.benchmark_table, args.space_file, args.images, args.zeroshot, *latents.values()]
    write(args.out, job, trajectory, [path for path in inputs if path is not None])


def make_oracle(args: argparse.Namespace, job: Job, table: BenchmarkTable, space, device):
    """Return an oracle that trains what the table does not know, or only looks up if there are no images.

    The labelled cells are known to it; held-out ones are not.
    """
    if job.settings.get("oracle") is None:
        return TableOracle(table, space.canonical_key)
    if args.images is None or args.cache is None:
        raise UserError("search: this benchmark's networks are trained here; give --images and --cache")
    from pipeline.children.kept import Kept
    from pipeline.children.oracle import TrainingOracle
    from pipeline.images.sets import load_images

    val, test = table.mean(table.val_metric), table.mean(table.test_metric)
    known = {table.cells[row]: (float(val[row]), float(test[row])) for row in table.rows("labelled")}
    recipe = job.settings["oracle"]
    images, space_name = load_images(args.images), job.settings["space"]
    kept = Kept(args.cache, images, recipe["network"], recipe["training"], space_name, job, device)
    return TrainingOracle(kept, known)


def write(path: Path, job: Job, trajectory: Trajectory, inputs: list[Path]) -> None:
    """Write the trajectory (kind "search") and log how the search went."""
    columns = trajectory.columns
    last = np.flatnonzero(np.diff(columns["run"], append=-1))  # each run's last row
    with write_h5(path, "search", job, inputs=inputs, run={"cells_by_source": trajectory.sources}) as handle:
        for name in ("benchmark", "space", "strategy", "method"):
            handle.attrs[name] = job.settings[name]
        for name in ("budget", "n_initial", "n_runs"):
            handle.attrs[name] = job.settings[name]
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
    log.info(
        "%s: best by validation: %.4f validation, %.4f test (mean over runs)",
        job.settings["strategy"],
        columns["best_val_acc"][last].mean(),
        columns["best_test_acc"][last].mean(),
    )
