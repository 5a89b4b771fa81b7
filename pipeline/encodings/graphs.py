"""Architectures of any space as graphs with operations on the vertices, the view of graph autoencoders.

An architecture is one graph, or one a cell: M = N * `cells` graphs, those of one architecture in a row.
A graph is `ops` uint8 (M, V), codes of operations, and `adj` uint8 (M, V, V), 1 where an edge runs from row
to column, i < j. By space:
- NAS-Bench-101 and its subspaces: the cell as it is, 7 vertices, 6 codes (unused vertices have their own).
- NAS-Bench-201: the input, the six edges of the cell as vertices in the order of `EDGES`, the output; 7
  codes: the five operations, then input and output. An edge of the graph runs from one edge of the cell to
  those that its target feeds, whatever their operations are: all cells have the same edges.
- DARTS: 11 vertices for each of the two cells: two inputs, two operations for each of the four intermediate
  nodes (sources ascending), the output, which all eight feed; 11 codes: the space's own, then first input,
  second input, output (Yan et al. 2020, "arch2vec", have as many; their NAS-Bench-201 graphs have 8 vertices
  and 7 codes as well).
Isomorphic architectures get the same graph: that of the representative which `cell_key` names.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from pipeline import spaces
from pipeline.spaces.archs import Archs


@dataclass(frozen=True)
class GraphShape:
    """cells: graphs of one architecture. n_vertices: V of a graph. n_ops: codes of operations."""

    cells: int
    n_vertices: int
    n_ops: int


def graph_shape(name: str) -> GraphShape:
    """Return the shape of a space's graphs."""
    space = spaces.load(name)
    if space.OPERATIONS_ON == "nodes":
        return GraphShape(1, space.V, space.N_OPS)
    if space.N_CELLS == 1:
        return GraphShape(1, len(space.EDGES) + 2, space.N_OPS + 2)
    n_operations = _PER_NODE * len(space.INTERMEDIATE)
    return GraphShape(
        space.N_CELLS, len(space.INPUT_NODES) + n_operations + 1, space.N_OPS + len(space.INPUT_NODES) + 1
    )


def to_graphs(archs: Archs) -> tuple[np.ndarray, np.ndarray]:
    """Return (ops (M, V), adj (M, V, V)) of valid architectures."""
    space = spaces.load(archs.space)
    archs = space.from_key(space.cell_key(archs))
    if space.OPERATIONS_ON == "nodes":
        return archs.ops, archs.adj
    return _of_edges(space, archs) if space.N_CELLS == 1 else _of_two_cells(space, archs)


def from_graphs(name: str, ops: np.ndarray, adj: np.ndarray) -> tuple[Archs, np.ndarray]:
    """Return (architectures, bool (N,): which are valid) of graphs such as a decoder gives.

    name: the space whose cells they shall be; a subspace's are fewer than those of the space it is part of.
    Valid means, after vertices on no path from input to output are dropped where the space does so:
    - NAS-Bench-101: what is left is a cell of the space (`validate`).
    - NAS-Bench-201: the vertices are an input, six operations, an output. The decoded edges say nothing,
      since all cells have the same (arch2vec's authors judge so, too).
    - DARTS: the vertices are two inputs, eight operations, an output; each operation has exactly the edges
      of one source (an input, or both operations of an earlier intermediate node), the two of a node have
      different sources, and the output is fed by the eight operations. Both cells must be so.
    Rows that are not valid hold nothing of use.
    """
    space = spaces.load(name)
    if space.OPERATIONS_ON == "nodes":
        archs = space.prune(Archs(spaces.base(name), ops, adj))
        return archs, space.validate(archs)
    return _edges_back(space, ops) if space.N_CELLS == 1 else _two_cells_back(space, ops, adj)


def graph_keys(archs: Archs) -> np.ndarray:
    """Return uint64 (M,), one key a graph: equal exactly where cells are isomorphic, whichever of a
    network's cells they are (NAS-Bench-201: where their strings are equal).
    """
    space = spaces.load(archs.space)
    keys = space.cell_key(archs)
    if graph_shape(archs.space).cells == 1:
        return keys
    return np.stack(np.divmod(keys, np.uint64(space.CELL_SPELLINGS)), axis=1).reshape(-1)


def graph_fingerprints(ops: np.ndarray, adj: np.ndarray) -> np.ndarray:
    """Return uint64 (M,), equal for isomorphic graphs of any kind, cells or not, and as good as never else.

    Weisfeiler and Lehman's colours after V rounds, as NAS-Bench-101's own fingerprint has them: the colour
    of a vertex mixes its own with those of what feeds it and what it feeds; vertices of equal colour are not
    told apart.
    """
    forward = (adj != 0).astype(np.uint64)
    backward = forward.transpose(0, 2, 1)
    degrees = forward.sum(axis=1) * np.uint64(64) + forward.sum(axis=2)
    colours = _mixed(ops.astype(np.uint64) * np.uint64(4096) + degrees)
    for _ in range(ops.shape[1]):
        fed = (backward @ _mixed(colours + np.uint64(1))[:, :, None])[:, :, 0]
        feeds = (forward @ _mixed(colours + np.uint64(2))[:, :, None])[:, :, 0]
        colours = _mixed(_mixed(_mixed(colours) + fed) + feeds)
    return _mixed(colours).sum(axis=1, dtype=np.uint64)


