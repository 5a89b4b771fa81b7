"""The DARTS space: validity, keys, names, and changing architectures."""

from __future__ import annotations

import time
from fractions import Fraction
from itertools import combinations, permutations, product

import numpy as np
import pytest

from pipeline.errors import ConfigError
from pipeline.spaces import darts, load
from pipeline.spaces.archs import Archs
from tests.unit.darts_cells import form, from_cells, renamed, to_cells


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def few_operations(n: int) -> Archs:
    """Architectures with only two operations, so that symmetric cells and isomorphic pairs are frequent."""
    archs = darts.sample(n, rng(5))
    return Archs("darts", np.where(archs.ops == 0, 0, 1 + archs.ops % 2).astype(np.uint8))


def test_the_catalogue_knows_the_space():
    space = load("darts")
    assert space.SIZE == (49 * 147 * 294 * 490) ** 2 == darts.CELL_SPELLINGS**2
    assert (
        *((0, 2), (1, 2)),
        *((0, 3), (1, 3), (2, 3)),
        *((0, 4), (1, 4), (2, 4), (3, 4)),
        *((0, 5), (1, 5), (2, 5), (3, 5), (4, 5)),
    ) == space.EDGES
    assert (space.N_CELLS, space.N_NODES, space.INPUT_NODES, space.OPERATIONS_ON) == (2, 6, (0, 1), "edges")
    assert space.OP_NAMES[space.NONE] == "none" and len(space.OP_NAMES) == space.N_OPS == 8
    with pytest.raises(ConfigError, match="too many to be enumerated"):
        space.enumerate_cells()


def test_validate_sees_every_broken_rule():
    good = darts.sample(1, rng())
    assert darts.validate(good).tolist() == [True]
    for node in (2, 3, 4, 5):
        of_node = [e for e, (_, target) in enumerate(darts.EDGES) if target == node]
        for kind in (0, 1):
            there = [e for e in of_node if good.ops[0, kind, e]]
            ops = good.ops.copy()
            ops[0, kind, there[0]] = 0
            assert not darts.validate(Archs("darts", ops)).any(), "a node with one edge"
            ops = good.ops.copy()
            ops[0, kind, there[0]] = 8
            assert not darts.validate(Archs("darts", ops)).any(), "an unknown operation"
            if node > 2:
                ops = good.ops.copy()
                ops[0, kind, of_node] = [1, 1, 1] + [0] * (len(of_node) - 3)
                assert not darts.validate(Archs("darts", ops)).any(), "a node with three edges"
    assert not darts.validate(Archs("darts", good.ops[:, :1])).any()
    ops = good.ops.copy()
    ops[0, 1, 0] ^= ops[0, 1, 0] or 1
    with pytest.raises(ValueError, match="not valid"):
        darts.canonical_key(Archs("darts", ops))


def test_keys_are_equal_exactly_for_isomorphic_architectures():
    archs = few_operations(400)
    # with one operation besides, isomorphic pairs that nobody made on purpose are there as well
    archs = Archs.concatenate([archs, Archs("darts", (archs.ops > 0).astype(np.uint8))])
    keys = darts.canonical_key(archs).tolist()
    forms = [(form(normal), form(reduction)) for normal, reduction in to_cells(archs)]
    assert len(set(keys)) == len(set(forms)) < len(archs)
    assert len(set(zip(keys, forms, strict=True))) == len(set(keys))
    assert np.array_equal(darts.cell_key(archs), np.array(keys, dtype=np.uint64))


def test_every_renaming_has_the_same_key_and_swapping_inputs_or_cells_has_another():
    archs = darts.sample(60, rng(1))
    keys = darts.canonical_key(archs)
    for (normal, reduction), key in zip(to_cells(archs), keys, strict=True):
        pairs = [(n, reduction) for n in renamed(normal)] + [(normal, r) for r in renamed(reduction)]
        assert (darts.canonical_key(from_cells(*pairs)) == key).all()
    cells = to_cells(archs)
    swapped = from_cells(*[(reduction, normal) for normal, reduction in cells])
    assert (darts.canonical_key(swapped) != keys).all()
    other = {0: 1, 1: 0}
    mirrored = [
        ({v: {other.get(s, s): op for s, op in sources.items()} for v, sources in normal.items()}, reduction)
        for normal, reduction in cells
    ]
    mirrored_forms = [form(normal) for normal, _ in mirrored]
    same = [mirror == form(normal) for mirror, (normal, _) in zip(mirrored_forms, cells, strict=True)]
    assert ((darts.canonical_key(from_cells(*mirrored)) == keys) == same).all() and not all(same)


