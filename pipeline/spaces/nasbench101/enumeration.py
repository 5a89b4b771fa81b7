"""All unique cells of NAS-Bench-101, from nothing but its rules."""

from __future__ import annotations

from functools import cache
from itertools import combinations, product

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101.codes import (
    CONV3X3,
    INPUT,
    INTERIOR_OPS,
    MAX_EDGES,
    NAME,
    NONE,
    OUTPUT,
    V,
    slots,
)
from pipeline.spaces.nasbench101.keys import canonical_key, from_key


@cache
def enumerate_cells() -> Archs:
    """Return the 423,624 unique cells (read-only arrays), by vertices, then by canonical form.

    The counts for 2 to 7 vertices are 1, 6, 84, 2441, 62010 and 359082 (Ying et al. 2019, section 2.1).
    """
    keys = [np.unique(canonical_key(_labelled(_graphs(v), v))) for v in range(2, V + 1)]
    cells = from_key(np.concatenate(keys))
    cells.ops.flags.writeable = cells.adj.flags.writeable = False
    return cells


def _graphs(v: int) -> Archs:
    """Return one graph per isomorphism class of `v` vertices, every operation a 3x3 convolution."""
    pairs = list(combinations(range(v), 2))
    code = np.arange(1 << len(pairs), dtype=np.uint32)  # one bit a possible edge
    code = code[np.bitwise_count(code) <= MAX_EDGES]
    # Edges point forward, so a vertex is reached from the input if it has any incoming edge, and
    # reaches the output if it has any outgoing one.
    for vertex in range(v):
        for end in (0, 1):
            touching = sum(1 << k for k, pair in enumerate(pairs) if pair[end] == vertex)
            if touching:
                code = code[(code & np.uint32(touching)) != 0]
    slot = slots(v)
    adj = np.zeros((len(code), V, V), dtype=np.uint8)
    for k, (i, j) in enumerate(pairs):
        adj[:, slot[i], slot[j]] = (code >> np.uint32(k)) & np.uint32(1)
    ops = np.zeros((len(code), V), dtype=np.uint8)
    ops[:] = _slots([CONV3X3] * (v - 2))
    return from_key(np.unique(canonical_key(Archs(NAME, ops, adj))))


def _labelled(graphs: Archs, v: int) -> Archs:
    """Return every graph with each of the 3**(v-2) ways to label its interior vertices."""
    labels = np.array([_slots(ops) for ops in product(INTERIOR_OPS, repeat=v - 2)], dtype=np.uint8)
    return Archs(NAME, np.tile(labels, (len(graphs), 1)), np.repeat(graphs.adj, len(labels), axis=0))


def _slots(interior) -> list[int]:
    return [INPUT, *interior, *[NONE] * (V - 2 - len(interior)), OUTPUT]
