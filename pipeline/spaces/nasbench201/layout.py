"""Whether cells are valid, which of their edges matter, and the view of them that encoders take."""

from __future__ import annotations

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench201.codes import EDGES, INPUT_NODES, N_NODES, N_OPS, NAME, NONE, OUTPUT_NODE


def validate(archs: Archs) -> np.ndarray:
    """Return bool (N,): which rows are cells of the space, that is six known operations.

    A cell whose output receives nothing is valid: the benchmark trained those as well.
    """
    if archs.adj is not None or archs.ops.shape[1:] != (len(EDGES),):
        return np.zeros(len(archs), dtype=bool)
    return (archs.ops < N_OPS).all(axis=1)


def edge_view(archs: Archs) -> np.ndarray:
    """Return operation codes uint8 (N, 1 cell, 6 edges), the view that encoders of edges take."""
    return archs.ops[:, None, :]


def reaches_output(archs: Archs) -> np.ndarray:
    """Return bool (N, 6): which edges lie on a path of operations (not `none`) to the output."""
    reached, edges = np.zeros((len(archs), N_NODES), dtype=bool), archs.ops != NONE
    reached[:, OUTPUT_NODE] = True
    for edge in reversed(range(len(EDGES))):
        source, target = EDGES[edge]
        edges[:, edge] &= reached[:, target]
        reached[:, source] |= edges[:, edge]
    return edges


def on_path(archs: Archs) -> np.ndarray:
    """Return bool (N, 6): which edges lie on a path of operations from the input to the output."""
    fed, edges = np.zeros((len(archs), N_NODES), dtype=bool), reaches_output(archs)
    fed[:, INPUT_NODES] = True
    for edge, (source, target) in enumerate(EDGES):
        edges[:, edge] &= fed[:, source]
        fed[:, target] |= edges[:, edge]
    return edges


def prune(archs: Archs) -> Archs:
    """Return the cells with `none` on every edge that is not `on_path`: 9,445 different ones in the space."""
    return Archs(NAME, np.where(on_path(archs), archs.ops, np.uint8(NONE)))
