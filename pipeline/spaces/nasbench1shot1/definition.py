"""The NAS-Bench-1Shot1 subspaces: how their raw architectures are made, and how many there are.

Zela et al. 2020, "NAS-Bench-1Shot1", section 3.1. A raw architecture says, for each vertex after the input,
which earlier vertices are its parents (their number is given), and for each interior vertex its operation.
Vertices that lead nowhere ("loose ends") are pruned, as NAS-Bench-101 does before it looks a cell up; so
what counts is a NAS-Bench-101 cell, and many raw architectures stand for the same one.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations, product

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101.codes import CONV3X3, INPUT, INTERIOR_OPS, NAME, NONE, OUTPUT, V
from pipeline.spaces.nasbench101.layout import on_path

Parents = tuple[int, ...]  # number of parents of vertices 1, 2, … and, last, of the output


@cache
def raw_graphs(parents: Parents) -> np.ndarray:
    """Return uint8 (G, 7, 7), read-only: every choice of parents, in the layout of NAS-Bench-101's cells."""
    choices = [list(combinations(range(v), n)) for v, n in enumerate(parents, 1)]
    graphs = np.zeros((np.prod([len(c) for c in choices]), V, V), dtype=np.uint8)
    for graph, chosen in zip(graphs, product(*choices), strict=True):
        for slot, sources in zip(target_slots(parents), chosen, strict=True):
            graph[list(sources), slot] = 1
    graphs.flags.writeable = False
    return graphs


def target_slots(parents: Parents) -> list[int]:
    """Return the slots that `parents` speaks of: those of the interior vertices, and the output's."""
    return [*range(1, len(parents)), V - 1]


def operations(interior: int) -> np.ndarray:
    """Return uint8 (3**interior, 7): every choice of operations of the first `interior` interior slots."""
    rows = np.full((len(INTERIOR_OPS) ** interior, V), NONE, dtype=np.uint8)
    rows[:, 0], rows[:, -1] = INPUT, OUTPUT
    rows[:, 1 : interior + 1] = list(product(INTERIOR_OPS, repeat=interior))
    return rows


def enumerate_raw(parents: Parents) -> Archs:
    """Return all raw architectures, unpruned: each choice of parents with each choice of operations.

    They have NAS-Bench-101's layout but for their loose ends; `prune` makes valid cells of them.
    """
    graphs, ops = raw_graphs(parents), operations(len(parents) - 1)
    return Archs(NAME, np.tile(ops, (len(graphs), 1)), np.repeat(graphs, len(ops), axis=0))


def used_slots(graphs: np.ndarray) -> np.ndarray:
    """Return bool (G, 7): which slots of each raw graph remain after pruning."""
    linked = graphs.any(axis=1)  # has parents
    ops = np.where(linked, CONV3X3, NONE).astype(np.uint8)
    ops[:, 0], ops[:, -1] = INPUT, OUTPUT
    return on_path(Archs(NAME, ops, graphs))


def chain_graphs(parents: Parents) -> np.ndarray:
    """Return uint8 (C, 7, 7): the different pruned graphs whose used vertices form a chain of last parents.

    That is, the last parent of each used vertex is the used vertex before it. These are the graphs that
    the authors' program lists as "without loose ends", because it goes on from the last parent only.
    """
    graphs = raw_graphs(parents)
    used = used_slots(graphs)
    pruned = graphs * (used[:, :, None] & used[:, None, :])
    before = np.maximum.accumulate(np.where(used, np.arange(V), 0), axis=1)[:, :-1]  # (G, 6)
    last = V - 1 - pruned[:, ::-1, 1:].argmax(axis=1)
    chain = (~used[:, 1:] | (last == before)).all(axis=1)
    return np.unique(pruned[chain], axis=0)


def chain_cells(parents: Parents) -> Archs:
    """Return the cells that use all interior vertices in one chain of last parents, no two isomorphic.

    In subspace 3 they are 60 graphs with 3**5 choices of operations, 14,580 cells: in number and description
    the pool "NAS-Bench-1shot-3" of GATES++ ("all architectures have 5 internal nodes and the node degrees are
    designated", 7,290 + 7,290), whose own list is not public.
    """
    graphs, interior = chain_graphs(parents), len(parents) - 1
    graphs, ops = graphs[used_slots(graphs).sum(axis=1) == interior + 2], operations(interior)
    return Archs(NAME, np.tile(ops, (len(graphs), 1)), np.repeat(graphs, len(ops), axis=0))


def sizes(parents: Parents) -> dict[str, int]:
    """Return how many raw architectures there are, by what is counted.

    raw: choices of parents and operations: 14,580 / 29,160 / 1,312,200 in subspaces 1 / 2 / 3.
    labelled: the same, but a vertex that leads nowhere has no operation to choose: 6,240 / 16,632 / 363,648.
    Published as "with loose ends" are 6,240 / 29,160 / 363,648: `labelled` for 1 and 3, but `raw` for 2.
    chains: `chain_graphs` with the operations of their used vertices: 2,487 / 3,609 / 24,066, what the
    authors' program lists as "without loose ends".
    """
    graphs, interior = raw_graphs(parents), len(parents) - 1
    leading = graphs[:, 1 : interior + 1].any(axis=2).sum(axis=1)
    on_chain = used_slots(chain_graphs(parents))[:, 1:-1].sum(axis=1)
    return {
        "raw": len(graphs) * 3**interior,
        "labelled": int((3**leading).sum()),
        "chains": int((3**on_chain).sum()),
    }
