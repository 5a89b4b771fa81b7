"""Which NAS-Bench-101 cells a subspace holds, and the raw architectures that stand for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench1shot1.definition import Parents, operations, raw_graphs, used_slots
from pipeline.spaces.nasbench101.codes import CONV3X3, INTERIOR_OPS, NAME, NONE
from pipeline.spaces.nasbench101.keys import canonical_key, from_key


@dataclass(frozen=True)
class Spellings:
    """All raw architectures of a subspace, sorted by the cell that they stand for.

    Raw architectures that differ by operations of loose ends only are one entry.
    keys:  uint64 (S,), ascending: canonical key of the cell.
    graph: int64 (S,), place of the raw graph in `raw_graphs`; ascending for equal keys.
    ops:   uint8 (S, 7), NONE for loose ends.
    """

    keys: np.ndarray
    graph: np.ndarray
    ops: np.ndarray


@cache
def spellings(parents: Parents) -> Spellings:
    """Return the table of the subspace with these numbers of parents."""
    graphs = raw_graphs(parents)
    used = used_slots(graphs)
    pruned = graphs * (used[:, :, None] & used[:, None, :])
    count = used[:, 1:-1].sum(axis=1)
    keys, graph, ops = [], [], []
    for k in np.unique(count).tolist():
        some = np.flatnonzero(count == k)
        choices = operations(k)  # (3**k, 7), in the first slots
        slots = np.nonzero(used[some, 1:-1])[1].reshape(len(some), k) + 1
        labelled = np.full((len(some), *choices.shape), NONE, dtype=np.uint8)
        labelled[:, :, [0, -1]] = choices[:, [0, -1]]
        np.put_along_axis(labelled, slots[:, None, :], choices[None, :, 1 : k + 1], axis=2)
        ops.append(labelled.reshape(-1, choices.shape[1]))
        graph.append(np.repeat(some, len(choices)))
        keys.append(canonical_key(Archs(NAME, ops[-1], pruned[graph[-1]])))
    order = np.lexsort((np.concatenate(graph), np.concatenate(keys)))
    return Spellings(*(np.concatenate(parts)[order] for parts in (keys, graph, ops)))


@cache
def cells(parents: Parents) -> Archs:
    """Return the subspace's unique cells (read-only arrays), by vertices, then by canonical form."""
    found = from_key(np.unique(spellings(parents).keys))
    found.ops.flags.writeable = found.adj.flags.writeable = False
    return found


def contains(parents: Parents, keys: np.ndarray) -> np.ndarray:
    """Return bool (N,): which canonical keys, uint64 (N,), are those of the subspace's cells."""
    table = spellings(parents).keys
    return table[np.minimum(np.searchsorted(table, keys), len(table) - 1)] == keys


def spell(parents: Parents, keys: np.ndarray, rng: np.random.Generator | None = None) -> Archs:
    """Return a raw architecture, unpruned, of each of the subspace's cells with these keys.

    With `rng`, each spelling is equally likely; else it is the one that comes first in `raw_graphs`. Loose
    ends have no operation (NONE).
    """
    table = spellings(parents)
    entry = np.searchsorted(table.keys, keys)
    if rng is not None:
        entry += rng.integers(np.searchsorted(table.keys, keys, side="right") - entry)
    return Archs(NAME, table.ops[entry], raw_graphs(parents)[table.graph[entry]])


def fill_loose_ends(parents: Parents, raw: Archs, rng: np.random.Generator) -> Archs:
    """Return raw architectures with a random operation in every interior vertex that has none."""
    ops = raw.ops.copy()
    inner = ops[:, 1 : len(parents)]
    drawn = rng.integers(len(INTERIOR_OPS), size=inner.shape).astype(np.uint8) + np.uint8(CONV3X3)
    inner[...] = np.where(inner == NONE, drawn, inner)
    return Archs(NAME, ops, raw.adj)
