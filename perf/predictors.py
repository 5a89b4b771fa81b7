"""Measure predictors with neural encoders: Kendall's tau, CPU seconds, replicates together or one by one.

    python perf/predictors.py sizes FOLDER [--benchmark 201 101 301] [--runs 3 3] [--n-train 78 391] …
    python perf/predictors.py tau FOLDER [--benchmark 201 101 301] [--runs 3 1] [--losses] …
    python perf/predictors.py systems FOLDER [--runs 3 1] [--n-train 78 391] [--methods ssa gates …]
    python perf/predictors.py replicates FOLDER [--threads 2] [--n-train 78]
    python perf/predictors.py space [--threads 2]

sizes: GATES at the training sizes of the paper's tables 4 and 6. tau: every encoder with the hinge, and with
--losses GATES with every loss, at a small number of training cells. FOLDER holds nasbench201_15625.csv.gz,
nasbench101_validation_30001.csv.gz and nasbench301_surrogate_1218.csv.gz. Pools: the first 7,813 (of
15,625), 27,000 (of 30,001) and 609 (of 1,218) rows; all other rows are the test set. Labels are validation
accuracies of the column that LABELS names, or of --labels. Numbers of the paper beside: GATES, tables 2, 4
and 6; those of NAS-Bench-101 are for labels that are means of three repeats, those of NAS-Bench-301 for
trained architectures, not a surrogate's. With --zeroshot, a file of the stage `zeroshot` for the one
benchmark that is named, GATES++ is measured as well.

systems: predictors of all papers on NAS-Bench-201, at 78 and 391 cells; the table's other cells are
unlabelled.
replicates: nine replicates in one go against one by one, GATES on NAS-Bench-201.
space: scoring the 423,624 cells of NAS-Bench-101.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402

from pipeline.evaluation.measures import kendall_tau  # noqa: E402
from pipeline.evaluation.protocols import training_runs  # noqa: E402
from pipeline.predictors.replicates import fit_replicates, load  # noqa: E402
from pipeline.predictors.resources import Resources  # noqa: E402
from pipeline.spaces import darts, nasbench101, nasbench201  # noqa: E402

GATES_201 = {"readout": "output", "mlp": [300] * 5}
GATES_301 = {"layers": 4, "hidden": 64, "operation_dim": 32, "information_dim": 32, "information_hidden": 32}
GCN_301 = {"layers": 3, "hidden": 32, "operation_dim": 32}
LOSSES = ("pairwise_hinge", "pairwise_bce", "pairwise_comparator", "listmle", "mse")
LABELS = {"201": "cifar10_val_acc_200", "101": "val_acc_108", "301": "val_acc_surrogate"}
POOL = {"201": 7813, "101": 27_000, "301": 609}
SEEDS = [21, 2021, 202121]  # the paper's
SIZES = {  # benchmark -> {training cells: the paper's tau of GATES}
    "201": {39: 0.6702, 78: 0.7571, 195: 0.8195, 391: 0.8583, 781: 0.8823, 7813: 0.9258},
    "101": {191: 0.7634, 381: 0.7789, 1906: 0.8434, 3812: 0.8594},
    "301": {59: 0.5590, 147: 0.6452},
}
ENCODERS = {  # benchmark -> training cells, {method: (settings, the paper's tau)}
    "201": (
        78,
        {
            "mlp": ({}, 0.1756),
            "lstm": ({}, 0.5691),
            "line_gcn": ({}, 0.4080),
            "renas": ({"loss": "pairwise_hinge"}, None),
            "gates": (GATES_201, 0.7571),
            "gates_large": (GATES_201, 0.7546),
            "gates_plus": (GATES_201, 0.7729),
        },
    ),
    "101": (
        381,
        {
            "mlp": ({}, 0.5272),
            "lstm": ({}, 0.5993),
            "gcn": ({}, 0.5790),
            "gcn_global": ({}, None),
            "renas": ({"loss": "pairwise_hinge"}, None),
            "gates": ({}, 0.7789),
            "gates_large": ({}, None),
            "gates_plus": ({}, None),
        },
    ),
    "301": (
        59,
        {
            "mlp": ({"layers": [128, 128, 128, 32]}, 0.4018),
            "lstm": ({"token_dim": 48, "hidden": 128}, 0.5689),
            "gcn": (GCN_301, 0.1280),
            "line_gcn": (GCN_301, None),
            "gates": (GATES_301, 0.5590),
            "gates_large": ({**GATES_301, "operation_dim": 38}, 0.5632),
            "gates_plus": (GATES_301, 0.5833),
        },
    ),
}
SSA = {"method": "ssa", "epochs": 300}  # 78 and 391 labels are one step an epoch
SYSTEMS = {  # on NAS-Bench-201: name -> settings; the method is the name unless said
    "gates": GATES_201,
    "gates_large": GATES_201,
    "lstm": {},
    "line_gcn": {},
    "mlp": {"one_hot": True},
    "preference_gp": {},
    "xgboost": {},
    "semigan": {},
    "ssa": SSA,
    "ssa_one_hot_logistic": {**SSA, "matrix": "one_hot", "loss": "pairwise_bce"},
    "peephole": {},
    "renas": {},
    "renas_canonical": {"method": "renas", "canonical": True},
    "e2epp": {},
    "e2epp_canonical": {"method": "e2epp", "canonical": True},
}
PAPER_LOSSES = dict(zip(LOSSES, (0.7789, 0.7696, 0.7622, 0.7604, 0.5425), strict=True))  # on 101, 381 cells


def table_of(benchmark: str, folder: Path, labels: str | None = None):
    """Return (architectures, labels, size of the pool). labels: their column; None: that of LABELS."""
    column, n_pool = labels or LABELS[benchmark], POOL[benchmark]
    if benchmark == "201":
        frame = pd.read_csv(folder / "nasbench201_15625.csv.gz").sort_values("index")
        return nasbench201.from_official(list(frame["arch_str"])), frame[column].to_numpy() / 100, n_pool
    if benchmark == "301":
        frame = pd.read_csv(folder / "nasbench301_surrogate_1218.csv.gz")
        return darts.from_compact(list(frame["compact_arch"])), frame[column].to_numpy() / 100, n_pool
    with gzip.open(folder / "nasbench101_validation_30001.csv.gz", "rt") as handle:
        frame = pd.read_csv(handle, dtype=str, keep_default_na=False)
    names = ["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]
    operations = [",".join(["input", *(names[int(code)] for code in ops), "output"]) for ops in frame["ops"]]
    sizes = frame["num_vertices"].astype(int)
    adjacency = [text.zfill(v * v) for text, v in zip(frame["adjacency"], sizes, strict=True)]
    return nasbench101.from_official(adjacency, operations), frame[column].astype(float).to_numpy(), n_pool


def measure(what: str, method: str, settings: dict, table, n: int, paper, runs, resources) -> None:
    """Print a row: tau over the runs = (subsets, seeds), the paper's, CPU seconds of a run."""
    archs, labels, n_pool = table
    n_subsets, seeds = runs[0], SEEDS[: runs[1]]
    subsets, _, seeds = training_runs(n_pool, n, n_subsets, 0, 0, archs.space, seeds)
    made, rest, started = load(method).Settings(**settings), archs[n_pool:], time.process_time()
    data = archs[:n_pool], labels[:n_pool], subsets, seeds
    fitted = fit_replicates(method, made, resources, *data, unlabelled=archs)
    trained = time.process_time()
    scores = [predictor.predict(rest) for predictor in fitted]
    scored = (time.process_time() - trained) / len(fitted)
    taus = [kendall_tau(labels[n_pool:], score) for score in scores]
    said = f"{paper:.4f}" if paper else "-"
    print(
        f"{what:32} {n:5d} {np.mean(taus):8.4f} ±{np.std(taus):.4f} {said:>8} {len(fitted):5d} "
        f"{(trained - started) / len(fitted):8.1f} s {scored:7.2f} s",
        flush=True,
    )


