"""Command `rank`: train a predictor on a benchmark's labels and put all cells of its space in order."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

HELP = (
    "Train a predictor on labelled cells of a benchmark and rank every cell of the space: best first, as CSV."
)
log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's options."""
    from pipeline.predictors.command import add_inputs

    add_inputs(parser)
    parser.add_argument("--space-file", type=Path, required=True, help="cells to rank, of the stage `space`")
    parser.add_argument("--top", type=int, help="write so many cells at most; default: all")
    parser.add_argument("--out", type=Path, required=True, help="ranking to write (CSV)")


def run(args, job) -> None:
    """Write the ranking by the mean of a predictor for each seed, all trained on the same cells."""
    from pipeline.benchmarks.tables import load_table
    from pipeline.predictors.command import resources_of, scores_of, training_set
    from pipeline.predictors.replicates import fit_replicates, load, regresses_accuracy
    from pipeline.spaces.catalogue import load_space
    from pipeline.storage.artifacts import write_text_artifact

    s = job.settings
    table, (cells, keys) = load_table(args.benchmark_table, s["benchmark"]), load_space(args.space_file)
    chosen = training_set(table, job)
    settings = load(s["method"]).Settings(**s["settings"])
    labels = table.mean(chosen.metric)[chosen.pool]
    resources, device = resources_of(args, job), job.torch_device()
    data = table.archs[chosen.pool], labels, chosen.subsets, chosen.seeds
    fitted = fit_replicates(s["method"], settings, resources, *data, device, unlabelled=table.archs)
    scores = scores_of(fitted, cells, job)
    if not regresses_accuracy(s["method"], settings):
        scores = standardised(scores)
    trained = chosen.pool[chosen.subsets[0]]
    order = np.argsort(-scores.mean(axis=0), kind="stable")[: args.top]
    ranking = ranked(table, cells[order], keys[order], scores.mean(axis=0)[order], trained)
    inputs = [args.benchmark_table, args.space_file, *resources.files()]
    write_text_artifact(args.out, ranking.to_csv(index=False, float_format="%.6g"), job, inputs)
    log.info("%s, %d training cells: %s ranks %d cells", s["predictor"], s["n_train"], args.out, len(cells))


def standardised(scores: np.ndarray) -> np.ndarray:
    """Return scores (R, N) with mean 0 and deviation 1 over the cells: what only ranks has no unit."""
    scores = scores.astype(np.float64)
    deviation = scores.std(axis=1, keepdims=True)
    return (scores - scores.mean(axis=1, keepdims=True)) / np.where(deviation > 0, deviation, 1.0)


def ranked(table, cells, keys: np.ndarray, scores: np.ndarray, trained: np.ndarray):
    """Return a DataFrame of cells, best first: rank, cell, score, and what the table knows of each.

    keys: uint64 (N,), `cell_key` of the cells. trained: int, the table's rows that were learned from. role is
    empty and accuracies are NaN where a cell is not in the table.
    """
    import pandas as pd

    from pipeline import spaces
    from pipeline.spaces.lookup import KeyIndex

    space = spaces.load(cells.space)
    rows = KeyIndex(space.cell_key(table.archs)).rows(keys)

    def known(values, absent):
        return np.append(values, absent)[rows]  # the row of a cell that is not in the table is -1

    return pd.DataFrame(
        {
            "rank": np.arange(1, len(cells) + 1),
            "cell": space.cell_ids(cells),
            "score": scores,
            "val_acc": known(table.mean(table.val_metric), np.nan),
            "test_acc": known(table.test_mean, np.nan),
            "role": known(table.role, ""),
            "trained_on": known(np.isin(np.arange(len(table)), trained), False),
        }
    )
