"""Measure a benchmark table of all 423,624 NAS-Bench-101 cells with three trials: write, open, look up.

Peers' figures (public threads about the benchmarks' own packages): the NAS-Bench-101 package needs 120 s to
load, 30 s patched; the NAS-Bench-201 file about 28 GB of memory.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy starts its threads
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np  # noqa: E402

from pipeline.benchmarks.queries import Benchmark  # noqa: E402
from pipeline.benchmarks.tables import BenchmarkTable, load_table, write_table  # noqa: E402
from pipeline.job import Job  # noqa: E402
from pipeline.spaces import nasbench101  # noqa: E402

LOOK_UPS, TIMES = 10_000, 5


def whole_table() -> BenchmarkTable:
    """A table of the whole space with made-up accuracies of the official table's shape."""
    rng, cells = np.random.default_rng(0), nasbench101.enumerate_cells()
    n = len(cells)
    names = [f"cifar10/{what}_acc@108" for what in ("train", "val", "test")]
    metrics = {name: rng.random((n, 3), dtype=np.float32) for name in names}
    costs = {"params": nasbench101.params(cells), "cifar10/train_seconds@108": 1000 * rng.random((n, 3))}
    ids = [f"{row:032x}" for row in range(n)]
    role = np.where(np.arange(n) < 0.9 * n, "labelled", "held_out")
    return BenchmarkTable("nasbench101", cells, ids, role, metrics, names[1], names[2], costs)


def main() -> None:
    """Print the table of measurements."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.h5"
        table = whole_table()
        started = time.perf_counter()
        write_table(path, table, Job("ingest", {}))
        print(f"write a table of {len(table):,} cells: {time.perf_counter() - started:.2f} s, ", end="")
        print(f"{path.stat().st_size / 1e6:.0f} MB")
        rows = np.random.default_rng(1).integers(len(table), size=LOOK_UPS)
        asked, took = table.archs[rows], []
        for _ in range(TIMES):
            started = time.perf_counter()
            answer = Benchmark(path).query(asked)
            took.append(time.perf_counter() - started)
        expected = table.metrics[table.val_metric][rows].mean(axis=1)
        np.testing.assert_allclose(answer.values, expected, rtol=1e-5)
        print(f"open it and look up {LOOK_UPS:,} cells: {min(took):.3f} s (best of {TIMES}), ", end="")
        print(f"{max(took):.3f} s (worst)")
        started = time.perf_counter()
        load_table(path)
        print(f"load the whole table: {time.perf_counter() - started:.2f} s")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
