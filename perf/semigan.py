"""Measure SemiGAN-NAD on one core: what its searches find, and how its predictor ranks.

    python perf/semigan.py search TABLE [--metric test] [--runs 50] [--budget 160] [--set k=5 …]
    python perf/semigan.py tau TABLE [--n 78 156] [--runs 8] [--set alpha=0 …]

TABLE: a benchmark table (results/benchmarks/NAME.h5). --set: settings of the strategy or predictor.
search: mean and deviation over runs of the best queried accuracy, percent; with --surrogate FILE that model
answers for all cells of the space. tau: Kendall's tau on the last 1,000 cells of the pool (the first half of
the table, in its order), which no run is trained on; the other half is not looked at.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np  # noqa: E402
import torch  # noqa: E402
import yaml  # noqa: E402

from pipeline.benchmarks.tables import load_table  # noqa: E402
from pipeline.evaluation.measures import kendall_tau  # noqa: E402
from pipeline.job import Job  # noqa: E402
from pipeline.predictors import semigan  # noqa: E402
from pipeline.randomness import rng  # noqa: E402
from pipeline.search import command, semigan_nad  # noqa: E402
from pipeline.search.parts import search  # noqa: E402
from pipeline.storage.artifacts import open_h5  # noqa: E402

N_VALID = 1000


def searches(args, settings: dict) -> None:
    """Print what the runs found."""
    with open_h5(args.table, "benchmark") as handle:
        benchmark, space = str(handle.attrs["name"]), str(handle.attrs["space"])
    job = {
        "benchmark": benchmark,
        "space": space,
        "strategy": "semigan_nad",
        "method": "semigan_nad",
        "settings": semigan_nad.Settings(**settings).model_dump(),
        "predictor": None,
        "origin": "surrogate" if args.surrogate else "table",
        "budget": args.budget,
        "n_initial": args.initial,
        "n_runs": args.runs,
        "metric": args.metric,
    }
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    options = ["--strategy", "semigan_nad", "--benchmark-table", str(args.table), "--out", "none"]
    if args.surrogate:
        options += ["--surrogates", f"val_acc={args.surrogate}"]
    started = time.process_time()
    found = search(parser.parse_args(options), Job("search", job, seed=1, device="cpu", threads=1))
    seconds = (time.process_time() - started) / args.runs
    queried = found.columns[f"{args.metric}_acc"].reshape(args.runs, args.budget)
    best = 100 * np.fmax.accumulate(queried, axis=1)
    at = [n for n in (args.initial, 100, 110, 150, 160) if args.initial <= n <= args.budget]
    shown = [f"{n}: {best[:, n - 1].mean():.3f} +- {best[:, n - 1].std(ddof=1):.3f}" for n in at]
    regret = 100 * found.columns["regret"].reshape(args.runs, args.budget)[:, -1]
    print(
        f"{benchmark} {settings}: {', '.join(shown)}; regret {regret.mean():.3f} +- "
        f"{regret.std(ddof=1):.3f}, optimum {100 * (regret <= 0).mean():.0f} %; {seconds:.1f} s a run",
        flush=True,
    )


def taus(args, settings: dict) -> None:
    """Print how the predictor alone ranks."""
    table = load_table(args.table, None)
    n_pool = len(table.archs) // 2
    train, valid = n_pool - N_VALID, np.arange(n_pool - N_VALID, n_pool)
    labels = table.mean(table.val_metric)
    for n in args.n:
        subsets = np.stack([rng(run, "subset").choice(train, n, replace=False) for run in range(args.runs)])
        started = time.process_time()
        checked = semigan.Settings(**settings)
        fitted = semigan.Predictor.fit_many(
            checked, None, table.archs[:n_pool], labels[:n_pool], subsets, list(range(args.runs))
        )
        seconds = (time.process_time() - started) / args.runs
        found = [kendall_tau(labels[valid], one.predict(table.archs[valid])) for one in fitted]
        print(
            f"{n} {settings}: tau {np.mean(found):.3f} +- {np.std(found, ddof=1):.3f}; {seconds:.1f} s a run"
        )


def main() -> None:
    """Read what to measure, and measure it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("search", "tau"))
    parser.add_argument("table", type=Path)
    parser.add_argument("--metric", choices=("val", "test"), default="val")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--budget", type=int, default=160)
    parser.add_argument("--initial", type=int, default=60)
    parser.add_argument("--n", type=int, nargs="+", default=[78, 156])
    parser.add_argument("--surrogate", type=Path)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()
    torch.set_num_threads(1)
    settings = {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in args.set)}
    (searches if args.what == "search" else taus)(args, settings)


if __name__ == "__main__":
    main()