def test_from_key_reads_every_key_back():
    archs = few_operations(500)
    keys = darts.canonical_key(archs)
    back = darts.from_key(keys)
    assert darts.validate(back).all()
    assert np.array_equal(darts.canonical_key(back), keys)
    for (normal, reduction), (n, r) in zip(to_cells(archs[:100]), to_cells(back[:100]), strict=True):
        assert (form(normal), form(reduction)) == (form(n), form(r))
    ends = darts.from_key(np.array([0, darts.SIZE - 1], dtype=np.uint64))
    assert darts.validate(ends).all()
    assert darts.canonical_key(ends)[0] == 0
    with pytest.raises(ValueError, match="no architecture's key"):
        darts.from_key(np.array([darts.SIZE], dtype=np.uint64))


def wirings():
    return product(*[list(combinations(range(v), 2)) for v in (2, 3, 4, 5)])


def test_the_number_of_classes_is_burnsides():
    def classes(operations: int) -> Fraction:
        """Each class has (orders that keep edges forward) / (automorphisms) spellings."""
        total = Fraction(0)
        for wiring in wirings():
            edges = {(s, v) for v, pair in zip((2, 3, 4, 5), wiring, strict=True) for s in pair}
            forward = fixed = 0
            for order in permutations((2, 3, 4, 5)):
                name = (0, 1, *order)
                image = {(s, v): (name[s], name[v]) for s, v in edges}
                forward += all(s < v for s, v in image.values())
                if set(image.values()) == edges:
                    fixed += operations ** cycles(image)
            total += Fraction(fixed, forward)
        return total

    def cycles(image: dict) -> int:
        left, count = set(image), 0
        while left:
            count, edge = count + 1, next(iter(left))
            while edge in left:
                left.remove(edge)
                edge = image[edge]
        return count

    assert classes(7) == darts.CELL_CLASSES == 382_128_166
    # the same sum with one operation, against the keys of all 180 wirings
    cells = [{v: dict.fromkeys(pair, 1) for v, pair in zip((2, 3, 4, 5), w, strict=True)} for w in wirings()]
    keys = darts.canonical_key(from_cells(*[(cell, cells[0]) for cell in cells]))
    assert classes(1) == len(np.unique(keys)) == len({form(cell) for cell in cells})
    # with two, against all 180 * 2**8 spellings
    bits = 1 + (np.arange(256)[:, None] >> np.arange(8) & 1).astype(np.uint8)
    ops = np.repeat(from_cells(*[(cell, cells[0]) for cell in cells]).ops, 256, axis=0)
    ops[:, 0][ops[:, 0] > 0] = np.tile(bits, (len(cells), 1)).ravel()
    assert classes(2) == len(np.unique(darts.canonical_key(Archs("darts", ops))))


def test_cell_ids_are_32_digits_in_the_documented_order():
    normal = {2: {0: 1, 1: 2}, 3: {0: 3, 2: 4}, 4: {1: 5, 3: 6}, 5: {2: 7, 4: 1}}
    reduction = {2: {0: 7, 1: 7}, 3: {0: 1, 1: 1}, 4: {0: 2, 1: 2}, 5: {0: 3, 1: 3}}
    archs = from_cells((normal, reduction))
    assert darts.cell_ids(archs) == ["0011022314352640" + "0616001001110212"]
    ids = darts.cell_ids(darts.sample(300, rng()))
    assert len(set(ids)) == 300 and {len(text) for text in ids} == {32}
    assert darts.cell_ids(archs[:0]) == []


def test_short_names_are_equal_exactly_for_isomorphic_architectures():
    archs = darts.sample(20, rng(2))
    names = [darts.short(text) for text in darts.cell_ids(archs)]
    assert len(set(names)) == 20 and {len(name) for name in names} == {12}
    assert [int(name, 36) for name in names] == darts.canonical_key(archs).tolist()


