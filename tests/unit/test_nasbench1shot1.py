"""The NAS-Bench-1Shot1 subspaces against published counts and plain re-implementations."""

from __future__ import annotations

from itertools import combinations, permutations, product

import numpy as np
import pytest

from pipeline import spaces
from pipeline.errors import ConfigError, DataError
from pipeline.spaces import Archs, nasbench1shot1_1, nasbench1shot1_2, nasbench1shot1_3, nasbench101
from pipeline.spaces.nasbench101 import CONV1X1, CONV3X3, INTERIOR_OPS, MAXPOOL3X3
from pipeline.staleness.fingerprint import closure
from tests.unit.nasbench101_cells import cell

SUBSPACES = [nasbench1shot1_1, nasbench1shot1_2, nasbench1shot1_3]
each = pytest.mark.parametrize("space", SUBSPACES, ids=lambda space: space.NAME)


def plain_cells(parents) -> set:
    """Every cell of a subspace, unlabelled by operation: the smallest relabelling of each pruned graph."""
    found = set()
    for chosen in product(*[list(combinations(range(v), n)) for v, n in enumerate(parents, 1)]):
        live, end = {len(parents)}, len(parents)
        for v in range(end, 0, -1):
            live |= set(chosen[v - 1]) if v in live else set()
        inner = sorted(live - {0, end})
        edges = [(u, v) for v in live - {0} for u in chosen[v - 1]]
        names = {0: 0, end: len(inner) + 1}
        found.add(
            min(
                tuple(sorted((place[u], place[v]) for u, v in edges))
                for order in permutations(range(1, len(inner) + 1))
                for place in [names | dict(zip(inner, order, strict=True))]
            )
        )
    return found


# --- counts


def test_published_sizes():
    """Zela et al. 2020: 6,240 / 29,160 / 363,648 with loose ends; their program lists as without:
    2,487 / 3,609 / 24,066."""
    one, two, three = (space.sizes() for space in SUBSPACES)
    assert (one["labelled"], two["raw"], three["labelled"]) == (6240, 29_160, 363_648)
    assert (one["raw"], two["labelled"], three["raw"]) == (14_580, 16_632, 1_312_200)
    assert (one["chains"], two["chains"], three["chains"]) == (2487, 3609, 24_066)


@each
def test_every_cell_once(space):
    cells = space.enumerate_cells()
    assert len(cells) == space.SIZE and cells.space == "nasbench101"
    assert nasbench101.validate(cells).all() and space.validate(cells).all()
    keys = space.canonical_key(cells)
    assert (keys[1:] > keys[:-1]).all()
    with pytest.raises(ValueError, match="read-only"):
        cells.ops[0, 1] = MAXPOOL3X3


@each
def test_graphs_agree_with_plain_search(space):
    cells = space.enumerate_cells()
    plain = (np.isin(cells.ops[:, 1:-1], (0, CONV3X3))).all(axis=1)  # one labelling of each graph
    ours = set()
    for ops, adj in zip(cells.ops[plain], cells.adj[plain], strict=True):
        v = np.count_nonzero(ops)
        place = {**{i: i for i in range(v - 1)}, 6: v - 1}
        edges = [(place[i], place[j]) for i, j in np.argwhere(adj).tolist()]
        ours.add(
            min(
                tuple(sorted((names[i], names[j]) for i, j in edges))
                for order in permutations(range(1, v - 1))
                for names in [(0, *order, v - 1)]
            )
        )
    assert ours == plain_cells(space.PARENTS) and len(ours) == plain.sum()


