"""NAS-Bench-101's cells against the benchmark's own table, plain re-implementations and hand counts."""

from __future__ import annotations

import hashlib
from itertools import combinations, permutations, product

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import ConfigError, DataError
from pipeline.spaces import Archs
from pipeline.spaces import nasbench101 as space
from pipeline.spaces.nasbench101 import CONV1X1, CONV3X3, INPUT, MAXPOOL3X3, NONE, OUTPUT
from tests.unit.nasbench101_cells import cell

OFFICIAL = ["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]


@pytest.fixture(scope="module")
def cells() -> Archs:
    return space.enumerate_cells()


@pytest.fixture(scope="module")
def some(cells) -> Archs:
    return space.sample(2000, np.random.default_rng(0))


@pytest.fixture(scope="module")
def table(data_dir):
    """The real table with its cells (its adjacency strings lack their leading zeros)."""
    path = data_dir / "nasbench101_validation_30001.csv.gz"
    frame = pd.read_csv(path, dtype={"adjacency": str, "ops": str})
    frame["ops"] = frame.ops.fillna("")
    bits = [text.zfill(v * v) for text, v in zip(frame.adjacency, frame.num_vertices, strict=True)]
    names = [",".join(["input", *(OFFICIAL[int(c)] for c in ops), "output"]) for ops in frame.ops]
    return frame, bits, names


# --- enumeration and keys


def test_every_unique_cell_once(cells):
    assert len(cells) == space.SIZE
    assert np.bincount(space.vertices(cells.ops)).tolist() == [0, 0, 1, 6, 84, 2441, 62010, 359082]
    assert space.validate(cells).all()
    keys = space.canonical_key(cells)
    assert (keys[1:] > keys[:-1]).all()  # all different, in order of vertices and canonical form
    again = space.from_key(keys)
    assert np.array_equal(again.ops, cells.ops) and np.array_equal(again.adj, cells.adj)


def test_enumeration_agrees_with_plain_search(cells):
    def spelling(v, edges, ops):  # the smallest of all relabellings
        return min(
            (v, sorted((p[i], p[j]) for i, j in edges), [ops[p.index(k) - 1] for k in range(1, v - 1)])
            for p in ((0, *inner, v - 1) for inner in permutations(range(1, v - 1)))
        )

    found = set()
    for v in range(2, 5):
        pairs = list(combinations(range(v), 2))
        for bits in product((0, 1), repeat=len(pairs)):
            edges = [pair for pair, bit in zip(pairs, bits, strict=True) if bit]
            starts, ends = {i for i, _ in edges}, {j for _, j in edges}
            if starts == set(range(v - 1)) and ends == set(range(1, v)):
                for ops in product((CONV3X3, CONV1X1, MAXPOOL3X3), repeat=v - 2):
                    found.add(str(spelling(v, edges, ops)))
    ours = set()
    small = cells[space.vertices(cells.ops) <= 4]
    for ops, adj in zip(small.ops, small.adj, strict=True):
        v = int(np.count_nonzero(ops))
        place = {**{i: i for i in range(v - 1)}, 6: v - 1}
        edges = [(place[i], place[j]) for i, j in np.argwhere(adj).tolist()]
        ours.add(str(spelling(v, edges, ops[1 : v - 1].tolist())))
    assert len(found) == 91 and ours == found


def test_key_does_not_depend_on_the_order_of_vertices(cells):
    some, rng = cells[::20], np.random.default_rng(1)
    order = np.tile(np.arange(7), (len(some), 1))
    order[:, 1:6] = rng.permuted(order[:, 1:6], axis=1)
    rows = np.arange(len(some))[:, None]
    adj = some.adj[rows[:, :, None], order[:, :, None], order[:, None, :]]
    forward = (np.tril(adj) == 0).all(axis=(1, 2)) & (order != np.arange(7)).any(axis=1)
    shuffled = Archs(some.space, some.ops[rows, order], adj)[forward]
    assert len(shuffled) > 100
    assert np.array_equal(space.canonical_key(shuffled), space.canonical_key(some)[forward])


def test_renas_table_5(cells):
    """ReNAS, Table 5: cells by the length of the shortest path from input to output and by conv3x3."""
    distance = np.zeros(len(cells), dtype=int)
    reached = np.zeros((len(cells), 7), dtype=bool)
    reached[:, 0] = True
    for step in range(1, 7):
        reached = (reached[:, :, None] & (cells.adj == 1)).any(axis=1)
        distance[reached[:, 6] & (distance == 0)] = step
    with_conv = (cells.ops == CONV3X3).any(axis=1)
    assert np.bincount(distance[with_conv])[1:].tolist() == [68552, 153056, 110863, 27227, 2516, 211]
    assert np.bincount(distance[~with_conv])[1:].tolist() == [12468, 26282, 17735, 4282, 400, 32]


# --- validity and layout


def test_validate_refuses_each_fault():
    good = cell([CONV3X3, MAXPOOL3X3], [(0, 1), (1, 2), (2, 6), (0, 6)])
    ten_edges = cell([CONV3X3] * 5, [(0, i) for i in range(1, 6)] + [(i, 6) for i in range(1, 6)])
    bad = [
        cell(),  # no edge
        cell([CONV3X3, MAXPOOL3X3], [(0, 1), (1, 6)]),  # vertex 2 on no path
        cell([CONV3X3, MAXPOOL3X3], [(0, 1), (1, 2), (1, 6)]),  # vertex 2 leads nowhere
        cell([CONV3X3, MAXPOOL3X3], [(0, 1), (1, 6), (2, 6)]),  # vertex 2 comes from nowhere
        cell([NONE, CONV3X3], [(0, 2), (2, 6)]),  # a gap
        cell([CONV3X3, OUTPUT], [(0, 1), (1, 2), (2, 6)]),  # a second output
        cell([CONV3X3, INPUT], [(0, 1), (1, 2), (2, 6)]),  # a second input
        cell([CONV3X3, 9], [(0, 1), (1, 2), (2, 6)]),  # no such operation
        cell([CONV3X3, CONV3X3], [(0, 1), (1, 2), (2, 6), (2, 1)]),  # a backward edge
        cell([CONV3X3], [(0, 1), (1, 6), (1, 4)]),  # an edge to an unused slot
        ten_edges,
    ]
    assert space.validate(Archs.concatenate([good, *bad])).tolist() == [True] + [False] * len(bad)
    headless = Archs("nasbench101", np.where(good.ops == INPUT, CONV3X3, good.ops).astype(np.uint8), good.adj)
    assert not space.validate(headless).any()


def test_prune_closes_gaps_and_keeps_order():
    loose = cell([CONV1X1, CONV3X3, MAXPOOL3X3, CONV1X1], [(0, 1), (0, 2), (2, 4), (4, 6), (3, 4), (0, 6)])
    pruned = space.prune(loose)  # slot 1 leads nowhere, slot 3 comes from nowhere
    expected = cell([CONV3X3, CONV1X1], [(0, 1), (1, 2), (2, 6), (0, 6)])
    assert np.array_equal(pruned.ops, expected.ops) and np.array_equal(pruned.adj, expected.adj)
    apart = space.prune(cell([CONV3X3, CONV3X3], [(0, 1), (2, 6)]))
    assert apart.adj.sum() == 0 and not space.validate(apart).any()


def test_on_path_agrees_with_plain_search():
    rng = np.random.default_rng(5)
    adj = np.triu(rng.random((500, 7, 7)) < 0.3, 1).astype(np.uint8)
    ops = np.where(rng.random((500, 7)) < 0.2, NONE, CONV3X3).astype(np.uint8)
    ops[:, 0], ops[:, 6] = INPUT, OUTPUT

    def reached(start, edges):
        found = {start}
        while more := {v for u, v in edges if u in found} - found:
            found |= more
        return found

    expected = np.zeros((500, 7), dtype=bool)
    for row in range(500):
        edges = [(u, v) for u, v in np.argwhere(adj[row]).tolist() if ops[row, u] and ops[row, v]]
        both = reached(0, edges) & reached(6, [(v, u) for u, v in edges])
        expected[row, list(both)] = True
    assert 0.1 < expected.mean() < 0.9
    assert np.array_equal(space.on_path(Archs("nasbench101", ops, adj)), expected)


def test_prune_leaves_valid_cells_alone(some):
    pruned = space.prune(some)
    assert np.array_equal(pruned.ops, some.ops) and np.array_equal(pruned.adj, some.adj)


# --- official names


def plain_hash(ops, adj) -> str:
    """NAS-Bench-101's module hash, written as its definition reads."""
    used = [i for i in range(7) if ops[i] != NONE]
    matrix = adj[np.ix_(used, used)]
    label = {INPUT: -1, CONV3X3: 0, CONV1X1: 1, MAXPOOL3X3: 2, OUTPUT: -2}

    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()

    v = len(used)
    n_out, n_in = matrix.sum(axis=1).tolist(), matrix.sum(axis=0).tolist()
    hashes = [md5(str((n_out[i], n_in[i], label[int(ops[used[i]])]))) for i in range(v)]
    for _ in range(v):
        hashes = [
            md5(
                "".join(sorted(hashes[j] for j in range(v) if matrix[j, i]))
                + "|"
                + "".join(sorted(hashes[j] for j in range(v) if matrix[i, j]))
                + "|"
                + hashes[i]
            )
            for i in range(v)
        ]
    return md5(str(sorted(hashes)))


def test_cell_ids_follow_the_definition(cells, some):
    mixed = Archs.concatenate([cells[:300], some[:300]])
    expected = [plain_hash(ops, adj) for ops, adj in zip(mixed.ops, mixed.adj, strict=True)]
    assert space.cell_ids(mixed) == expected
    assert space.cell_ids(mixed[:0]) == []


def test_official_strings_both_ways(some, cells):
    mixed = Archs.concatenate([some, cells[:100]])
    again = space.from_official(*space.to_official(mixed))
    assert np.array_equal(again.ops, mixed.ops) and np.array_equal(again.adj, mixed.adj)
    assert space.to_official(cells[:1]) == (["0100"], ["input,output"])


@pytest.mark.parametrize(
    ("adjacency", "operations"),
    [
        ("010001000", "input,conv5x5,output"),
        ("01000100", "input,maxpool3x3,output"),
        ("010201000", "input,maxpool3x3,output"),
        ("0" * 64, ",".join(["input", *["maxpool3x3"] * 6, "output"])),
        ("", ""),
    ],
)
def test_a_bad_record_is_named(adjacency, operations):
    with pytest.raises(DataError, match="record 1:"):
        space.from_official(["0100", adjacency], ["input,output", operations])


@pytest.mark.real_data
def test_official_hashes_and_parameters(table, cells):
    frame, bits, names = table
    archs = space.from_official(bits, names)
    assert len(archs) == 30_001 and space.validate(archs).all()
    assert space.to_official(archs) == (bits, names)
    assert space.cell_ids(archs) == frame.hash.tolist()
    assert np.array_equal(space.params(archs), frame.trainable_parameters)
    keys = space.canonical_key(archs)
    rows = np.searchsorted(space.canonical_key(cells), keys)
    assert np.array_equal(space.canonical_key(cells[rows]), keys) and len(np.unique(rows)) == 30_001
    assert space.cell_ids(cells[rows[:1000]]) == frame.hash[:1000].tolist()


# --- random cells


def test_sample(some):
    assert len(np.unique(space.canonical_key(some))) == len(some)
    again = space.sample(2000, np.random.default_rng(0))
    assert np.array_equal(again.ops, some.ops) and np.array_equal(again.adj, some.adj)
    assert np.bincount(space.vertices(some.ops))[7] / len(some) == pytest.approx(359082 / 423624, abs=0.03)
    with pytest.raises(ConfigError, match="423624"):
        space.sample(space.SIZE + 1, np.random.default_rng(0))


def test_mutants_are_valid_and_different(some):
    mutants = space.mutate(some, np.random.default_rng(2))
    assert space.validate(mutants).all()
    assert (space.canonical_key(mutants) != space.canonical_key(some)).all()
    again = space.mutate(some, np.random.default_rng(2))
    assert np.array_equal(again.ops, mutants.ops) and np.array_equal(again.adj, mutants.adj)
    with pytest.raises(ValueError, match="not valid"):
        space.mutate(cell(), np.random.default_rng(0))


def test_mutants_of_a_small_cell_are_all_its_neighbours(cells):
    skip = cell([], [(0, 6)])
    tries = space.mutate(skip[np.zeros(200, dtype=int)], np.random.default_rng(3))
    grown = [cell([op], [(0, 1), (1, 6), (0, 6)]) for op in space.INTERIOR_OPS]
    assert set(space.canonical_key(tries)) == set(space.canonical_key(Archs.concatenate(grown)))

    parent = cell([CONV3X3], [(0, 1), (1, 6), (0, 6)])
    tries = space.mutate(parent[np.zeros(2000, dtype=int)], np.random.default_rng(3))
    neighbours = [skip, cell([CONV3X3], [(0, 1), (1, 6)])]
    neighbours += [cell([op], [(0, 1), (1, 6), (0, 6)]) for op in (CONV1X1, MAXPOOL3X3)]
    for op in space.INTERIOR_OPS:
        neighbours += [
            cell([op, CONV3X3], [(0, 1), (1, 2), (0, 2), (2, 6), (0, 6)]),
            cell([CONV3X3, op], [(0, 1), (1, 2), (2, 6), (1, 6), (0, 6)]),
            cell([CONV3X3, op], [(0, 1), (0, 2), (1, 6), (2, 6), (0, 6)]),
        ]
    assert set(space.canonical_key(tries)) == set(space.canonical_key(Archs.concatenate(neighbours)))


def test_children_of_crossover(some):
    a, b = some[:1000], some[1000:]
    children = space.crossover(a, b, np.random.default_rng(4))
    assert space.validate(children).all()
    assert space.validate(a).all()  # the parents are untouched
    keys, key_a, key_b = map(space.canonical_key, (children, a, b))
    assert ((keys != key_a) & (keys != key_b)).mean() > 0.9
    inherited = [
        set(c) <= {NONE} | set(x) | set(y) for c, x, y in zip(children.ops, a.ops, b.ops, strict=True)
    ]
    assert all(inherited)
    common = a.adj & b.adj
    both_full = (space.vertices(children.ops) == 7) & (keys != key_a) & (keys != key_b)
    assert (children.adj[both_full] >= common[both_full]).all()  # nothing pruned: shared edges stay
    assert (children.adj[both_full] <= (a.adj | b.adj)[both_full]).all()
    same = space.crossover(a, a, np.random.default_rng(4))
    assert np.array_equal(same.ops, a.ops) and np.array_equal(same.adj, a.adj)
    with pytest.raises(ValueError, match="parents"):
        space.crossover(a, b[:3], np.random.default_rng(4))
