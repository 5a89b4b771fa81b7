"""When two cells of NAS-Bench-201 are the same: canonical keys, unique strings, and what others count."""

from __future__ import annotations

import csv
import gzip
import time
from itertools import permutations

import numpy as np
import pytest

from pipeline.spaces import load
from pipeline.spaces.nasbench201 import keys
from tests.unit.nasbench201_cells import cells

space = load("nasbench201")
NONE, SKIP, CONV1, CONV3, POOL = range(5)


def same(a: str, b: str) -> bool:
    first, second = space.canonical_key(cells(a, b)).tolist()
    return first == second


def same_string(a: str, b: str) -> bool:
    first, second = space.unique_strings(cells(a, b))
    return first == second


# The second opinion: paths are counted with matrices, and every order of the operations is tried.


def multigraph(ops: list[int], merge_pools: bool) -> tuple[list[int], np.ndarray]:
    """(labels of the n operations that matter, (n + 2, n + 2): how often each takes each).

    Rows and columns: the input, the operations, the output.
    """
    skips = np.zeros((4, 4), dtype=int)
    for (i, j), op in zip(space.EDGES, ops, strict=True):
        skips[i, j] = op == SKIP
    paths = np.eye(4, dtype=int) + skips + skips @ skips + skips @ skips @ skips
    real = [(i, j, op) for (i, j), op in zip(space.EDGES, ops, strict=True) if op not in (NONE, SKIP)]
    starts, ends = [i for i, _, _ in real] + [3], [0] + [j for _, j, _ in real]
    counts = np.zeros((len(real) + 2, len(real) + 2), dtype=int)
    counts[:-1, 1:] = paths[np.ix_(ends, starts)]
    reach = np.linalg.matrix_power(counts + np.eye(len(counts), dtype=int), len(counts)) > 0
    kept = [v for v in range(1, len(real) + 1) if reach[0, v] and reach[v, -1]]
    labels = [real[v - 1][2] for v in kept]
    index = [0, *kept, len(real) + 1]
    counts = counts[np.ix_(index, index)]
    while merge_pools:
        pools = [v for v, label in enumerate(labels, 1) if label == POOL]
        twins = [(v, w) for v in pools for w in pools if v < w and (counts[:, v] == counts[:, w]).all()]
        if not twins:
            break
        v, w = twins[0]
        counts[v] += counts[w]
        counts = np.delete(np.delete(counts, w, axis=0), w, axis=1)
        del labels[w - 1]
    return labels, counts


def brute_force_form(ops: list[int], merge_pools: bool = False) -> bytes:
    labels, counts = multigraph(ops, merge_pools)
    n = len(labels)
    orders = np.array([[0, *order, n + 1] for order in permutations(range(1, n + 1))])
    spelled = counts[orders[:, :, None], orders[:, None, :]].reshape(len(orders), -1)
    named = np.array([0, *labels, 0])[orders]
    text = np.concatenate([named, spelled], axis=1).astype(np.uint8)
    width, data = text.shape[1], text.tobytes()
    return min(data[i : i + width] for i in range(0, len(data), width))


def partition(names: list) -> np.ndarray:
    """The number of each cell's class, in order of appearance."""
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return np.array([number[name] for name in names])


def test_keys_agree_with_brute_force_on_the_whole_space():
    every = space.enumerate_cells()
    ours = space.canonical_key(every)
    assert len(np.unique(ours)) == 5425
    forms = [brute_force_form(ops) for ops in every.ops.tolist()]
    assert (partition(forms) == partition(ours.tolist())).all()


def test_classes_if_equal_poolings_of_one_sum_are_one():
    """Documented in `reduction`; a pooling has no weights, so two of the same sum compute the same."""
    ops = space.enumerate_cells().ops.tolist()
    assert len({brute_force_form(row, merge_pools=True) for row in ops}) == 5260


def test_a_key_is_the_smallest_member_of_its_class():
    every = space.enumerate_cells()
    ours = space.canonical_key(every)
    assert (ours <= space.cell_key(every)).all()
    first = {}
    for key, canonical in enumerate(ours.tolist()):
        first.setdefault(canonical, key)
    assert all(canonical == key for canonical, key in first.items())
    assert (space.canonical_key(space.from_key(ours)) == ours).all()


