"""A small table of NAS-Bench-201 cells with made-up accuracies, for tests of the library."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline import spaces
from pipeline.benchmarks.tables import BenchmarkTable, write_table
from pipeline.job import Job


def cells(n: int = 200):
    """Return `n` different cells, and accuracies that depend on their operations."""
    space, stream = spaces.load("nasbench201"), np.random.default_rng(5)
    archs = space.enumerate_cells()[np.sort(stream.choice(space.SIZE, n, replace=False))]
    convolutions = (archs.ops == space.NOR_CONV_3X3).sum(axis=1) + (archs.ops == space.NOR_CONV_1X1).sum(
        axis=1
    )
    accuracies = 0.6 + 0.05 * convolutions + stream.normal(0, 0.005, n)
    return archs, accuracies


def write_csv(path: Path, n: int = 200) -> None:
    """Write them as a CSV table: architecture, accuracy."""
    archs, accuracies = cells(n)
    names = spaces.load("nasbench201").cell_ids(archs)
    lines = [f"{name},{accuracy:.6f}" for name, accuracy in zip(names, accuracies, strict=True)]
    path.write_text("\n".join(["architecture,accuracy", *lines]) + "\n")


def write_benchmark(path: Path, n: int = 200) -> BenchmarkTable:
    """Write them as an artifact, the second half held out."""
    archs, accuracies = cells(n)
    role = np.where(np.arange(n) < n // 2, "labelled", "held_out")
    metrics = {"cifar10/val_acc@200": accuracies[:, None].astype(np.float32)}
    names = spaces.load("nasbench201").cell_ids(archs)
    table = BenchmarkTable("nasbench201", archs, names, role, metrics, "cifar10/val_acc@200", None)
    write_table(path, table, Job("ingest", {}, seed=7))
    return table
