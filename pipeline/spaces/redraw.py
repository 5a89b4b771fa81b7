"""Random draws that are repeated, row by row, until they are good."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.spaces.archs import Archs

_AT_ONCE = 256  # results drawn in one call: so many cost little more than a few


def redraw(
    draw: Callable[[np.ndarray], tuple[Archs, np.ndarray]], start: Archs, most: int | None = None
) -> Archs:
    """Draw for each row until a result is good; return the results.

    draw: (rows int64 (k,), a row as often as it is to be tried) -> (k results, bool (k,): which are good).
    Tries of a row are alike and independent, and the first good one counts; where few rows wait, several of
    each are drawn together. start: what a row keeps that has no good result in `most` tries (None: there
    will be one).
    """
    ops, adj = start.ops.copy(), None if start.adj is None else start.adj.copy()
    waiting, tried = np.arange(len(start)), 0
    while len(waiting) and (most is None or tried < most):
        times = max(_AT_ONCE // len(waiting), 1)
        times = times if most is None else min(times, most - tried)
        drawn, good = draw(np.repeat(waiting, times))
        good = good.reshape(len(waiting), times)
        done = good.any(axis=1)
        chosen = drawn[(np.arange(len(waiting)) * times + good.argmax(axis=1))[done]]
        ops[waiting[done]] = chosen.ops
        if adj is not None:
            adj[waiting[done]] = chosen.adj
        waiting, tried = waiting[~done], tried + times
    return Archs(start.space, ops, adj)