def test_keys_of_the_whole_space_are_quick():
    keys._class_of.cache_clear()
    start = time.process_time()
    space.canonical_key(space.enumerate_cells())
    assert time.process_time() - start < 5


@pytest.mark.parametrize("ops", ["340123", "220143", "130432", "431000"])
def test_nodes_1_and_2_may_swap_if_no_edge_joins_them(ops):
    first, second, _, direct, third, fourth = ops
    assert same(f"{first}{second}0{direct}{third}{fourth}", f"{second}{first}0{direct}{fourth}{third}")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("000300", "100030"),  # a convolution of the input; of node 1, which is the input
        ("330100", "000100"),  # two convolutions that cannot reach the output
        ("000143", "000100"),  # two operations that receive nothing
        ("333000", "000000"),  # nothing comes out
        ("110011", "111001"),  # the input twice: through nodes 1 and 2, or both times through node 2
        ("130021", "310012"),  # the same sum in another order
    ],
)
def test_cells_with_isomorphic_reduced_graphs(a, b):
    assert same(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("000300", "000200"),  # another operation
        ("300030", "000300"),  # two convolutions in a row
        ("100110", "000100"),  # the input twice is not the input once
        ("300033", "303003"),  # two outputs of three convolutions, put together otherwise
        ("301011", "030301"),  # one convolution used twice; two convolutions
        ("030301", "000300"),
        ("000400", "040401"),  # two poolings of the input stay two
    ],
)
def test_cells_with_different_reduced_graphs(a, b):
    assert not same(a, b)


@pytest.mark.real_data
def test_unique_strings_are_the_benchmarks_in_every_row(data_dir):
    with gzip.open(data_dir / "nasbench201_15625.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    archs = space.from_official([row["arch_str"] for row in rows])
    assert len(rows) == space.SIZE
    assert space.unique_strings(archs) == [row["unique_str"] for row in rows]


def test_unique_strings():
    assert space.unique_strings(cells("404331", "301240", "030010", "000004")) == [
        "#+((0)@avg_pool_3x3)@avg_pool_3x3+((0)@avg_pool_3x3)@nor_conv_3x3+(0)@nor_conv_3x3",
        "#+((0)@nor_conv_3x3)@avg_pool_3x3+(0)@nor_conv_1x1",
        "#+#+#",
        "#+#+(#+#)@avg_pool_3x3",
    ]
    assert len(set(space.unique_strings(space.enumerate_cells()))) == 6466


def test_where_strings_and_keys_differ():
    assert same_string("301011", "030301")  # one convolution used twice and two convolutions,
    assert not same("301011", "030301")
    assert not same_string("000001", "000000")  # a skip of a node that receives nothing, and `none`,
    assert same("000001", "000000")
    assert not same_string("131211", "121311")  # a skip's terms in another order, ((c+0)+d+0 and c+(d+0)+0)
    assert same("131211", "121311")


def test_how_the_counts_relate():
    """As told in docs/decisions.md: 9,445 refines 5,425; 5,425 and 6,466 both refine 4,930."""
    every = space.enumerate_cells()
    pruned = partition(space.cell_key(space.prune(every)).tolist())
    canonical = partition(space.canonical_key(every).tolist())
    strings = partition(space.unique_strings(every))
    trees = partition([expression(ops) for ops in every.ops.tolist()])
    assert [classes(x) for x in (pruned, strings, canonical, trees)] == [9445, 6466, 5425, 4930]
    assert classes(pruned, canonical) == 9445
    assert classes(canonical, trees) == 5425
    assert classes(strings, trees) == 6466
    assert classes(canonical, strings) == 7122
    assert classes(pruned, strings) == 9785


def classes(*partitions: np.ndarray) -> int:
    """How many classes the partitions make together."""
    return len(np.unique(np.stack(partitions), axis=1).T)


def expression(ops: list[int]) -> tuple:
    """The output as a tree of sums and operations, without what is missing: neither key nor string."""
    nodes: list[tuple] = [("input",), (), (), ()]
    for (source, target), op in zip(space.EDGES, ops, strict=True):
        if op == SKIP:
            nodes[target] += nodes[source]
        elif op != NONE and nodes[source]:
            nodes[target] += (f"{op}({'+'.join(sorted(nodes[source]))})",)
    return tuple(sorted(nodes[3]))
