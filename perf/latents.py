"""Measure regressors of accuracy on latents: Pearson's r and RMSE beside the thesis', and CPU time.

    python perf/latents.py TABLE AUTOENCODER... [--runs 10] [--above 0.8] [--part ceiling]

TABLE: a benchmark table (results/benchmarks/<name>.h5). AUTOENCODER: artifacts of the autoencoders stage;
several are measured one after another, FILE@reference is the arch2vec beside an info-NAS. Parts: `thesis`
(section 4.4: 250 training cells, scikit-learn's defaults; then what scales and ranks change), `sizes` (the
later paper's forest of 200 trees with 4 features a split, 608 to 10,000 cells), `ceiling` (what other views
of the same cells reach: GATES on graphs, boosted trees on the flat encoding and on both), `compare` (a few
rows to tell autoencoders apart). Every run has another training set, the same for all rows. A run
whose predictions are all equal has no r; it is left out of the means.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np  # noqa: E402
import torch  # noqa: E402

from pipeline.benchmarks.tables import load_table  # noqa: E402
from pipeline.evaluation.measures import kendall_tau, measures_above, pearson  # noqa: E402
from pipeline.evaluation.protocols import training_runs  # noqa: E402
from pipeline.predictors.replicates import fit_replicates, load, regresses_accuracy  # noqa: E402
from pipeline.predictors.resources import Resources  # noqa: E402

DEFAULTS = [
    ("ridge", "ridge", {}),
    ("Gaussian process", "gaussian_process", {}),
    ("SVR", "svr", {}),
    ("gradient boosting", "gradient_boosting", {}),
    ("random forest, 100 trees", "random_forest", {"n_estimators": 100}),
    ("random forest, 1000 trees", "random_forest", {"n_estimators": 1000}),
]
SCALES = {"standardise_latents": True, "targets": "standardised"}
OPTIMISED = {"length_scale": 10.0, "noise": 0.1, "optimise": True}
RANKS = {"targets": "ranks"}
OTHERS = [
    ("Gaussian process, scaled, optimised", "gaussian_process", SCALES | OPTIMISED),
    ("SVR, scaled", "svr", SCALES),
    ("ridge of ranks, alpha 100", "ridge", {"alpha": 100.0} | RANKS),
    ("Gaussian process of ranks, optimised", "gaussian_process", SCALES | OPTIMISED | RANKS),
    ("SVR of ranks", "svr", SCALES | RANKS),
    ("gradient boosting of ranks", "gradient_boosting", RANKS),
    ("random forest of ranks, 100 trees", "random_forest", {"n_estimators": 100} | RANKS),
    ("random forest of ranks, 1000 trees", "random_forest", {"n_estimators": 1000} | RANKS),
    ("random forest, 4 features a split", "random_forest", {"max_features": 4}),
]
LATER = [
    ("random forest, 4 features a split", "random_forest", {"max_features": 4}),
    ("random forest of ranks, 4 features", "random_forest", {"max_features": 4} | RANKS),
]
TREES = [
    ("boosted trees, flat encoding", "xgboost", {"targets": "accuracy", "latents": None}),
    ("boosted trees, latents", "xgboost", {"targets": "accuracy", "flat_encoding": False}),
    ("boosted trees, both", "xgboost", {"targets": "accuracy"}),
]
GATES = [("GATES on graphs, 100 epochs", "gates", {"epochs": 100, "latents": None})]
PARTS = {  # [(training sizes, rows)]
    "thesis": [([250], DEFAULTS + OTHERS)],
    "compare": [([250], DEFAULTS[3:5] + LATER), ([608, 2500, 10_000], LATER[:1])],
    "sizes": [([608, 1000, 2500, 5000, 10_000], LATER)],
    "ceiling": [([250], GATES), ([250, 2500, 10_000], TREES)],
}


def measure(table, resources, latents: str, n: int, runs: int, above: float, row) -> None:
    """Print one row: mean and deviation over runs of r on all held-out cells, r and RMSE above, tau."""
    title, method, changes = row
    changes = {"latents": latents} | changes
    settings = load(method).Settings(**{k: v for k, v in changes.items() if v is not None})
    labels = table.mean(table.val_metric)
    pool, test = table.archs[table.rows("labelled")], table.archs[table.rows("held_out")]
    truth = labels[table.rows("held_out")]
    subsets, _, seeds = training_runs(len(pool), n, runs, 1, 1, table.name)
    started = time.process_time()
    known = labels[table.rows("labelled")]
    fitted = fit_replicates(method, settings, resources, pool, known, subsets, seeds)
    scores = [predictor.predict(test) for predictor in fitted]
    seconds = (time.process_time() - started) / runs
    regresses = regresses_accuracy(method, settings)
    upper = [measures_above(truth, score, above, regresses) for score in scores]
    columns = {
        "r": [pearson(truth, score) for score in scores],
        "r above": [found["pearson_above"] for found in upper],
        "RMSE above": [found["rmse_above"] for found in upper],
        "tau": [kendall_tau(truth, score) for score in scores],
    }
    text = "  ".join(_spread(values) for values in columns.values())
    print(f"{title:42}{n:7d}  {text}  {seconds:7.1f} s", flush=True)


def _spread(values: list[float]) -> str:
    there = [value for value in values if not np.isnan(value)]
    return f"{np.mean(there):7.4f} ±{np.std(there):6.4f}" if there else f"{'-':>15}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("autoencoders", nargs="+")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--above", type=float, default=0.8)
    parser.add_argument("--part", choices=PARTS, nargs="+", default=["thesis", "sizes"])
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    table = load_table(arguments.table)
    truth = table.mean(table.val_metric)[table.rows("held_out")]
    print(f"{len(truth)} held-out cells, {(truth > arguments.above).sum()} above {arguments.above}")
    for file in arguments.autoencoders:
        print(f"\n{file}\n{'':42}  cells  r, r above, RMSE above, Kendall's tau; CPU seconds a run")
        path, at, part = file.partition("@")
        resources = Resources({f"it{at}{part}": Path(path)}, threads=arguments.threads)
        for sizes, rows in (pair for part in arguments.part for pair in PARTS[part]):
            for n, row in itertools.product(sizes, rows):
                measure(table, resources, f"it{at}{part}", n, arguments.runs, arguments.above, row)


if __name__ == "__main__":
    main()
