"""All spellings of a cell: the orders of its interior vertices that keep edges pointing forward."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101.codes import N_OPS, NAME, NONE, UPPER, V

_PLACES = np.array([(0, *order, V - 1) for order in permutations(range(1, V - 1))])  # (120, 7); itself first
_LOWER = np.tril_indices(V, -1)
_EDGES = 2 ** np.arange(len(UPPER[0]), dtype=np.int64)
_OPS = _EDGES[-1] * 2 * N_OPS ** np.arange(V, dtype=np.int64)


def isomorphs(archs: Archs) -> tuple[Archs, np.ndarray]:
    """Return (all different spellings of the cells, int64 (M,): the row of each one's cell).

    They come cell by cell, the cell as it is first. Unused slots stay where they are.
    """
    adj, ops, rows, words = [], [], [], []
    unused = archs.ops == NONE
    for place in _PLACES:
        moved_ops, moved_adj = archs.ops[:, place], archs.adj[:, place][:, :, place]
        kept = ((moved_ops == NONE) == unused).all(axis=1) & ~moved_adj[:, *_LOWER].any(axis=1)
        found = np.flatnonzero(kept)
        rows.append(found)
        ops.append(moved_ops[found])
        adj.append(moved_adj[found])
        words.append(adj[-1][:, *UPPER] @ _EDGES + ops[-1] @ _OPS)
    row, word = np.concatenate(rows), np.concatenate(words)
    _, first = np.unique(np.stack([row, word]), axis=1, return_index=True)  # of equal spellings, one
    chosen = np.sort(first)  # the order of permutations: the cell as it is comes first
    chosen = chosen[np.argsort(row[chosen], kind="stable")]
    return Archs(NAME, np.concatenate(ops)[chosen], np.concatenate(adj)[chosen]), row[chosen]
