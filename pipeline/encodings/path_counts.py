"""How often each sequence of operations occurs on the paths of a cell, whatever its graph looks like.

A path runs from an input of the cell to its output. Its sequence are the first `DEPTH` operations on it, skip
connections left out. Isomorphic architectures have equal counts. By space:
- NAS-Bench-101: sequences of up to 5 vertices, 364 in all;
- NAS-Bench-201: of up to 3 edges, 40;
- DARTS: for each cell, of up to 2 edges, 43, whichever input a path starts from.
"""

from __future__ import annotations

import numpy as np

from pipeline import spaces
from pipeline.spaces.archs import Archs

DEPTH = {"nasbench101": 5, "nasbench201": 3, "darts": 2}
ROWS_AT_ONCE = 8192  # NAS-Bench-101 needs 10 kB a cell while it counts


def path_counts(archs: Archs) -> np.ndarray:
    """Return float32 (N, F), the counts; F depends on the space alone.

    Sequence s followed by operation o (of k) is in column k * column(s) + 1 + o; column 0 is the empty one.
    """
    space = spaces.load(archs.space)
    count = _over_vertices if space.OPERATIONS_ON == "nodes" else _over_edges
    parts = [count(space, archs[i : i + ROWS_AT_ONCE]) for i in range(0, max(len(archs), 1), ROWS_AT_ONCE)]
    return np.concatenate(parts).astype(np.float32)


def path_summary(name: str, counts: np.ndarray) -> np.ndarray:
    """Return float32 (N, cells * (1 + 2 (k + 1))), a few numbers of each cell's paths, from `path_counts`.

    name: the space. Numbers: how many paths there are; how often each of k operations occurs on all of them,
    and all together; how often at most on one path, and the longest path.
    """
    space = spaces.load(name)
    counts = counts.reshape(len(counts) * space.N_CELLS, -1) if space.OPERATIONS_ON == "edges" else counts
    uses = _uses(len(_kinds(space)), counts.shape[1])  # (columns, k + 1)
    most = np.stack([((counts > 0) * column).max(axis=1) for column in uses.T], axis=1)
    summary = np.concatenate([counts.sum(axis=1, keepdims=True), counts @ uses, most], axis=1)
    return summary.reshape(-1, summary.shape[1] * getattr(space, "N_CELLS", 1)).astype(np.float32)


def _kinds(space) -> list[int]:
    """Return the operations that sequences are made of."""
    if space.OPERATIONS_ON == "nodes":
        return list(space.INTERIOR_OPS)
    return [code for code in range(space.N_OPS) if code not in (space.NONE, space.SKIP_CONNECT)]


def _uses(k: int, columns: int) -> np.ndarray:
    """Return float32 (columns, k + 1): uses of each operation in a sequence, and its length."""
    uses = np.zeros((columns, k + 1), np.float32)
    for column in range(1, columns):
        before, o = divmod(column - 1, k)
        uses[column] = uses[before]
        uses[column, [o, k]] += 1
    return uses


class _Counts:
    """Counts int32 (N, nodes, columns) of the sequences that lead from the inputs to each node."""

    def __init__(self, n: int, nodes: int, inputs, k: int, depth: int):
        self.k = k
        self.inner = sum(k**length for length in range(depth))  # columns of sequences that can grow
        self.at = np.zeros((n, nodes, self.inner + k**depth), dtype=np.int32)
        self.at[:, list(inputs), 0] = 1

    def grown(self, found: np.ndarray, o: int) -> np.ndarray:
        """Return (n, columns): the sequences `found`, each followed by operation `o` if it is short."""
        after = np.zeros_like(found)
        after[:, self.inner :] = found[:, self.inner :]
        after[:, 1 + o :: self.k] += found[:, : self.inner]
        return after


def _over_vertices(space, archs: Archs) -> np.ndarray:
    counts = _Counts(len(archs), space.V, (0,), len(_kinds(space)), DEPTH[spaces.base(space.NAME)])
    for j in range(1, space.V):
        arriving = np.einsum("ni,nic->nc", archs.adj[:, :j, j].astype(np.int32), counts.at[:, :j])
        if j == space.V - 1:
            return arriving
        for o, code in enumerate(_kinds(space)):
            rows = np.flatnonzero(archs.ops[:, j] == code)
            counts.at[rows, j] = counts.grown(arriving[rows], o)
    raise AssertionError("a cell has an output")


def _over_edges(space, archs: Archs) -> np.ndarray:
    kinds = _kinds(space)
    ops = archs.ops.reshape(-1, len(space.EDGES))  # (N * cells, edges)
    counts = _Counts(len(ops), space.N_NODES, space.INPUT_NODES, len(kinds), DEPTH[space.NAME])
    for edge, (source, target) in sorted(enumerate(space.EDGES), key=lambda item: item[1][1]):
        rows = np.flatnonzero(ops[:, edge] == space.SKIP_CONNECT)
        counts.at[rows, target] += counts.at[rows, source]
        for o, code in enumerate(kinds):
            rows = np.flatnonzero(ops[:, edge] == code)
            counts.at[rows, target] += counts.grown(counts.at[rows, source], o)
    ends = [space.OUTPUT_NODE] if space.N_CELLS == 1 else list(space.INTERMEDIATE)
    found = counts.at[:, ends].sum(axis=1)  # (N * cells, columns)
    return found.reshape(len(archs), space.N_CELLS * found.shape[1])
