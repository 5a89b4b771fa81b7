"""Drawing cells at random, and changing them: sample, mutate, cross over. All rows at once."""

from __future__ import annotations

import numpy as np

from pipeline.errors import ConfigError
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101.codes import CONV3X3, INTERIOR_OPS, NAME, NONE, UPPER, V, vertices
from pipeline.spaces.nasbench101.enumeration import enumerate_cells
from pipeline.spaces.nasbench101.keys import canonical_key
from pipeline.spaces.nasbench101.layout import prune, validate
from pipeline.spaces.redraw import redraw

_CROSSOVER_DRAWS = 50


def sample(n: int, rng: np.random.Generator) -> Archs:
    """Return `n` different cells, each subset of the unique cells equally likely.

    Raises ConfigError if the space has fewer than `n` cells.
    """
    cells = enumerate_cells()
    if n > len(cells):
        raise ConfigError(f"{NAME}: {n} cells were asked for, but the space has {len(cells)}; ask for fewer")
    return cells[rng.choice(len(cells), size=n, replace=False)]


def mutate(archs: Archs, rng: np.random.Generator) -> Archs:
    """Return one neighbour of each cell: valid, and not isomorphic to it.

    A neighbour differs by one operation, by one edge (added or removed; what that leaves loose is
    pruned), or, where there is room, by one more vertex on a path of its own between two others.
    Each of the three kinds is equally likely to be tried; a try that gives no neighbour is drawn again.
    """
    if not validate(archs).all():
        raise ValueError("mutate: some cells are not valid")
    keys = canonical_key(archs)

    def draw(rows: np.ndarray) -> tuple[Archs, np.ndarray]:
        tried = _one_change(archs[rows], rng)
        return tried, validate(tried) & (canonical_key(tried) != keys[rows])

    return redraw(draw, archs)


def _one_change(archs: Archs, rng: np.random.Generator) -> Archs:
    """Return each cell with one random change, pruned; not necessarily valid."""
    ops, adj = archs.ops.copy(), archs.adj.copy()
    inside = vertices(ops) - 2  # (N,): interior vertices
    kind = rng.integers(3, size=len(archs))

    rows = np.flatnonzero((kind == 0) & (inside > 0))  # another operation
    slot = rng.integers(1, inside[rows] + 1)
    step = rng.integers(1, len(INTERIOR_OPS), size=len(rows))
    ops[rows, slot] = (ops[rows, slot] - CONV3X3 + step) % len(INTERIOR_OPS) + CONV3X3

    rows = np.flatnonzero((kind == 1) & (inside > 0))  # one edge more or less
    source, target = _two_vertices(inside[rows], rng)
    adj[rows, source, target] ^= 1

    rows = np.flatnonzero((kind == 2) & (inside < V - 2))  # one more vertex
    source, target = _two_vertices(inside[rows], rng)
    place = np.where(target == V - 1, inside[rows] + 1, target)
    _insert(ops, adj, rows, place)
    target = np.where(target == V - 1, V - 1, target + 1)
    ops[rows, place] = rng.integers(len(INTERIOR_OPS), size=len(rows)) + CONV3X3
    adj[rows, source, place] = adj[rows, place, target] = 1
    return prune(Archs(NAME, ops, adj))


def _two_vertices(inside: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return two different used slots of each cell in ascending order, each pair equally likely."""
    first = rng.integers(inside + 2)
    second = rng.integers(inside + 1)
    second += second >= first
    first, second = np.minimum(first, second), np.maximum(first, second)
    return first, np.where(second == inside + 1, V - 1, second)  # the last used slot is the output's


def _insert(ops: np.ndarray, adj: np.ndarray, rows: np.ndarray, place: np.ndarray) -> None:
    """Free slot `place` (n,) in `rows` (n,), in place: the slots from there on move up into the padding."""
    slot = np.arange(V)
    moved = np.where(slot > place[:, None], slot - 1, slot)  # (n, 7): where each slot's content comes from
    moved[:, -1] = V - 1
    new_ops = ops[rows[:, None], moved]
    new_adj = adj[rows[:, None, None], moved[:, :, None], moved[:, None, :]]
    fresh = slot == place[:, None]
    new_ops[fresh] = NONE
    new_adj[fresh[:, :, None] | fresh[:, None, :]] = 0
    ops[rows], adj[rows] = new_ops, new_adj


def crossover(a: Archs, b: Archs, rng: np.random.Generator) -> Archs:
    """Return one valid child of each pair: every slot's operation and every edge from either parent.

    Edges of slots that stay unused are dropped and the child is pruned. A pair that gives no valid child
    in 50 draws (seldom; its parents share hardly an edge) has a copy of `a` or `b` as its child.
    """
    if len(a) != len(b):
        raise ValueError(f"crossover: {len(a)} and {len(b)} parents")
    from_b = rng.integers(2, size=len(a)).astype(bool)
    ops = np.where(from_b[:, None], b.ops, a.ops)
    adj = np.where(from_b[:, None, None], b.adj, a.adj)

    def draw(rows: np.ndarray) -> tuple[Archs, np.ndarray]:
        child = prune(_mixed(a[rows], b[rows], rng))
        return child, validate(child)

    return redraw(draw, Archs(NAME, ops, adj), _CROSSOVER_DRAWS)


def _mixed(a: Archs, b: Archs, rng: np.random.Generator) -> Archs:
    gene = rng.integers(2, size=(len(a), V + len(UPPER[0]))).astype(bool)
    adj = np.zeros_like(a.adj)
    adj[:, *UPPER] = np.where(gene[:, V:], b.adj[:, *UPPER], a.adj[:, *UPPER])
    return Archs(NAME, np.where(gene[:, :V], b.ops, a.ops), adj)
