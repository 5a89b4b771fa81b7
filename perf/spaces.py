"""Measure whole-space operations of every search space: CPU seconds of one process, one thread.

Peer for enumeration with keys: the authors of NAS-Bench-101 enumerate graphs and labels in Python and hash
each with md5; their hash, as the project computes it, is the column `names`.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy starts its threads
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np  # noqa: E402

from pipeline import spaces  # noqa: E402

N_VARIED = 100_000
COLUMNS = ("space", "cells", "enumerate", "keys", "names", "params", "sample", "mutate", "cross over")


def seconds(function, *args):
    """Return (CPU seconds that a function took, its result)."""
    started = time.process_time()
    result = function(*args)
    return time.process_time() - started, result


def measure(name: str, rng: np.random.Generator) -> list[str]:
    """Return the space's row of the table.

    Keys, names and parameters are those of all cells; of 100,000 of DARTS, which is too large to enumerate.
    Parents are drawn with replacement.
    """
    space = spaces.load(name)
    if name == "darts":
        enumerating, n_sampled = float("nan"), N_VARIED
        cells = space.sample(N_VARIED, rng)
    else:
        enumerating, cells = seconds(space.enumerate_cells)
        n_sampled = min(N_VARIED, len(cells))
    a, b = (cells[rng.integers(len(cells), size=N_VARIED)] for _ in range(2))
    took = [
        enumerating,
        seconds(space.canonical_key, cells)[0],
        seconds(space.cell_ids, cells)[0],
        seconds(space.params, cells)[0],
        seconds(space.sample, n_sampled, rng)[0],
        seconds(space.mutate, a, rng)[0],
        seconds(space.crossover, a, b, rng)[0],
    ]
    return [name, f"{len(cells):,}", *("-" if np.isnan(s) else f"{s:.2f}" for s in took)]


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    print(f"CPU seconds; sample (of at most), mutate and cross over: {N_VARIED:,} cells")
    for row in (COLUMNS, *(measure(name, rng) for name in spaces.NAMES)):
        print(f"{row[0]:18}", *(f"{value:>10}" for value in row[1:]), flush=True)
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