HEAD = f"{'predictor':32} {'train':>5} {'tau':>8} {'sd':>7} {'paper':>8} {'runs':>5}   training   scoring"


def sizes(arguments) -> None:
    """Print the table of GATES by training cells."""
    print(HEAD)
    for benchmark in arguments.benchmark:
        table = table_of(benchmark, arguments.folder, arguments.labels)
        settings = ENCODERS[benchmark][1]["gates"][0]
        for n, paper in SIZES[benchmark].items():
            if arguments.n_train is None or n in arguments.n_train:
                resources = Resources(threads=arguments.threads)
                measure(f"{benchmark} gates", "gates", settings, table, n, paper, arguments.runs, resources)


def taus(arguments) -> None:
    """Print the table of encoders and losses."""
    print(HEAD)
    for benchmark in arguments.benchmark:
        table = table_of(benchmark, arguments.folder, arguments.labels)
        n, encoders = ENCODERS[benchmark]
        resources = Resources({}, arguments.zeroshot, arguments.threads)
        for method, (settings, paper) in encoders.items():
            unscored = method == "gates_plus" and arguments.zeroshot is None
            if unscored or (arguments.methods is not None and method not in arguments.methods):
                continue
            measure(f"{benchmark} {method}", method, settings, table, n, paper, arguments.runs, resources)
        for loss in LOSSES if arguments.losses else ():
            settings = {**encoders["gates"][0], "loss": loss}
            if loss == "mse":
                settings["layers"] = 3  # table 6
            paper = PAPER_LOSSES[loss] if benchmark == "101" else None
            what = f"{benchmark} gates, {loss}"
            measure(what, "gates", settings, table, n, paper, arguments.runs, resources)


