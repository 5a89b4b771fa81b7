"""Rankings by a comparator that is no total order: randomised quick-sort (GATES, section 6.4)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.randomness import rng

COMPARED_AT_ONCE = 16_384  # pairs


def mean_places(n: int, better: Callable, sorts: int, seed: int) -> np.ndarray:
    """Return the mean place of each of n items in `sorts` quick-sorts, float32 (n,), 0 the worst.

    better(a, b): bool (P,), which of the items a (P,) beats its partner in b (P,).
    """
    total = np.zeros(n, np.float64)
    for k in range(sorts):
        total += quick_sort(n, better, rng(seed, "quick sort", k))
    return (total / sorts).astype(np.float32)


def quick_sort(n: int, better: Callable, rng: np.random.Generator) -> np.ndarray:
    """Return each item's place, int64 (n,), a permutation with 0 the worst.

    All parts of one depth are split at once, so there are some 2 log2(n) rounds of at most n comparisons.
    """
    place = np.zeros(n, np.int64)
    items, start = np.arange(n), np.zeros(n, np.int64)  # not placed yet, part by part; where its part begins
    while len(items):
        parts, first, size = np.unique(start, return_index=True, return_counts=True)
        owner = np.repeat(np.arange(len(parts)), size)
        pivots = items[first + (rng.random(len(parts)) * size).astype(np.int64)]
        others = items != pivots[owner]
        items, owner = items[others], owner[others]
        won = np.zeros(len(items), bool)
        for k in range(0, len(items), COMPARED_AT_ONCE):
            chunk = slice(k, k + COMPARED_AT_ONCE)
            won[chunk] = better(items[chunk], pivots[owner[chunk]])
        place[pivots] = parts + np.bincount(owner[~won], minlength=len(parts))
        start = np.where(won, place[pivots][owner] + 1, parts[owner])
        order = np.argsort(start, kind="stable")
        items, start = items[order], start[order]
    return place