def test_samples_are_uniform_over_spellings_and_different():
    archs = darts.sample(40_000, rng(3))
    assert darts.validate(archs).all()
    assert len(np.unique(darts.canonical_key(archs))) == len(archs)
    for kind in (0, 1):
        for node, pairs in ((2, 1), (3, 3), (4, 6), (5, 10)):
            of_node = [e for e, (_, target) in enumerate(darts.EDGES) if target == node]
            there = archs.ops[:, kind, of_node] > 0
            _, counts = np.unique(there @ (1 << np.arange(node)), return_counts=True)
            assert len(counts) == pairs
            assert np.abs(counts * pairs / len(archs) - 1).max() < 6 * (pairs / len(archs)) ** 0.5
        operations = np.bincount(archs.ops[:, kind].ravel(), minlength=8)[1:]
        assert np.abs(operations / operations.mean() - 1).max() < 0.02
    # a spelling is its class' smallest with the chance classes / spellings, in each cell
    smallest = darts.cell_ids(darts.from_key(darts.canonical_key(archs)))
    share = np.mean([a == b for a, b in zip(smallest, darts.cell_ids(archs), strict=True)])
    assert share == pytest.approx((darts.CELL_CLASSES / darts.CELL_SPELLINGS) ** 2, abs=0.008)
    assert np.array_equal(darts.sample(50, rng(3)).ops, darts.sample(50, rng(3)).ops)
    assert len(darts.sample(0, rng())) == 0


def test_samples_draw_isomorphic_ones_again(monkeypatch):
    class Repeating:
        """Draws the same three numbers at first, then others."""

        draws = [[7, 7, 9], [9], [11]]

        def integers(self, high, size, dtype):
            assert high == darts.SIZE and size == len(self.draws[0])
            return np.array(self.draws.pop(0), dtype=dtype)

    assert darts.canonical_key(darts.sample(3, Repeating())).tolist() == [7, 9, 11]


def test_mutations_are_one_change_and_never_isomorphic():
    archs = Archs.concatenate([darts.sample(3000, rng(4)), few_operations(3000)])
    before = archs.ops.copy()
    new = darts.mutate(archs, rng(6))
    assert np.array_equal(archs.ops, before)
    assert darts.validate(new).all()
    assert (darts.canonical_key(new) != darts.canonical_key(archs)).all()
    changed = new.ops != archs.ops
    assert set(changed.any(axis=2).sum(axis=1)) == {1}, "one cell changes"
    edges = changed.sum(axis=(1, 2))
    assert set(edges) == {1, 2}
    assert 0.45 < (edges == 1).mean() < 0.55, "operation and source are equally likely"
    assert 0.45 < changed[:, 0].any(axis=1).mean() < 0.55, "so are the cells"
    for row, kind, edge in zip(*np.nonzero(changed & (edges == 2)[:, None, None]), strict=True):
        old, now = archs.ops[row, kind], new.ops[row, kind]
        moved = np.flatnonzero(changed[row, kind])
        assert len({darts.EDGES[e][1] for e in moved}) == 1, "an edge keeps its target"
        assert sorted(old[moved]) == sorted(now[moved]) and old[moved].min() == 0, "and its operation"
        assert darts.EDGES[edge][1] > 2


def test_mutation_reaches_every_neighbour():
    parent = darts.sample(1, rng(8))
    new = darts.mutate(Archs("darts", np.repeat(parent.ops, 4000, axis=0)), rng(9))
    # per cell 8 edges with 6 other operations, and 2 edges with 1, 2 and 3 other sources for nodes 3, 4, 5
    expected = 2 * (8 * 6 + 2 * (1 + 2 + 3))
    neighbours = set(darts.cell_ids(new))
    assert expected - 4 <= len(neighbours) <= expected  # a few may be isomorphic to the parent


def test_children_have_every_node_from_a_parent():
    a, b = darts.sample(2000, rng(10)), darts.sample(2000, rng(11))
    child = darts.crossover(a, b, rng(12))
    assert darts.validate(child).all()
    shares = []
    for node in (2, 3, 4, 5):
        of_node = [e for e, (_, target) in enumerate(darts.EDGES) if target == node]
        from_a = (child.ops[:, :, of_node] == a.ops[:, :, of_node]).all(axis=2)
        from_b = (child.ops[:, :, of_node] == b.ops[:, :, of_node]).all(axis=2)
        assert (from_a | from_b).all()
        shares.append((from_b & ~from_a).mean(axis=0))
    assert np.abs(np.array(shares) - 0.5).max() < 0.06
    assert np.array_equal(darts.crossover(a, a, rng()).ops, a.ops)
    with pytest.raises(ValueError, match="parents"):
        darts.crossover(a, b[:3], rng())


def test_a_hundred_thousand_take_less_than_a_second():
    archs = darts.sample(100_000, rng())  # also fills the tables
    others = archs[::-1]
    for work in (
        lambda: darts.canonical_key(archs),
        lambda: darts.sample(100_000, rng(1)),
        lambda: darts.mutate(archs, rng(1)),
        lambda: darts.crossover(archs, others, rng(1)),
    ):
        start = time.process_time()
        work()
        assert time.process_time() - start < 1
