"""Changing cells without leaving a subspace: through the raw architectures that stand for them."""

from __future__ import annotations

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench1shot1.definition import Parents, target_slots
from pipeline.spaces.nasbench1shot1.spellings import fill_loose_ends, spell
from pipeline.spaces.nasbench101.codes import CONV3X3, INTERIOR_OPS, NAME, V
from pipeline.spaces.nasbench101.keys import canonical_key, from_key
from pipeline.spaces.nasbench101.layout import prune
from pipeline.spaces.redraw import redraw


def mutate(parents: Parents, keys: np.ndarray, rng: np.random.Generator) -> Archs:
    """Return one neighbour of each of the subspace's cells with these keys; never the same cell.

    A neighbour is what one change makes of one of the cell's raw architectures, each equally likely: another
    operation of a vertex, or another vertex in place of one parent of a vertex, with equal chances. A try
    that gives the same cell (it changed a loose end, or led to an isomorphic cell) is drawn again.
    """

    def draw(rows: np.ndarray) -> tuple[Archs, np.ndarray]:
        raw = fill_loose_ends(parents, spell(parents, keys[rows], rng), rng)
        tried = prune(_one_change(parents, raw, rng))
        return tried, canonical_key(tried) != keys[rows]

    return redraw(draw, from_key(keys))


def _one_change(parents: Parents, raw: Archs, rng: np.random.Generator) -> Archs:
    """Return raw architectures with another operation or another parent somewhere."""
    ops, adj = raw.ops.copy(), raw.adj.copy()
    by_operation = rng.integers(2, size=len(raw)).astype(bool)

    rows = np.flatnonzero(by_operation)
    slot = rng.integers(1, len(parents), size=len(rows))
    step = rng.integers(1, len(INTERIOR_OPS), size=len(rows))
    ops[rows, slot] = (ops[rows, slot] - CONV3X3 + step) % len(INTERIOR_OPS) + CONV3X3

    rows = np.flatnonzero(~by_operation)
    free = [v for v, n in enumerate(parents, 1) if n < v]  # vertices whose parents can be others
    vertex = np.array(free)[rng.integers(len(free), size=len(rows))]
    slot = np.array(target_slots(parents))[vertex - 1]
    column = adj[rows, :, slot]  # (n, 7)
    chance = rng.random(column.shape)
    old = np.where(column == 1, chance, -1).argmax(axis=1)
    new = np.where((column == 0) & (np.arange(V) < vertex[:, None]), chance, -1).argmax(axis=1)
    adj[rows, old, slot], adj[rows, new, slot] = 0, 1
    return Archs(NAME, ops, adj)


def crossover(parents: Parents, keys_a: np.ndarray, keys_b: np.ndarray, rng: np.random.Generator) -> Archs:
    """Return one child of each pair of the subspace's cells: the pair's first raw architectures are mixed.

    Every vertex takes its operation from either of the two, and all its parents from either.
    """
    a = spell(parents, keys_a)
    b = spell(parents, keys_b)
    gene = rng.integers(2, size=(2, len(a), V)).astype(bool)
    ops = np.where(gene[0], b.ops, a.ops)
    adj = np.where(gene[1][:, None, :], b.adj, a.adj)
    return prune(fill_loose_ends(parents, Archs(NAME, ops, adj), rng))