@each
def test_pruned_raw_architectures_are_the_cells(space):
    raw = space.enumerate_raw()
    assert len(raw) == space.n_raw()
    slots = [*range(1, len(space.PARENTS)), 6]
    assert (raw.adj.sum(axis=1)[:, slots] == space.PARENTS).all() and raw.adj.sum(axis=1).max() <= 3
    some = raw[:: max(1, len(raw) // 20_000)]
    assert space.validate(space.prune(some)).all()
    if len(raw) < 30_000:
        assert len(np.unique(space.canonical_key(space.prune(raw)))) == space.SIZE


def test_pool_of_gates():
    """GATES++ (experiments): "NAS-Bench-1shot-3 has about 14k architectures", 7,290 of them for training."""
    pool = nasbench1shot1_3.chain_cells()
    assert len(pool) == 2 * 7290
    assert len(np.unique(nasbench101.canonical_key(pool))) == len(pool)
    assert nasbench1shot1_3.validate(pool).all() and (nasbench101.vertices(pool.ops) == 7).all()
    assert pool.adj[:, range(6), range(1, 7)].all()  # vertex i feeds vertex i + 1


# --- membership


def test_validate_looks_at_the_subspace():
    inside = cell([CONV3X3, CONV1X1], [(0, 1), (0, 2), (1, 2), (1, 6), (2, 6)])  # parents 1, 2; output 2
    chain = cell([CONV3X3, CONV1X1], [(0, 1), (1, 2), (2, 6), (0, 6)])  # parents 1, 1; output 2
    three = cell([CONV3X3, CONV1X1], [(0, 1), (1, 2), (0, 6), (1, 6), (2, 6)])  # parents 1, 1; output 3
    skip = cell([], [(0, 6)])
    assert [bool(space.validate(inside)[0]) for space in SUBSPACES] == [True, False, True]
    assert [bool(space.validate(chain)[0]) for space in SUBSPACES] == [False, False, True]
    assert [bool(space.validate(three)[0]) for space in SUBSPACES] == [False, True, False]
    assert not any(space.validate(skip)[0] for space in SUBSPACES)
    loose = Archs(inside.space, inside.ops, inside.adj * 0)
    strange = Archs(inside.space, inside.ops + np.uint8(9), inside.adj)
    both = Archs.concatenate([inside, loose, strange])
    assert nasbench1shot1_1.validate(both).tolist() == [True, False, False]


def test_validate_does_not_depend_on_the_order_of_vertices():
    a = cell([CONV3X3, CONV1X1, MAXPOOL3X3], [(0, 1), (0, 2), (1, 3), (2, 3), (0, 6), (3, 6)])
    b = cell([CONV1X1, CONV3X3, MAXPOOL3X3], [(0, 1), (0, 2), (1, 3), (2, 3), (0, 6), (3, 6)])
    assert nasbench101.canonical_key(a) == nasbench101.canonical_key(b)
    for space in SUBSPACES:
        assert space.validate(a) == space.validate(b)
    assert nasbench1shot1_3.validate(a)


@each
def test_other_cells_are_outside(space):
    others = nasbench101.sample(20_000, np.random.default_rng(0))
    share = space.validate(others).mean()
    assert share == pytest.approx(space.SIZE / nasbench101.SIZE, rel=0.3)


# --- genotypes


@each
def test_genotypes_both_ways(space):
    cells = space.sample(min(2000, space.SIZE), np.random.default_rng(1))
    adjacency, ops = space.to_genotype(cells)
    slots = [*range(1, len(space.PARENTS)), 6]
    assert (adjacency.sum(axis=1)[:, slots] == space.PARENTS).all()
    assert all(len(names) == 7 and names[0] == "input" and names[6] == "output" for names in ops)
    if len(space.PARENTS) == 5:
        assert not adjacency[:, 5].any() and {names[5] for names in ops} == {"conv1x1-bn-relu"}
    keys = space.canonical_key(cells)
    assert np.array_equal(space.canonical_key(space.from_genotype(adjacency, ops)), keys)
    inner = [names[1 : len(space.PARENTS)] for names in ops]
    assert np.array_equal(space.canonical_key(space.from_genotype(adjacency, inner)), keys)
    with pytest.raises(ValueError, match=space.NAME):
        space.to_genotype(cell([], [(0, 6)]))


def test_loose_ends_may_have_lost_their_edges():
    adjacency = np.zeros((1, 7, 7), dtype=int)
    adjacency[0, [0, 0, 1], [1, 6, 6]] = 1
    archs = nasbench1shot1_3.from_genotype(adjacency, [["maxpool3x3"] + ["conv1x1-bn-relu"] * 4])
    expected = cell([MAXPOOL3X3], [(0, 1), (0, 6), (1, 6)])
    assert np.array_equal(archs.ops, expected.ops) and np.array_equal(archs.adj, expected.adj)
    assert nasbench1shot1_3.validate(archs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({(1, 2): 1}, "genotype 1: adjacency"),  # a parent too many
        ({(0, 3): 0}, "genotype 1: adjacency"),  # one too few
        ({(5, 6): 1}, "genotype 1: adjacency"),  # the dummy leads to the output
        ({(0, 5): 1}, "genotype 1: adjacency"),  # the dummy has a parent
        ({(0, 3): 2}, "genotype 1: adjacency"),
        ({(0, 3): 0, (3, 3): 1}, "genotype 1: adjacency"),
    ],
)
def test_a_bad_genotype_is_named(change, message):
    good, ops = nasbench1shot1_2.to_genotype(nasbench1shot1_2.enumerate_cells()[-1:])
    good[0] = 0
    for u, v in [(0, 1), (0, 2), (0, 3), (1, 3), (0, 4), (2, 4), (1, 6), (3, 6), (4, 6)]:
        good[0, u, v] = 1
    assert nasbench1shot1_2.validate(nasbench1shot1_2.from_genotype(good, ops)).all()
    bad = good.copy()
    for place, value in change.items():
        bad[0][place] = value
    with pytest.raises(DataError, match=message):
        nasbench1shot1_2.from_genotype(np.concatenate([good, bad]), ops * 2)


@pytest.mark.parametrize("names", [["conv3x3"] * 4, ["maxpool3x3"] * 3, ["output"] * 7, ["input"] * 4])
def test_bad_operations_are_named(names):
    adjacency, ops = nasbench1shot1_1.to_genotype(nasbench1shot1_1.enumerate_cells()[:1])
    with pytest.raises(DataError, match="genotype 1: operations"):
        nasbench1shot1_1.from_genotype(np.repeat(adjacency, 2, axis=0), [*ops, names])
    with pytest.raises(DataError, match=r"expected \(N, 7, 7\)"):
        nasbench1shot1_1.from_genotype(adjacency, [])


# --- random cells


@each
def test_sample(space):
    some = space.sample(1000, np.random.default_rng(0))
    assert len(np.unique(space.canonical_key(some))) == 1000 and space.validate(some).all()
    with pytest.raises(ConfigError, match=f"{space.NAME}.*{space.SIZE}"):
        space.sample(space.SIZE + 1, np.random.default_rng(0))


@each
def test_mutants_stay_inside(space):
    some = space.sample(2000, np.random.default_rng(0))
    mutants = space.mutate(some, np.random.default_rng(2))
    assert space.validate(mutants).all()
    assert (space.canonical_key(mutants) != space.canonical_key(some)).all()
    again = space.mutate(some, np.random.default_rng(2))
    assert np.array_equal(again.ops, mutants.ops) and np.array_equal(again.adj, mutants.adj)
    assert len(space.mutate(some[:0], np.random.default_rng(0))) == 0
    with pytest.raises(ValueError, match=space.NAME):
        space.mutate(cell([], [(0, 6)]), np.random.default_rng(0))


def test_mutants_of_a_chain_are_all_its_neighbours():
    """A cell with one spelling only: its neighbours are 10 other operations and 21 other parents."""
    chain = nasbench1shot1_3.chain_cells()[:1]
    tries = nasbench1shot1_3.mutate(chain[np.zeros(4000, dtype=int)], np.random.default_rng(3))
    neighbours = []
    for slot, op in product(range(1, 6), INTERIOR_OPS):
        changed = chain.ops.copy()
        changed[0, slot] = op
        neighbours.append(Archs(chain.space, changed, chain.adj))
    for slot in range(2, 7):
        for old, new in product(range(slot), repeat=2):
            if chain.adj[0, old, slot] and not chain.adj[0, new, slot]:
                changed = chain.adj.copy()
                changed[0, old, slot], changed[0, new, slot] = 0, 1
                neighbours.append(nasbench1shot1_3.prune(Archs(chain.space, chain.ops, changed)))
    expected = set(nasbench101.canonical_key(Archs.concatenate(neighbours)))
    expected -= set(nasbench101.canonical_key(chain))
    assert set(nasbench101.canonical_key(tries)) == expected


def test_mutation_reaches_the_whole_subspace():
    space = nasbench1shot1_1
    found, rng = space.canonical_key(space.enumerate_cells()[:1]), np.random.default_rng(4)
    for _ in range(20):
        parents = space.from_key(np.repeat(found, 20))
        found = np.union1d(found, space.canonical_key(space.mutate(parents, rng)))
    assert len(found) == space.SIZE


@each
def test_children_of_crossover(space):
    some = space.sample(2000, np.random.default_rng(0))
    a, b = some[:1000], some[1000:]
    children = space.crossover(a, b, np.random.default_rng(5))
    assert space.validate(children).all()
    keys, key_a, key_b = map(space.canonical_key, (children, a, b))
    assert ((keys != key_a) & (keys != key_b)).mean() > 0.8
    same = space.crossover(a, a, np.random.default_rng(5))
    assert np.array_equal(space.canonical_key(same), key_a)
    with pytest.raises(ValueError, match="1000 and 3 parents"):
        space.crossover(a, b[:3], np.random.default_rng(5))


# --- as a space among others


@each
def test_whole_interface(space):
    assert spaces.load(space.NAME) is space and spaces.base(space.NAME) == "nasbench101"
    own = {"enumerate_raw", "n_raw", "sizes", "chain_cells", "from_genotype", "to_genotype", "PARENTS"}
    assert all(hasattr(space, name) for name in {*nasbench101.__all__, *own})
    assert space.validate.__self__.parents == space.PARENTS  # the subspace's own, not NAS-Bench-101's
    assert space.cell_key is nasbench101.cell_key and space.OPERATIONS_ON == "nodes"
    own, variation = f"pipeline.spaces.{space.NAME}", "pipeline.spaces.nasbench101.variation"
    assert closure(spaces.code(space.NAME, "keys")) == closure(["pipeline.spaces.nasbench101.keys"])
    assert own in closure(spaces.code(space.NAME, "layout"))  # which cells there are is its own
    assert variation not in closure(spaces.code(space.NAME, "enumeration", "keys", "layout"))
    assert {own, variation} <= closure(spaces.whole(space.NAME)).keys()
