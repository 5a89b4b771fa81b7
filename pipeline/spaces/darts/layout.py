"""Whether architectures are valid, and other views of them: edges as (source, operation), and by slot."""

from __future__ import annotations

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.darts.codes import (
    EDGES,
    EDGES_PER_NODE,
    FIRST_EDGE,
    INTERMEDIATE,
    N_CELLS,
    N_OPS,
    NAME,
    NODE_OF_EDGE,
    NONE,
    SOURCE_OF_EDGE,
)

_SHAPE = (N_CELLS, len(INTERMEDIATE), EDGES_PER_NODE)


def validate(archs: Archs) -> np.ndarray:
    """Return bool (N,): which rows are architectures of the space.

    That is: known operations, and exactly two edges into each intermediate node of both cells.
    """
    if archs.adj is not None or archs.ops.shape[1:] != (N_CELLS, len(EDGES)):
        return np.zeros(len(archs), dtype=bool)
    incoming = np.add.reduceat(archs.ops != NONE, FIRST_EDGE, axis=2, dtype=np.int64)  # (N, 2, 4)
    return (archs.ops < N_OPS).all(axis=(1, 2)) & (incoming == EDGES_PER_NODE).all(axis=(1, 2))


def edge_view(archs: Archs) -> np.ndarray:
    """Return operation codes uint8 (N, 2 cells, 14 edges), the view that encoders of edges take."""
    return archs.ops


def chosen_edges(archs: Archs) -> tuple[np.ndarray, np.ndarray]:
    """Return the (sources, operation codes) of the edges that there are, int64 (N, 2 cells, 4 nodes, 2).

    The two edges of a node come in ascending order of their sources. Raises ValueError if an architecture
    is not valid.
    """
    if not validate(archs).all():
        raise ValueError(f"{NAME}: architecture {np.flatnonzero(~validate(archs))[0]} is not valid")
    there = np.flatnonzero(archs.ops)
    sources, codes = SOURCE_OF_EDGE[there % len(EDGES)], archs.ops.reshape(-1)[there].astype(np.int64)
    shape = (len(archs), *_SHAPE)
    return sources.reshape(shape), codes.reshape(shape)


def from_edges(sources: np.ndarray, codes: np.ndarray) -> Archs:
    """Return the architectures with these edges, both (N, 2, 4, 2): the reverse of `chosen_edges`.

    The edges of a node may come in either order. Sources must be earlier nodes, and two different ones.
    """
    n = len(sources)
    ops = np.zeros((n, N_CELLS * len(EDGES)), dtype=np.uint8)
    first = FIRST_EDGE[:, None] + len(EDGES) * np.arange(N_CELLS)[:, None, None]  # (2, 4, 1)
    width = N_CELLS * len(INTERMEDIATE) * EDGES_PER_NODE
    np.put_along_axis(ops, (first + sources).reshape(n, width), codes.reshape(n, width), axis=1)
    return Archs(NAME, ops.reshape(n, N_CELLS, len(EDGES)))


def by_node(values: np.ndarray) -> np.ndarray:
    """Return one value a possible edge, (N, 2, 14), from one value an intermediate node, (N, 2, 4)."""
    return values[:, :, NODE_OF_EDGE]
