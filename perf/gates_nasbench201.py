"""Measure GATES on NAS-Bench-201 and DARTS, on one core: Kendall's tau beside the paper's, and CPU time.

    python perf/gates_nasbench201.py FOLDER [--subsets 3] [--seeds 3]

FOLDER holds nasbench201_15625.csv.gz (columns index, arch_str, cifar10_val_acc_200,
cifar10_test_acc_200_mean) and nasbench301_surrogate_1218.csv.gz (compact_arch, val_acc_surrogate).
NAS-Bench-201: as in the paper (section 6.1), the first 7,813 architectures are the pool, the others are the
test set; the order is that of the official index, which the paper's may not be. NAS-Bench-301: the paper
ranks trained architectures, this table holds a surrogate's accuracies; its first half is the pool.
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

from pipeline.evaluation.measures import kendall_tau  # noqa: E402
from pipeline.evaluation.protocols import training_runs  # noqa: E402
from pipeline.predictors.gates import Settings  # noqa: E402
from pipeline.predictors.replicates import fit_replicates  # noqa: E402
from pipeline.predictors.resources import Resources  # noqa: E402
from pipeline.spaces import darts, nasbench201  # noqa: E402
from pipeline.spaces.archs import Archs  # noqa: E402

NASBENCH201 = Settings(readout="output", mlp=[300] * 5)
NASBENCH301 = Settings(layers=4, hidden=64, operation_dim=32, information_dim=32, information_hidden=32)
PAPER_201 = {78: 0.7571, 390: 0.8583, 781: 0.8823}  # table 4, GATES
PAPER_301 = {59: 0.5590, 295: 0.7142}


def measure(what: str, settings, archs: Archs, labels: np.ndarray, n_pool: int, paper, runs) -> None:
    """Print a row for each training size: tau over `runs` = (subsets, seeds), the paper's, CPU times."""
    pool, truth = archs[:n_pool], labels[:n_pool]
    rest = archs[n_pool:]
    for n, published in paper.items():
        subsets, _, seeds = training_runs(n_pool, n, *runs, 0, archs.space)
        started = time.process_time()
        fitted = fit_replicates("gates", settings, Resources(), pool, truth, subsets, seeds)
        trained = time.process_time()
        scores = [predictor.predict(rest) for predictor in fitted]
        scored = (time.process_time() - trained) / len(fitted)
        taus = [kendall_tau(labels[n_pool:], score) for score in scores]
        print(
            f"{what:34} {n:5d} {np.mean(taus):8.4f} ±{np.std(taus):.4f} {published:8.4f} "
            f"{trained - started:8.1f} s {scored:7.2f} s",
            flush=True,
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--subsets", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    runs = arguments.subsets, arguments.seeds
    torch.set_num_threads(1)

    print(f"{'labels':34} {'train':>5} {'tau':>8} {'sd':>7} {'paper':>8} {'training':>10} {'scoring':>9}")
    frame = pd.read_csv(arguments.folder / "nasbench201_15625.csv.gz").sort_values("index")
    archs = nasbench201.from_official(list(frame["arch_str"]))
    for column in ("cifar10_val_acc_200", "cifar10_test_acc_200_mean"):
        labels = frame[column].to_numpy() / 100
        measure(column, NASBENCH201, archs, labels, 7813, PAPER_201, runs)
    frame = pd.read_csv(arguments.folder / "nasbench301_surrogate_1218.csv.gz")
    archs = darts.from_compact(list(frame["compact_arch"]))
    labels = frame["val_acc_surrogate"].to_numpy() / 100
    measure("NAS-Bench-301 surrogate", NASBENCH301, archs, labels, len(archs) // 2, PAPER_301, runs)


if __name__ == "__main__":
    main()
