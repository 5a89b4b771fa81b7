"""Whether cells are valid, and bringing graphs into the layout of `codes`."""

from __future__ import annotations

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101.codes import INPUT, MAX_EDGES, MAXPOOL3X3, NAME, NONE, OUTPUT, V


def node_view(archs: Archs) -> tuple[np.ndarray, np.ndarray]:
    """Return (adj float32 (N, 7, 7), operation codes int64 (N, 7)), the view that graph encoders take."""
    return archs.adj.astype(np.float32), archs.ops.astype(np.int64)


def on_path(archs: Archs) -> np.ndarray:
    """Return bool (N, 7): which used vertices lie on a path from the input to the output."""
    used = archs.ops != NONE
    edges = archs.adj.astype(bool) & used[:, :, None] & used[:, None, :]
    forth, back = np.zeros_like(used), np.zeros_like(used)
    forth[:, 0] = back[:, -1] = True
    for v in range(1, V):
        forth[:, v] = (edges[:, :v, v] & forth[:, :v]).any(axis=1)
    for v in range(V - 2, -1, -1):
        back[:, v] = (edges[:, v, v + 1 :] & back[:, v + 1 :]).any(axis=1)
    return forth & back


def validate(archs: Archs) -> np.ndarray:
    """Return bool (N,): which rows are cells of the space in the layout of `codes`.

    That is: known operations, edges forward, at most 9 of them, every used vertex on a path from input
    to output, unused slots together before the output and without edges.
    """
    ops, adj = archs.ops, archs.adj
    interior = ops[:, 1:-1]
    used = interior != NONE
    known = ((interior != INPUT) & (interior <= MAXPOOL3X3)).all(axis=1)
    ends = (ops[:, 0] == INPUT) & (ops[:, -1] == OUTPUT)
    packed = (used[:, :-1] >= used[:, 1:]).all(axis=1)
    forward = (np.tril(adj) == 0).all(axis=(1, 2)) & (adj <= 1).all(axis=(1, 2))
    few = adj.sum(axis=(1, 2), dtype=np.int64) <= MAX_EDGES
    reached = on_path(archs)
    no_loose_edges = (reached | ((adj.sum(axis=1) == 0) & (adj.sum(axis=2) == 0))).all(axis=1)
    whole = reached[:, 0] & (reached[:, 1:-1] == used).all(axis=1) & reached[:, -1]
    return known & ends & packed & forward & few & whole & no_loose_edges


def prune(archs: Archs) -> Archs:
    """Remove the vertices that lie on no path from input to output, and close the gaps.

    Edges must point forward. A cell whose output is not reached from its input comes back as input and
    output without an edge, which `validate` refuses.
    """
    keep = on_path(archs)
    keep[:, 0] = keep[:, -1] = True
    unlinked = ~keep[:, 1:-1]
    order = np.argsort(unlinked, axis=1, kind="stable") + 1  # kept vertices first, in their order
    order = np.pad(order, ((0, 0), (1, 0)))
    order = np.concatenate([order, np.full((len(archs), 1), V - 1)], axis=1)
    ops = np.where(keep, archs.ops, NONE).astype(np.uint8)
    adj = archs.adj * (keep[:, :, None] & keep[:, None, :])
    rows = np.arange(len(archs))[:, None]
    return Archs(NAME, ops[rows, order], adj[rows[:, :, None], order[:, :, None], order[:, None, :]])
