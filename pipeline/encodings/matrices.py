"""Cells as matrices of operations: the view of the semi-supervised assessor's auto-encoder.

Entry (i, j) is zero where no edge runs from node i to node j, and else the code of an operation: that of node
j, or for operations on edges that of the edge (Tang et al. 2020, section 3.1, after NAS-Bench-101). The
matrix is that of a cell's representative, so isomorphic cells have the same one; of NAS-Bench-201, where they
were trained apart, as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline import spaces
from pipeline.encodings.graphs import graph_shape, to_graphs
from pipeline.encodings.op_numbers import op_numbers
from pipeline.spaces.archs import Archs
from pipeline.spaces.representatives import representatives


@dataclass(frozen=True)
class MatrixShape:
    """cells: matrices of one architecture. nodes: V of a matrix. codes: entries are below this."""

    cells: int
    nodes: int
    codes: int


def matrix_shape(name: str) -> MatrixShape:
    """Return the shape of a space's matrices.

    NAS-Bench-101 and its subspaces 1 x 7 x 7, NAS-Bench-201 1 x 4 x 4; DARTS 2 x 11 x 11, the graphs
    with operations as vertices (`pipeline.encodings.graphs`).
    """
    space = spaces.load(name)
    if space.OPERATIONS_ON == "edges" and space.N_CELLS == 1:
        return MatrixShape(1, space.N_NODES, space.N_OPS)
    shape = graph_shape(name)
    return MatrixShape(shape.cells, shape.n_vertices, shape.n_ops)


def numbers_of_codes(name: str, op_order: Sequence[str] | None = None) -> np.ndarray:
    """Return uint8 (codes,): the number that stands for each code of a space's matrices.

    op_order: of operations, see `op_numbers`, which raises ConfigError for one that is not the space's. Codes
    beyond the space's own, those of DARTS' inputs and output, stay as they are.
    """
    numbers = np.arange(matrix_shape(name).codes, dtype=np.uint8)
    numbers[: spaces.load(name).N_OPS] = op_numbers(name, op_order)
    return numbers


def operation_matrices(archs: Archs) -> np.ndarray:
    """Return uint8 (N, cells, V, V) of valid architectures, entries as `matrix_shape` has them."""
    space, shape = spaces.load(archs.space), matrix_shape(archs.space)
    size = (len(archs), shape.cells, shape.nodes, shape.nodes)
    if space.OPERATIONS_ON == "edges" and space.N_CELLS == 1:
        matrices = np.zeros(size, np.uint8)
        sources, targets = zip(*space.EDGES, strict=True)
        matrices[:, 0, sources, targets] = representatives(archs).ops
        return matrices
    ops, adj = to_graphs(archs)
    return (adj * ops[:, None, :]).reshape(size)
