"""Measure predictors that use zero-shot scores: Kendall's tau, and CPU seconds.

    python perf/zeroshot_predictors.py ours DATA --zeroshot FILE [--benchmark 201 101 301] [--sets 9] …
    python perf/zeroshot_predictors.py gates_plus DATA --zeroshot FILE [--train 39 78 …] [--single]
    python perf/zeroshot_predictors.py space [--zeroshot FILE]

DATA holds the tables that `perf/predictors.py` names; FILE is `results/zeroshot/nasbench201.h5` of
configs/zeroshot_nasbench201.yaml with two cells a stack, all cells. Pools: the first 7,813, 27,000 and 609
rows; all others are the test set. GATES++: nine runs, three subsets by three seeds. ours: `preference_gp`,
on NAS-Bench-201 with scores and without; seeds change nothing in it up to 512 cells, so its runs are so many
subsets, the first three those of GATES++. --cifar100: the same settings on CIFAR-100's test accuracy.
gates_plus: GATES++ as configured below; --single: with one score at a time in EES or ETS (tables 8 and 9
of the paper), 78 cells. space: scoring all 15,625 and all 423,624 cells.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402

from perf.predictors import GATES_201, table_of  # noqa: E402
from pipeline.evaluation.measures import kendall_tau  # noqa: E402
from pipeline.evaluation.protocols import training_runs  # noqa: E402
from pipeline.predictors.replicates import fit_replicates, load  # noqa: E402
from pipeline.predictors.resources import Resources  # noqa: E402
from pipeline.spaces import nasbench101, nasbench201  # noqa: E402

SCORES = [
    "jacob_cov",
    "nwot",
    "relu_logdet",
    "epe_nas",
    "zen",
    "params",
    "synflow",
    "l2_norm",
    "grad_norm",
    "snip",
]
SIZES = {"201": (39, 78, 195, 391, 781), "101": (191, 381, 1906, 3812), "301": (59, 147)}
GATES_PLUS = GATES_201
EES, ETS = ("grad_norm", "plain", "snip", "synflow", "params", "flops"), ("relu_logdet",)


def measure(what: str, method: str, settings: dict, table, n: int, resources, runs=(3, 3)) -> None:
    """Print a row: tau over the runs = (subsets, seeds), of the first three alone, CPU seconds of a run."""
    archs, labels, n_pool = table
    subsets, _, seeds = training_runs(n_pool, n, *runs, 0, archs.space, (21, 2021, 202121)[: runs[1]])
    made, rest, started = load(method).Settings(**settings), archs[n_pool:], time.process_time()
    fitted = fit_replicates(method, made, resources, archs[:n_pool], labels[:n_pool], subsets, seeds)
    trained = time.process_time()
    taus = [kendall_tau(labels[n_pool:], predictor.predict(rest)) for predictor in fitted]
    seconds = trained - started, time.process_time() - trained
    fit, score = (x / len(fitted) for x in seconds)
    print(
        f"{what:44} {n:5d} {np.mean(taus):8.4f} ±{np.std(taus):.4f} {np.mean(taus[:3]):8.4f} "
        f"{fit:8.2f} s {score:8.2f} s",
        flush=True,
    )


def ours(arguments) -> None:
    """Print the rows of `preference_gp`."""
    resources = Resources({}, arguments.zeroshot)
    for benchmark in arguments.benchmark:
        archs, labels, n_pool = table_of(benchmark, arguments.folder)
        if arguments.cifar100:
            frame = pd.read_csv(arguments.folder / "nasbench201_15625.csv.gz").sort_values("index")
            labels = frame["cifar100_test_acc_200_mean"].to_numpy() / 100
        scored = [SCORES, []] if benchmark == "201" and arguments.zeroshot else [[]]
        for scores in scored:
            what = f"{benchmark} preference_gp, {'with' if scores else 'no'} scores"
            for n in arguments.train or SIZES[benchmark]:
                table, runs = (archs, labels, n_pool), (arguments.sets, 1)
                measure(what, "preference_gp", {"zeroshot": scores}, table, n, resources, runs)


def gates_plus(arguments) -> None:
    """Print the rows of GATES++."""
    table, resources = table_of("201", arguments.folder), Resources({}, arguments.zeroshot)
    if not arguments.single:
        for n in arguments.train or SIZES["201"]:
            measure("201 gates_plus", "gates_plus", GATES_PLUS, table, n, resources, arguments.runs)
        return
    for score in EES:
        settings = {**GATES_PLUS, "ees": [score], "ets": []}
        measure(f"201 EES, {score}", "gates_plus", settings, table, 78, resources, arguments.runs)
    for score in (*EES[:4], *ETS):
        settings = {**GATES_PLUS, "ees": [], "ets": [score]}
        measure(f"201 ETS, {score}", "gates_plus", settings, table, 78, resources, arguments.runs)


def space(arguments) -> None:
    """Print seconds of scoring all cells, features included."""
    for module in (nasbench201, nasbench101):
        scores = SCORES if module is nasbench201 and arguments.zeroshot else []
        archs = module.enumerate_cells()
        predictor = load("preference_gp").Predictor(
            load("preference_gp").Settings(zeroshot=scores), Resources({}, arguments.zeroshot)
        )
        predictor.fit(archs[::100], np.arange(len(archs[::100]), dtype=float))
        started = time.process_time()
        predictor.predict(archs)
        print(f"{len(archs)} cells: {time.process_time() - started:.1f} s")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["ours", "gates_plus", "space"])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--zeroshot", type=Path)
    parser.add_argument("--benchmark", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--train", nargs="+", type=int)
    parser.add_argument("--runs", nargs=2, type=int, default=[3, 3], metavar=("SUBSETS", "SEEDS"))
    parser.add_argument("--sets", type=int, default=9, help="training sets of preference_gp")
    parser.add_argument("--cifar100", action="store_true")
    parser.add_argument("--single", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    {"ours": ours, "gates_plus": gates_plus, "space": space}[arguments.what](arguments)


if __name__ == "__main__":
    main()
