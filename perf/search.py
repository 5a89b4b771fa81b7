"""Measure searches: accuracy and queries to the best cell, and CPU seconds, as the workflow runs them.

    python perf/search.py speed TABLE [--threads 2]
    python perf/search.py strategies TABLE [--runs 50] [--budget 200] [--initial 10] [--seed 1] [--only …]

TABLE: a benchmark table (results/benchmarks/NAME.h5) of NAS-Bench-201, for `strategies` of any benchmark.

speed: 100 runs of regularised evolution at 400 queries, and one predictor-guided run of 150 queries.
strategies: every strategy that needs nothing trained before: mean and deviation of the queried accuracy after
some numbers of queries (percent), share of runs that found the table's best cell, and the queries in which
half and nine tenths of them did.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np  # noqa: E402

from pipeline.job import Job  # noqa: E402
from pipeline.search import command  # noqa: E402
from pipeline.search.parts import search  # noqa: E402
from pipeline.storage.artifacts import open_h5  # noqa: E402

GATES_201 = {"readout": "output", "mlp": [300] * 5}
STRATEGIES = {
    "random": ("random", {}, None),
    "regularized_evolution": ("regularized_evolution", {}, None),
    "local_search": ("local_search", {}, None),
    "predictor_search": (
        "predictor_search",
        {"predictor": "xgboost", "rounds": 14, "inner": "sample"},
        ("xgboost", {}),
    ),
    "bayesian": ("bayesian", {}, None),
}
SHOWN = (50, 64, 100, 150, 200, 300, 400)


def run(
    table: Path, name: str, how: tuple, runs: int, budget: int, initial: int, threads: int = 1, seed: int = 1
):
    """Return (trajectory, wall seconds, CPU seconds of this process and of those it started)."""
    method, settings, predictor = how
    with open_h5(table, "benchmark") as handle:
        benchmark, space = str(handle.attrs["name"]), str(handle.attrs["space"])
    if predictor is not None:
        checked = importlib.import_module(f"pipeline.predictors.{predictor[0]}").Settings(**predictor[1])
        predictor = {"predictor": predictor[0], "method": predictor[0], "settings": checked.model_dump()}
    plug_in = importlib.import_module(f"pipeline.search.{method}")
    job = {
        "benchmark": benchmark,
        "space": space,
        "strategy": name,
        "method": method,
        "settings": plug_in.Settings(**settings).model_dump(),
        "predictor": predictor,
        "origin": "table",
        "budget": budget,
        "n_initial": initial,
        "n_runs": runs,
        "metric": "val",
    }
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    args = parser.parse_args(["--strategy", name, "--benchmark-table", str(table), "--out", "none"])
    wall, cpu = time.perf_counter(), _cpu()
    found = search(args, Job("search", job, seed=seed, device="cpu", threads=threads))
    return found, time.perf_counter() - wall, _cpu() - cpu


def _cpu() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, whose))


def speed(table: Path, threads: int) -> None:
    """Print how long the two searches of the targets take."""
    cases = {
        "regularised evolution, 100 runs of 400": ((*STRATEGIES["regularized_evolution"],), 100, 400, 50),
        "Bayesian optimisation, one run of 150": ((*STRATEGIES["bayesian"],), 1, 150, 10),
        "predictor-guided (XGBoost), one run of 150": ((*STRATEGIES["predictor_search"],), 1, 150, 10),
        "predictor-guided (GATES), one run of 150": (
            ("predictor_evolution", {"predictor": "gates", "rounds": 5}, ("gates", GATES_201)),
            1,
            150,
            50,
        ),
    }
    for name, (how, runs, budget, initial) in cases.items():
        _, wall, cpu = run(table, "perf", how, runs, budget, initial, threads)
        print(f"{name}: {wall:.1f} s ({cpu:.1f} s of CPU), {threads} threads", flush=True)


def strategies(table: Path, names: list[str], runs: int, budget: int, initial: int, seed: int) -> None:
    """Print a row a strategy."""
    shown = [n for n in SHOWN if n <= budget]
    print("strategy", *shown, "at the optimum", "median queries to it", "nine tenths", "CPU s", sep=" | ")
    for name in names:
        found, _, cpu = run(table, name, STRATEGIES[name], runs, budget, initial, seed=seed)
        best = 100 * found.columns["best_val_acc"].reshape(runs, budget)
        there = found.columns["regret"].reshape(runs, budget) <= 0
        first = np.where(there.any(axis=1), there.argmax(axis=1) + 1, np.inf)
        means = [f"{best[:, n - 1].mean():.2f} +- {best[:, n - 1].std(ddof=1):.2f}" for n in shown]
        share = f"{100 * np.isfinite(first).mean():.0f} %"
        nine = np.quantile(first, 0.9, method="higher")
        print(name, *means, share, np.median(first), nine, f"{cpu:.0f}", sep=" | ", flush=True)


def main() -> None:
    """Read what to measure, and measure it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("speed", "strategies"))
    parser.add_argument("table", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--budget", type=int, default=200)
    parser.add_argument("--initial", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="of first cells and strategies")
    parser.add_argument("--only", nargs="+", choices=STRATEGIES, default=list(STRATEGIES))
    args = parser.parse_args()
    if args.what == "speed":
        speed(args.table, args.threads)
    else:
        strategies(args.table, args.only, args.runs, args.budget, args.initial, args.seed)


if __name__ == "__main__":
    main()
