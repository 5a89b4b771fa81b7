"""From a generator's scores to cells of the space."""

from __future__ import annotations

import numpy as np

from pipeline import spaces
from pipeline.encodings.graphs import from_graphs, graph_shape, source_vertices
from pipeline.spaces.archs import Archs


def decode(
    name: str, ops: np.ndarray, edges: np.ndarray, allowed: np.ndarray, repair: bool
) -> tuple[Archs, np.ndarray, np.ndarray]:
    """Return (architectures, bool (N,): which are valid, bool (N,): which were so without repair).

    name: the space. ops float (N * cells, V, K), the highest score is a vertex' operation. edges float
    (N * cells, pairs), in the order of the upper triangle; there is an edge where it is above zero. allowed:
    bool (V, K), operations that cells of the space have at each vertex. Rows that are not valid hold nothing
    of use.
    """
    archs, valid = from_graphs(name, ops.argmax(2).astype(np.uint8), _adjacency(edges > 0, ops.shape[1]))
    if not repair or valid.all():
        return archs, valid, valid
    cells, bad = graph_shape(name).cells, np.flatnonzero(~valid)
    rows = (bad[:, None] * cells + np.arange(cells)).reshape(-1)
    mended, good = from_graphs(name, *_repaired(name, ops[rows], edges[rows], allowed))
    new_ops, new_adj = archs.ops.copy(), None if archs.adj is None else archs.adj.copy()
    new_ops[bad] = mended.ops
    if new_adj is not None:
        new_adj[bad] = mended.adj
    now = valid.copy()
    now[bad] = good
    return Archs(archs.space, new_ops, new_adj), now, valid


def _repaired(name: str, ops: np.ndarray, edges: np.ndarray, allowed: np.ndarray):
    """Return graphs (ops, adj) that keep the rules of the space, as near to the scores as may be.

    Each vertex takes the best operation that it may have. NAS-Bench-101 keeps its nine best edges; what is
    then not connected stays no cell. DARTS takes for each operation the source that its edges fit best.
    """
    space = spaces.load(spaces.base(name))
    codes = np.where(allowed, ops, -np.inf).argmax(2).astype(np.uint8)
    if space.OPERATIONS_ON == "nodes":
        worst = np.sort(edges, axis=1)[:, -space.MAX_EDGES - 1, None]  # the best one that has no place
        return codes, _adjacency(edges > np.maximum(worst, 0), ops.shape[1])
    if space.N_CELLS == 1:
        return codes, _adjacency(edges > 0, ops.shape[1])
    return codes, _with_sources(space, _adjacency(edges, ops.shape[1]))


def _adjacency(edges: np.ndarray, n: int) -> np.ndarray:
    """Return (M, V, V) of the upper triangle's values; bool becomes uint8."""
    dtype = np.uint8 if edges.dtype == bool else edges.dtype
    adj = np.zeros((len(edges), n, n), dtype)
    adj[:, *np.triu_indices(n, 1)] = edges
    return adj


def _with_sources(space, scores: np.ndarray) -> np.ndarray:
    """Return uint8 (M, V, V): DARTS cells whose operations have the sources that fit the scores best."""
    sources, inputs = source_vertices(space), len(space.INPUT_NODES)  # (nodes, V)
    fit = np.einsum("su,muv->mvs", sources.astype(scores.dtype), scores)  # how well vertex v fits source s
    adj = np.zeros(scores.shape, np.uint8)
    for place, node in enumerate(space.INTERMEDIATE):
        first = inputs + 2 * place
        both = fit[:, first, :node, None] + fit[:, first + 1, None, :node]  # (M, sources, sources)
        both[:, np.arange(node), np.arange(node)] = -np.inf  # two different ones
        a, b = np.divmod(both.reshape(len(both), -1).argmax(axis=1), node)
        adj[:, :, first], adj[:, :, first + 1] = sources[a], sources[b]
    adj[:, inputs:-1, -1] = 1
    return adj
