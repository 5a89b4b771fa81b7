"""Measure the measures: CPU time on a million rows, without ties and with many, on one core.

    python perf/measures.py [--rows 1000000]

Kendall's tau of a million rows has 5e11 pairs. Then how long all isomorphic spellings of cells take to find.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np  # noqa: E402

from pipeline import spaces  # noqa: E402
from pipeline.evaluation import measures  # noqa: E402
from pipeline.evaluation.isomorphism import spellings  # noqa: E402

PAIRS = ("kendall_tau", "spearman", "pearson", "mse")
TOP = ("precision_at_k", "n_at_k")
SPELT = {"nasbench101": 40_000, "nasbench201": 7_812, "darts": 5_896}  # test sets of the papers


def measured(function, *args) -> tuple:
    """Return what a function returns, and its CPU seconds."""
    started = time.process_time()
    return function(*args), time.process_time() - started


def main() -> None:
    """Print one line a measure, then one a space."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    n, rng = parser.parse_args().rows, np.random.default_rng(0)
    for what, truth in (("no ties", rng.normal(size=n)), ("ties", rng.normal(size=n).round(2))):
        score = truth + rng.normal(size=n)
        score = score if what == "no ties" else score.round(2)
        for name in (*PAIRS, *TOP):
            value, seconds = measured(getattr(measures, name), truth, score, *([100] if name in TOP else []))
            print(f"{n:,} rows, {what:8} {name:16} {value:12.4f} {seconds:6.2f} s", flush=True)
    for name, cells in SPELT.items():
        archs = spaces.load(name).sample(cells, rng)
        (forms, _), seconds = measured(spellings, archs, 1000, rng)
        print(f"{name}: {len(forms):,} spellings of {cells:,} cells {seconds:6.2f} s", flush=True)


if __name__ == "__main__":
    main()