def systems(arguments) -> None:
    """Print the table of predictors of all papers, and of baselines."""
    print(HEAD)
    table = table_of("201", arguments.folder, arguments.labels)
    for name, settings in SYSTEMS.items():
        if arguments.methods is not None and name not in arguments.methods:
            continue
        method = settings.get("method", name)
        settings = {key: value for key, value in settings.items() if key != "method"}
        for n in arguments.n_train or (78, 391):
            resources = Resources(threads=arguments.threads)
            measure(name, method, settings, table, n, None, arguments.runs, resources)


def replicates(arguments) -> None:
    """Print seconds of nine replicates together and one by one."""
    archs, labels, n_pool = table_of("201", arguments.folder)
    settings = load("gates").Settings(**GATES_201)
    predictor, resources = load("gates").Predictor, Resources(threads=arguments.threads)
    for n in arguments.n_train or (78, 391):
        subsets, _, seeds = training_runs(n_pool, n, 3, 3, 0, archs.space)
        seconds = []
        for together in (True, False):
            started = time.perf_counter(), time.process_time()
            if together:
                predictor.fit_many(settings, resources, archs, labels, subsets, seeds)
            else:
                for rows, seed in zip(subsets, seeds, strict=True):
                    predictor(settings, seed=seed).fit(archs[rows], labels[rows])
            seconds.append((time.perf_counter() - started[0], time.process_time() - started[1]))
        (wall, cpu), (wall_1, cpu_1) = seconds
        print(
            f"{n} training cells: nine together {wall:.1f} s ({cpu:.1f} s CPU), one by one {wall_1:.1f} s "
            f"({cpu_1:.1f} s CPU); {wall_1 / wall:.2f} times as fast ({cpu_1 / cpu:.2f} in CPU time)"
        )


def space(arguments) -> None:
    """Print seconds of scoring all cells of NAS-Bench-101 with GATES."""
    archs = nasbench101.enumerate_cells()
    predictor = load("gates").Predictor(load("gates").Settings(epochs=1))
    predictor.fit(archs[::1000], np.arange(len(archs[::1000]), dtype=float))
    started = time.perf_counter(), time.process_time()
    predictor.predict(archs)
    wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
    print(f"{len(archs)} cells: {wall:.1f} s ({cpu:.1f} s CPU)")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["sizes", "tau", "systems", "replicates", "space"])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--benchmark", nargs="+", choices=list(ENCODERS), default=list(ENCODERS))
    parser.add_argument("--runs", nargs=2, type=int, default=[3, 3], metavar=("SUBSETS", "SEEDS"))
    parser.add_argument("--methods", nargs="*", help="encoders to measure; by default all")
    parser.add_argument("--n-train", nargs="*", type=int, help="training sizes to measure; by default all")
    parser.add_argument(
        "--labels", help="column of the table to learn and test; by default validation accuracy"
    )
    parser.add_argument("--zeroshot", type=Path)
    parser.add_argument("--losses", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    {"sizes": sizes, "tau": taus, "systems": systems, "replicates": replicates, "space": space}[
        arguments.what
    ](arguments)


if __name__ == "__main__":
    main()
