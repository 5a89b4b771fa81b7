"""Run independent pieces of torch's work side by side, with the same bytes for any number of threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipeline.predictors.resources import Resources


def side_by_side(work: Callable[[Any], Any], items: Sequence, threads: int) -> list:
    """Return [work(item) for item in items], at most `threads` items at a time.

    Each item's arithmetic has one thread of its own: sums that torch splits among threads would differ in
    the last bits. Small steps also gain more from this than from threads within them.
    """
    import torch

    workers = min(threads, len(items))
    before = torch.get_num_threads()
    try:
        if workers <= 1:
            torch.set_num_threads(1)
            return [work(item) for item in items]
        with ThreadPoolExecutor(workers, initializer=lambda: torch.set_num_threads(1)) as pool:
            return list(pool.map(work, items))
    finally:
        torch.set_num_threads(before)


def threads_for(resources: Resources | None, device) -> int:
    """Return how many pieces of work run side by side: one on a GPU, which is parallel within each."""
    return resources.threads if resources and str(device) == "cpu" else 1
