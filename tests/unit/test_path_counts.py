"""Paths of cells, counted one by one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from pipeline import spaces
from pipeline.encodings.path_counts import DEPTH, path_counts, path_summary

CELLS = {"nasbench101": 1, "nasbench201": 1, "darts": 2}


def graphs(space, archs, i):
    """Yield (edges {(a, b): op or None}, inputs, ends, kinds) of each cell, paths in terms of operations."""
    if space.OPERATIONS_ON == "nodes":
        edges = {(a, b): int(archs.ops[i, b]) for a, b in zip(*np.nonzero(archs.adj[i]), strict=True)}
        yield edges, (0,), (space.V - 1,), list(space.INTERIOR_OPS)
        return
    kinds = [code for code in range(space.N_OPS) if code not in (space.NONE, space.SKIP_CONNECT)]
    for cell in archs.ops[i].reshape(space.N_CELLS, -1):
        edges = {e: int(op) for e, op in zip(space.EDGES, cell, strict=True) if op != space.NONE}
        ends = (space.OUTPUT_NODE,) if space.N_CELLS == 1 else space.INTERMEDIATE
        yield edges, space.INPUT_NODES, ends, kinds


def sequences(edges, inputs, ends, kinds):
    """Return the operations on every path, those alone that are counted."""
    found = []

    def walk(node, ops):
        if node in ends:
            found.append(tuple(kinds.index(op) for op in ops if op in kinds))
        for a, b in edges:
            if a == node:
                walk(b, [*ops, edges[a, b]])

    for node in inputs:
        walk(node, [])
    return found


def column(sequence, k):
    place = 0
    for o in sequence:
        place = k * place + 1 + o
    return place


@pytest.mark.parametrize("name", CELLS)
def test_counts_and_summary_are_those_of_all_paths(name):
    space = spaces.load(name)
    archs = space.sample(30, np.random.default_rng(0))
    counts = path_counts(archs)
    per_cell = counts.reshape(30 * CELLS[name], -1)
    summary = path_summary(name, counts).reshape(30 * CELLS[name], -1)
    row = 0
    for i in range(30):
        for edges, inputs, ends, kinds in graphs(space, archs, i):
            k = len(kinds)
            short = [s[: DEPTH[name]] for s in sequences(edges, inputs, ends, kinds)]
            expected = Counter(column(s, k) for s in short)
            assert {c: n for c, n in enumerate(per_cell[row].tolist()) if n} == expected
            uses = [sum(s.count(o) for s in short) for o in range(k)]
            most = [max((s.count(o) for s in short), default=0) for o in range(k)]
            lengths = [len(s) for s in short] or [0]
            assert summary[row].tolist() == [len(short), *uses, sum(lengths), *most, max(lengths)]
            row += 1


@pytest.mark.parametrize("name", CELLS)
def test_isomorphic_cells_have_equal_counts(name):
    space = spaces.load(name)
    archs = space.sample(200, np.random.default_rng(1))
    other = space.from_key(space.canonical_key(archs))
    np.testing.assert_array_equal(path_counts(archs), path_counts(other))


def test_no_cells_have_no_counts():
    space = spaces.load("nasbench201")
    assert path_counts(space.sample(3, np.random.default_rng(0))[:0]).shape == (0, 40)