def _mixed(values: np.ndarray) -> np.ndarray:
    """Scramble 64-bit integers so that sums of them tell multisets apart (the finaliser of SplitMix64)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


# NAS-Bench-201 ------------------------------------------------------------------------------------------


def _wiring(space: ModuleType) -> np.ndarray:
    """Return uint8 (V, V): which vertices feed which; the same for every cell."""
    ends = [(None, space.INPUT_NODES[0]), *space.EDGES, (space.OUTPUT_NODE, None)]
    feeds = [[a[1] is not None and a[1] == b[0] for b in ends] for a in ends]
    return np.array(feeds, dtype=np.uint8)


def _of_edges(space: ModuleType, archs: Archs) -> tuple[np.ndarray, np.ndarray]:
    v = len(space.EDGES) + 2
    ops = np.full((len(archs), v), space.N_OPS, dtype=np.uint8)
    ops[:, 1:-1], ops[:, -1] = archs.ops, space.N_OPS + 1
    return ops, np.broadcast_to(_wiring(space), (len(archs), v, v)).copy()


def _edges_back(space: ModuleType, ops: np.ndarray) -> tuple[Archs, np.ndarray]:
    operations = ops[:, 1:-1]
    valid = (ops[:, 0] == space.N_OPS) & (ops[:, -1] == space.N_OPS + 1)
    valid &= (operations < space.N_OPS).all(axis=1)
    return Archs(space.NAME, np.where(valid[:, None], operations, np.uint8(space.NONE))), valid


# DARTS --------------------------------------------------------------------------------------------------

_PER_NODE = 2  # operations of an intermediate node


def source_vertices(space: ModuleType) -> np.ndarray:
    """Return uint8 (6, V): which vertices stand for a node of the cell, as the source of an edge."""
    inputs, nodes = len(space.INPUT_NODES), space.N_NODES
    found = np.zeros((nodes, graph_shape(space.NAME).n_vertices), dtype=np.uint8)
    for node in space.INPUT_NODES:
        found[node, node] = 1
    for place, node in enumerate(space.INTERMEDIATE):
        first = inputs + _PER_NODE * place
        found[node, first : first + _PER_NODE] = 1
    return found


def _of_two_cells(space: ModuleType, archs: Archs) -> tuple[np.ndarray, np.ndarray]:
    sources, codes = space.chosen_edges(archs)  # (N, 2, 4, 2)
    m, inputs = len(archs) * space.N_CELLS, len(space.INPUT_NODES)
    shape = graph_shape(space.NAME)
    ops = np.empty((m, shape.n_vertices), dtype=np.uint8)
    ops[:, :inputs] = space.N_OPS + np.arange(inputs)
    ops[:, inputs:-1], ops[:, -1] = codes.reshape(m, -1), shape.n_ops - 1
    adj = np.zeros((m, shape.n_vertices, shape.n_vertices), dtype=np.uint8)
    adj[:, :, inputs:-1] = source_vertices(space)[sources.reshape(m, -1)].transpose(0, 2, 1)
    adj[:, inputs:-1, -1] = 1
    return ops, adj


def _two_cells_back(space: ModuleType, ops: np.ndarray, adj: np.ndarray) -> tuple[Archs, np.ndarray]:
    inputs, n_ops, m = len(space.INPUT_NODES), space.N_OPS, len(ops)
    codes = ops[:, inputs:-1].astype(np.int64)
    valid = (ops[:, :inputs] == n_ops + np.arange(inputs)).all(axis=1) & (ops[:, -1] == n_ops + inputs)
    valid &= ((codes != space.NONE) & (codes < n_ops)).all(axis=1)
    adj = adj != 0
    valid &= adj[:, inputs:-1, -1].all(axis=1) & ~adj[:, :inputs, -1].any(axis=1)
    feeding = adj[:, :, inputs:-1].transpose(0, 2, 1)  # (M, 8, V)
    fits = (feeding[:, :, None] == (source_vertices(space) != 0)).all(axis=3)  # (M, 8, 6 nodes)
    sources = fits.argmax(axis=2)
    target = np.repeat(space.INTERMEDIATE, _PER_NODE)
    valid &= (fits.any(axis=2) & (sources < target)).all(axis=1)
    pairs = sources.reshape(m, len(space.INTERMEDIATE), _PER_NODE)
    valid &= (pairs[..., 0] != pairs[..., 1]).all(axis=1)
    valid = valid.reshape(-1, space.N_CELLS).all(axis=1)
    shape = (-1, space.N_CELLS, len(space.INTERMEDIATE), _PER_NODE)
    pairs, codes = pairs.reshape(shape), codes.reshape(shape)
    pairs[~valid], codes[~valid] = (0, 1), space.N_OPS - 1  # some architecture
    return space.from_edges(pairs, codes), valid
