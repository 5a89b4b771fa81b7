"""Measure whole-space operations on NAS-Bench-101, on one core.

Peer for enumeration with keys: the benchmark authors enumerate graphs and labels in Python and hash
each with md5; here their hash (as the project computes it) of a sample is scaled to the whole space.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np  # noqa: E402

from pipeline.spaces import nasbench101 as space  # noqa: E402


def timed(what: str, function, *args):
    """Run a function once, print how long it took, return its result."""
    started = time.monotonic()
    result = function(*args)
    print(f"{what:48} {time.monotonic() - started:8.2f} s")
    return result


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    cells = timed("enumerate 423,624 cells", space.enumerate_cells)
    timed("canonical keys of all", space.canonical_key, cells)
    timed("official md5 hashes of all", space.cell_ids, cells)
    timed("parameters of all", space.params, cells)
    parents = cells[rng.integers(len(cells), size=100_000)]
    others = cells[rng.integers(len(cells), size=100_000)]
    timed("mutate 100,000", space.mutate, parents, rng)
    timed("cross over 100,000", space.crossover, parents, others, rng)
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
