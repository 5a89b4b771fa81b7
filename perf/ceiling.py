"""Estimate the highest Kendall's tau that the noise of labels leaves to any predictor, on the real tables.

    python perf/ceiling.py FOLDER

FOLDER holds nasbench201_15625.csv.gz, nasbench101_validation_30001.csv.gz and ecnas_4v9e.tfrecord. A label is
an accuracy that the cell has plus noise of its training; a perfect predictor knows the accuracy and cannot
know the noise. Its tau with labels is simulated: accuracies are chosen so that with noise added they are
distributed as the labels are, and noise has the deviation that was measured at such accuracies:

NAS-Bench-201: between cells that compute the same function (`unique_str`), which differ by training alone.
    A second estimate needs no model of the noise: tau between the labels of two such cells, corrected for
    being noisy on both sides (as correlations are: tau = 2/pi arcsin r, and r with the truth is the root of
    r between two labels).
NAS-Bench-101: between the three repeats of EC-NAS-Bench's 91 cells at 108 epochs, the same recipe trained by
    others; the table here has one repeat. The 30,001 cells are mostly larger and better than those, so this
    is a rough figure.
NAS-Bench-301: none here. A surrogate's labels have no noise, and a ceiling of 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from predictors import table_of  # noqa: E402

from pipeline.benchmarks.readers import nasbench101 as reader  # noqa: E402
from pipeline.evaluation.measures import kendall_tau  # noqa: E402
from pipeline.randomness import rng  # noqa: E402

LABELS = ("cifar10_val_acc_200", "cifar10_test_acc_200_mean", "cifar100_test_acc_200_mean")
BINS = 12  # of accuracy, with as many cells each, in which noise is measured


def deviation(labels: np.ndarray, groups: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the noise's deviation at accuracies `at`; labels of one group differ by noise alone."""
    grouped = pd.Series(labels).groupby(groups)
    mean, size = grouped.transform("mean").to_numpy(), grouped.transform("size").to_numpy()
    several = size > 1
    edges = np.unique(np.quantile(mean[several], np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = np.digitize(mean[several], edges)
    square = np.bincount(bins, (labels - mean)[several] ** 2, len(edges) + 1)
    freedom = np.bincount(bins, 1 - 1 / size[several], len(edges) + 1)  # of s cells, s - 1 are free
    return np.sqrt(square / freedom)[np.digitize(at, edges)]


def simulated(labels: np.ndarray, noise_at, draws: int = 5) -> float:
    """Return tau between accuracies and labels made of them. noise_at: the deviation at given accuracies."""
    stream, target = rng(0, "ceiling"), np.sort(labels)
    truth = target.copy()
    for _ in range(40):  # until truth + noise is distributed as the labels are
        noisy = np.sort(truth + stream.normal(0, noise_at(truth)))
        truth = np.sort(truth + 0.3 * (target - noisy))
    noise = noise_at(truth)
    return float(np.mean([kendall_tau(truth + stream.normal(0, noise), truth) for _ in range(draws)]))


def from_pairs(labels: np.ndarray, groups: np.ndarray, draws: int = 5) -> tuple[float, float]:
    """Return tau between labels of two cells of a group, and what it says of tau with the truth."""
    members = [rows for rows in pd.Series(groups).groupby(groups).indices.values() if len(rows) > 1]
    stream, found = rng(0, "pairs"), []
    for _ in range(draws):
        first = [stream.permutation(rows) for rows in members]
        second = [np.roll(rows, 1) for rows in first]
        found.append(kendall_tau(labels[np.concatenate(first)], labels[np.concatenate(second)]))
    between = float(np.mean(found))
    return between, 2 / np.pi * np.arcsin(np.sqrt(np.sin(np.pi / 2 * between)))


def nasbench201(folder: Path) -> None:
    """Print the ceilings of the second half of NAS-Bench-201."""
    frame = pd.read_csv(folder / "nasbench201_15625.csv.gz").sort_values("index")
    groups, half = frame["unique_str"].to_numpy(), slice(7813, None)
    for column in LABELS:
        labels = frame[column].to_numpy() / 100
        ceiling = simulated(labels[half], lambda at, labels=labels: deviation(labels, groups, at))
        between, corrected = from_pairs(labels, groups)
        noise = 100 * deviation(labels, groups, np.array([0.80, np.quantile(labels, 0.9)]))
        print(
            f"NAS-Bench-201 {column:26} {ceiling:.4f} simulated; two cells of one function {between:.4f}, so "
            f"{corrected:.4f}; noise {noise[0]:.2f} points at .80, {noise[1]:.2f} at the best tenth"
        )
    labels = frame[LABELS[0]].to_numpy()[half]
    print(f"  its tau with mean test accuracy: {kendall_tau(labels, frame[LABELS[1]].to_numpy()[half]):.4f}")


def nasbench101(folder: Path) -> None:
    """Print the ceiling of the last 3,001 rows of NAS-Bench-101."""
    source = reader.read(folder / "ecnas_4v9e.tfrecord", reader.Settings(), "nasbench101")
    name = next(name for name in source.metrics if name.endswith("val_acc@108"))
    repeats = source.metrics[name]
    groups = np.repeat(np.arange(len(repeats)), repeats.shape[1])
    known = repeats.reshape(-1)
    labels = table_of("101", folder)[1][27_000:]
    mean = repeats.mean(axis=1)
    scatter = np.sqrt(repeats[mean >= np.median(mean)].var(axis=1, ddof=1).mean())
    one, three = (simulated(labels, lambda at, n=n: deviation(known, groups, at) / n**0.5) for n in (1, 3))
    print(f"NAS-Bench-101 val_acc_108 {one:.4f} simulated, {three:.4f} if labels were means of three repeats")
    print(f"  noise {100 * scatter:.2f} points over the better half of EC-NAS-Bench's cells")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    nasbench201(folder)
    nasbench101(folder)


if __name__ == "__main__":
    main()
