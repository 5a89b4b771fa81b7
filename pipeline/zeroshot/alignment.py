"""Which operation of one spelling of a cell is which operation of another, isomorphic spelling."""

from __future__ import annotations

from functools import cache
from itertools import permutations

import numpy as np

from pipeline import spaces
from pipeline.spaces.archs import Archs


def aligned(values: np.ndarray, stored: Archs, wanted: Archs) -> np.ndarray:
    """Return `values`, one a vertex or edge of the cells `stored`, in the places that `wanted` spells them.

    values: (N, ..., M), shaped as `stored.ops` with one more axis. stored, wanted: N cells, row by row
    isomorphic, or spelt alike. Where a cell maps onto itself in several ways, one of them is taken. Raises
    ValueError if a row's cells are not isomorphic.
    """
    different = _different(stored, wanted)
    if not len(different):
        return values
    result = values.copy()
    if spaces.load(stored.space).OPERATIONS_ON == "nodes":
        moved = _by_vertex(stored[different], wanted[different], values[different])
    else:
        moved = _by_edge(stored[different], wanted[different], values[different])
    result[different] = moved
    return result


def _different(stored: Archs, wanted: Archs) -> np.ndarray:
    """Return the rows that are not spelt alike."""
    same = (stored.ops == wanted.ops).reshape(len(stored), -1).all(axis=1)
    if stored.adj is not None:
        same &= (stored.adj == wanted.adj).all(axis=(1, 2))
    return np.flatnonzero(~same)


def _by_vertex(stored: Archs, wanted: Archs, values: np.ndarray) -> np.ndarray:
    """Try all orders of the interior vertices."""
    n, v = stored.ops.shape
    order, waiting = np.zeros((n, v), np.int64), np.ones(n, dtype=bool)
    for interior in permutations(range(1, v - 1)):
        rows = np.flatnonzero(waiting)
        place = np.array([0, *interior, v - 1])
        fits = (stored.ops[rows][:, place] == wanted.ops[rows]).all(axis=1)
        rows = rows[fits]
        adj = stored.adj[rows][:, place][:, :, place]
        rows = rows[(adj == wanted.adj[rows]).all(axis=(1, 2))]
        order[rows], waiting[rows] = place, False
    _refuse(waiting, stored.space)
    return np.take_along_axis(values, order[:, :, None], axis=1)


def _by_edge(stored: Archs, wanted: Archs, values: np.ndarray) -> np.ndarray:
    """Try all orders of the nodes that are no inputs, in each of an architecture's cells."""
    shape = values.shape
    orders = _edge_orders(stored.space)  # (orders, E)
    edges = orders.shape[1]
    before = stored.ops.reshape(-1, edges)
    after, values = wanted.ops.reshape(-1, edges), values.reshape(-1, edges, shape[-1])
    # one edge more, which is never there: what an order turns backward is taken from it
    none = spaces.load(stored.space).NONE
    before = np.concatenate([before, np.full((len(before), 1), none, before.dtype)], axis=1)
    order, waiting = np.zeros((len(before), edges), np.int64), np.ones(len(before), dtype=bool)
    for places in orders:
        rows = np.flatnonzero(waiting)
        complete = (before[rows][:, places] != none).sum(axis=1) == (before[rows] != none).sum(axis=1)
        rows = rows[complete & (before[rows][:, places] == after[rows]).all(axis=1)]
        order[rows], waiting[rows] = places, False
    _refuse(waiting, stored.space)
    values = np.concatenate([values, np.zeros_like(values[:, :1])], axis=1)
    return np.take_along_axis(values, order[:, :, None], axis=1).reshape(shape)


@cache
def _edge_orders(name: str) -> np.ndarray:
    """Return int64 (orders, E): the edge that each edge was before the nodes were renumbered; E if none."""
    space = spaces.load(name)
    edges = [tuple(edge) for edge in space.EDGES]
    place = {edge: k for k, edge in enumerate(edges)}
    inputs = list(space.INPUT_NODES)
    inner = [node for node in range(space.N_NODES) if node not in inputs]
    rows = []
    for order in permutations(inner):
        old = {node: node for node in inputs} | dict(zip(inner, order, strict=True))
        rows.append([place.get((old[a], old[b]), len(edges)) for a, b in edges])
    return np.array(rows)


def _refuse(waiting: np.ndarray, space: str) -> None:
    if waiting.any():
        raise ValueError(f"{space}: row {np.flatnonzero(waiting)[0]} holds two cells that are not isomorphic")
