"""Whether cells are valid, and bringing graphs into the layout of `codes`."""

from __future__ import annotations

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101.codes import INPUT, MAX_EDGES, MAXPOOL3X3, NAME, NONE, OUTPUT, V

_ALL = (1 << V) - 1  # the set of all slots, a bit each
_BACKWARD = sum(1 << V * i + j for i in range(V) for j in range(i + 1))  # edges that do not point forward


def node_view(archs: Archs) -> tuple[np.ndarray, np.ndarray]:
    """Return (adj float32 (N, 7, 7), operation codes int64 (N, 7)), the view that graph encoders take."""
    return archs.adj.astype(np.float32), archs.ops.astype(np.int64)


def on_path(archs: Archs) -> np.ndarray:
    """Return bool (N, 7): which used vertices lie on a path from the input to the output."""
    return _members(_on_path(archs.ops, _edge_bits(archs.adj)))


def _edge_bits(adj: np.ndarray) -> np.ndarray:
    """Return uint64 (N,): bit 7 i + j says whether an edge runs from slot i to slot j."""
    packed = np.zeros((len(adj), 8), dtype=np.uint8)
    packed[:, :V] = np.packbits(adj.reshape(len(adj), V * V), axis=1, bitorder="little")
    return packed.view("<u8")[:, 0]


def _targets(edges: np.ndarray, slot: int) -> np.ndarray:
    """Return uint8 (N,): the set of slots that `slot` has an edge to, a bit each."""
    return ((edges >> np.uint64(V * slot)) & np.uint64(_ALL)).astype(np.uint8)


def _used(ops: np.ndarray) -> np.ndarray:
    """Return uint8 (N,): the set of used slots."""
    return np.packbits(ops != NONE, axis=1, bitorder="little")[:, 0]


def _members(sets: np.ndarray) -> np.ndarray:
    """Return bool (N, 7): which slots are in each of `sets`, uint8 (N,)."""
    return np.unpackbits(sets[:, None], axis=1, count=V, bitorder="little").view(bool)


def _on_path(ops: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return uint8 (N,): the set of used slots on a path from the input to the output."""
    used = _used(ops)
    targets = [_targets(edges, u) & used & np.uint8(_ALL >> u + 1 << u + 1) for u in range(V - 1)]
    forth = used & np.uint8(1)
    for u in range(V - 1):
        forth |= targets[u] * (forth >> np.uint8(u) & np.uint8(1))
    back = np.full(len(ops), 1 << V - 1, dtype=np.uint8)
    for u in range(V - 2, -1, -1):
        back |= ((targets[u] & back) != 0).view(np.uint8) << np.uint8(u)
    return forth & back


def validate(archs: Archs) -> np.ndarray:
    """Return bool (N,): which rows are cells of the space in the layout of `codes`.

    That is: known operations, edges forward, at most 9 of them, every used vertex on a path from input
    to output, unused slots together before the output and without edges.
    """
    ops, interior = archs.ops, archs.ops[:, 1:-1]
    edges = _edge_bits(archs.adj)
    good = ((interior != INPUT) & (interior <= MAXPOOL3X3)).all(axis=1)
    good &= (ops[:, 0] == INPUT) & (ops[:, -1] == OUTPUT)
    reached = _on_path(ops, edges)
    good &= (reached == _used(ops)) & ((edges & np.uint64(_BACKWARD)) == 0)
    inner = reached & np.uint8(_ALL >> 1)
    good &= (inner & (inner + np.uint8(1))) == 0  # input and interior take the first slots, without a gap
    touched = np.zeros(len(ops), dtype=np.uint8)  # slots that have an edge
    for u in range(V):
        targets = _targets(edges, u)
        touched |= targets | (targets != 0).view(np.uint8) << np.uint8(u)
    good &= (touched & ~reached) == 0
    return good & (np.bitwise_count(edges) <= MAX_EDGES) & (archs.adj <= 1).all(axis=(1, 2))


def prune(archs: Archs) -> Archs:
    """Remove the vertices that lie on no path from input to output, and close the gaps.

    Edges must point forward. A cell whose output is not reached from its input comes back as input and
    output without an edge, which `validate` refuses.
    """
    keep = on_path(archs)
    keep[:, 0] = keep[:, -1] = True
    ops = archs.ops * keep  # NONE is 0
    adj = archs.adj * (keep[:, :, None] & keep[:, None, :])
    gaps = np.flatnonzero((keep[:, 1:-2] < keep[:, 2:-1]).any(axis=1))
    order = np.tile(np.arange(V), (len(gaps), 1))
    order[:, 1:-1] = np.argsort(~keep[gaps, 1:-1], axis=1, kind="stable") + 1  # kept ones first, in order
    rows = gaps[:, None]
    ops[gaps] = ops[rows, order]
    adj[gaps] = adj[rows[:, :, None], order[:, :, None], order[:, None, :]]
    return Archs(NAME, ops, adj)
