"""Measure the reader of NAS-Bench-101's TFRecord files on a file of the official size, on one core.

The official file is not needed: one in exactly its form is written first, with all 423,624 cells, their
official hashes, and random accuracies (1,270,872 records; the official file has 522,767,376 bytes, and so has
this one). Peers, by their users' reports: the authors' package needs TensorFlow 1 and about 120 s to load the
file; with a patch that was never merged, about 30 s.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
import numpy as np  # noqa: E402

from pipeline.benchmarks import source  # noqa: E402
from pipeline.benchmarks.readers import nasbench101, tfrecord  # noqa: E402
from pipeline.spaces.nasbench101 import enumerate_cells  # noqa: E402
from tests.unit.tfrecord_files import frame, payload, trainings  # noqa: E402

_BLOCK = 30_000  # records written at a time
_REPEATS = 3


def write_file(path: Path, records: int, budgets: tuple[int, ...]) -> None:
    """Write `records` trainings, or as many as the space has, as enumerated; say how large the file is."""
    rng = np.random.default_rng(0)
    cells = -(-records // (_REPEATS * len(budgets)))
    todo = trainings(enumerate_cells()[:cells], rng, budgets, _REPEATS)
    with open(path, "wb") as file:
        while block := list(islice(todo, _BLOCK)):
            file.write(frame([payload(training) for training in block]))
    print(f"file of {path.stat().st_size} bytes", flush=True)


def measure(path: Path) -> None:
    """Read a file and print what it took; run in a process of its own, whose peak memory is the reading's."""
    started = time.process_time()
    table = nasbench101.read(path, nasbench101.Settings(), "nasbench101")
    read = time.process_time()
    source.check(table, path)
    checked = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in tfrecord.read_batches(path):
        pass
    framed = time.process_time()
    trials = next(iter(table.metrics.values())).shape[1]
    print(f"{len(table.archs)} cells, {len(table.metrics)} metrics, {trials} trials")
    print(f"{'read: sums, fields, every cell hashed':48} {read - started:8.2f} s CPU")
    print(f"{'  of it records and their CRC-32C sums':48} {framed - checked:8.2f} s CPU")
    print(f"{'checks that hold for every source':48} {checked - read:8.2f} s CPU")
    print(f"{'peak memory':48} {peak / 2**20:8.2f} GiB")


def main() -> None:
    """Write a file into a temporary folder, then read it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--records", type=int, default=1_270_872, help="records to write (default: %(default)s)"
    )
    parser.add_argument(
        "--budgets", type=int, nargs="+", default=[108], help="epochs (full file: 4 12 36 108)"
    )
    parser.add_argument("--write", type=Path, help="only write this file")
    parser.add_argument("--read", type=Path, help="only measure with this file")
    options = parser.parse_args()
    if options.write:
        write_file(options.write, options.records, tuple(options.budgets))
    elif options.read:
        measure(options.read)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "nasbench.tfrecord")
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            # A process each: on Linux a child starts with its parent's peak memory.
            for step in ([*sys.argv[1:], "--write", path], ["--read", path]):
                subprocess.run([sys.executable, __file__, *step], check=True, env=environment)


if __name__ == "__main__":
    main()
