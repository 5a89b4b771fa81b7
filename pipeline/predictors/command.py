"""Command `predictors`: train all replicates of a predictor at one training size, and test them."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.errors import UserError

HELP = "Train a predictor on the labelled cells of a benchmark and score its held-out cells."
KIND = "predictions"
log = logging.getLogger("nasflow")


class TrainingSet(NamedTuple):
    """What the protocol chooses in a table for one training size: R runs.

    metric: the labels. pool: int64, rows of the table that have one. test: int64, rows that may lack one.
    subsets: int64 (R, n), rows of the pool. numbers: int64 (R,), which subset each run has. seeds: one a run.
    """

    metric: str
    pool: np.ndarray
    test: np.ndarray
    subsets: np.ndarray
    numbers: np.ndarray
    seeds: list[int]


def add_arguments(parser) -> None:
    """Add the command's options."""
    add_inputs(parser)
    parser.add_argument("--out", type=Path, required=True, help="predictions to write (HDF5)")


def add_inputs(parser) -> None:
    """Add the options of all commands that train a predictor."""
    parser.add_argument(
        "--benchmark-table", type=Path, required=True, help="benchmark table with labelled cells"
    )
    parser.add_argument("--predictor", required=True, help="name of the predictor in the configuration")
    parser.add_argument("--n-train", type=int, required=True, help="number of training cells")
    parser.add_argument(
        "--latents", nargs="*", default=[], metavar="NAME=FILE", help="autoencoders it may use"
    )
    parser.add_argument("--zeroshot", type=Path, help="scores of untrained networks that it may use")


def run(args, job) -> None:
    """Write kind "predictions": one row a run and held-out cell."""
    from pipeline.benchmarks.tables import load_table
    from pipeline.evaluation.measures import kendall_tau
    from pipeline.predictors.replicates import fit_replicates, load, regresses_accuracy
    from pipeline.storage.artifacts import put, put_archs, put_table, write_h5

    s = job.settings
    table = load_table(args.benchmark_table, s["benchmark"])
    metric, pool, test, subsets, numbers, seeds = training_set(table, job)
    test, evaluation = labelled_rows(table, test, "test", metric), s["evaluation"]
    settings = load(s["method"]).Settings(**s["settings"])
    labels = table.mean(metric)
    started = time.perf_counter()
    resources, device = resources_of(args, job), job.torch_device()
    data = table.archs[pool], labels[pool], subsets, seeds
    fitted = fit_replicates(s["method"], settings, resources, *data, device, unlabelled=table.archs)
    fit_seconds, started = time.perf_counter() - started, time.perf_counter()
    held_out = table.archs[test]  # one object for all runs: what a predictor derives from it can be kept
    scores = scores_of(fitted, held_out, job)
    run_record = {
        "fit_seconds": fit_seconds,
        "score_seconds": time.perf_counter() - started,
        "replicates": len(seeds),
        "device": str(device),
    }
    isomorphic = _on_isomorphs(fitted, held_out, labels[test], job) if evaluation.get("isomorphic") else {}
    runs, n_test = len(seeds), len(test)
    inputs = [args.benchmark_table, *resources.files()]
    with write_h5(args.out, KIND, job, inputs=inputs, run=run_record) as handle:
        handle.attrs.update({key: s[key] for key in ("benchmark", "predictor", "method", "n_train")})
        handle.attrs["labels"] = metric
        handle.attrs["regresses_accuracy"] = regresses_accuracy(s["method"], settings)
        put(handle, "subsets", pool[subsets])  # rows of the benchmark table
        put_archs(handle, held_out)
        columns = {"run": np.repeat(np.arange(runs), n_test), "subset": np.repeat(numbers, n_test)}
        columns |= {"cell": [table.cells[row] for row in test] * runs, "truth": np.tile(labels[test], runs)}
        put_table(handle, columns | {"score": scores.reshape(-1)})
        for name, values in isomorphic.items():
            put(handle.require_group("isomorphic"), name, values)  # a number a run
    tau = np.mean([kendall_tau(labels[test], one) for one in scores])
    named = s["predictor"], s["n_train"], runs, fit_seconds, tau
    log.info("%s, %d training cells: %d runs in %.1f s, Kendall's tau %.3f", *named)


def training_set(table, job) -> TrainingSet:
    """Return what a predictor learns from. Raises UserError if there are too few labelled cells."""
    from pipeline.evaluation.protocols import chosen_rows, training_runs
    from pipeline.evaluation.settings import Protocol
    from pipeline.spaces.by_cost import network_costs

    s, evaluation = job.settings, job.settings["evaluation"]
    metric, protocol = labels_of(table, evaluation["labels"]), Protocol(**evaluation["protocol"])
    pool, test = chosen_rows(table.role, protocol, table.name)
    pool = labelled_rows(table, pool, "training", metric)
    n_subsets, n_seeds = evaluation["n_subsets"], evaluation["n_seeds"]
    costs = network_costs(table.archs[pool], evaluation.get("sampling", "random"))
    runs = training_runs(
        len(pool), s["n_train"], n_subsets, n_seeds, job.seed, s["benchmark"], protocol.seeds, costs
    )
    return TrainingSet(metric, pool, test, *runs)


def resources_of(args, job):
    """Return what the options give a predictor beside a table. Raises UserError for a wrong NAME=FILE."""
    from pipeline.predictors.resources import Resources, named_files

    return Resources(named_files(args.latents), args.zeroshot, job.threads)


def scores_of(fitted, archs, job) -> np.ndarray:
    """Return each predictor's scores, float32 (R, N). Raises UserError if one is not finite."""
    scores = np.stack([predictor.predict(archs) for predictor in fitted])
    if not np.isfinite(scores).all():
        s = job.settings
        raise UserError(
            f"predictors.{s['predictor']}: trained on {s['n_train']} cells of {s['benchmark']}, it gives "
            "scores that are not finite numbers; lower its lr"
        )
    return scores


def _on_isomorphs(fitted, archs, truth: np.ndarray, job) -> dict[str, np.ndarray]:
    """Return the measures of `pipeline.evaluation.isomorphism`, float64 (R,) each."""
    from pipeline.evaluation.isomorphism import isomorphic_measures, spellings
    from pipeline.randomness import rng

    s = job.settings
    forms, rows = spellings(archs, s["evaluation"]["isomorphic"], rng(job.seed, "isomorphs", s["benchmark"]))
    runs = [isomorphic_measures(truth, scores, rows) for scores in scores_of(fitted, forms, job)]
    log.info("%d isomorphic spellings of %d cells", len(forms), len(archs))
    return {name: np.array([run[name] for run in runs]) for name in runs[0]}


def labels_of(table, which: str) -> str:
    """Return the metric that predictors learn: "val" or "test". Raises UserError if the table has no such."""
    if which == "val":
        return table.val_metric
    if table.test_metric is None:
        raise UserError(
            f"evaluation.labels: the table of {table.name} has no test accuracy to learn; take labels: val"
        )
    return table.test_metric


def labelled_rows(table, rows: np.ndarray, what: str, metric: str) -> np.ndarray:
    """Return those of `rows` that have a label. Raises UserError if there are fewer than two."""
    rows = rows[~np.isnan(table.mean(metric)[rows])]
    if len(rows) < 2:
        raise UserError(f"{table.name}: {len(rows)} {what} cells have {metric}; at least two are needed")
    return rows
