"""NAS-Bench-201's cells: enumeration, official strings, views, costs, variation."""

from __future__ import annotations

import csv
import gzip
import time

import numpy as np
import pytest

from pipeline.errors import ConfigError, DataError
from pipeline.spaces import load
from pipeline.spaces.archs import Archs
from tests.unit.nasbench201_cells import cells

space = load("nasbench201")
RESNET = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"


def test_every_cell_once_in_the_order_of_its_key():
    every = space.enumerate_cells()
    assert len(every) == space.SIZE == 5**6
    assert len(np.unique(every.ops, axis=0)) == space.SIZE
    assert every.ops.shape == (space.SIZE, 6)
    assert every.adj is None
    assert space.validate(every).all()
    assert (space.cell_key(every) == np.arange(space.SIZE)).all()
    assert (space.from_key(space.cell_key(every)).ops == every.ops).all()
    assert every.ops[1].tolist() == [0, 0, 0, 0, 0, 1]
    assert not every.ops.flags.writeable
    assert space.cell_key(every).dtype == space.canonical_key(every).dtype == np.uint64


def test_keys_outside_the_space_are_refused():
    with pytest.raises(ValueError, match="15625 is no cell's key"):
        space.from_key(np.array([3, 15_625], dtype=np.uint64))
    assert len(space.from_key(np.array([], dtype=np.uint64))) == 0


def test_official_strings_both_ways():
    archs = space.from_official([RESNET])
    assert archs.ops.tolist() == [[3, 0, 3, 1, 0, 1]]
    assert space.to_official(archs) == space.cell_ids(archs) == [RESNET]
    assert space.short(RESNET) == "303101"
    every = space.enumerate_cells()
    strings = space.to_official(every)
    assert len(set(strings)) == space.SIZE
    assert (space.from_official(strings).ops == every.ops).all()
    assert len(space.from_official([])) == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        RESNET[:-1],
        RESNET + "\n",
        RESNET.replace("skip_connect", "identity"),
        RESNET.replace("~1", "~0"),
        "|none~0|+|none~0|none~1|",
        "|none~0|" + RESNET,
    ],
)
def test_a_bad_string_is_refused_with_its_row_and_what_was_expected(text):
    with pytest.raises(
        DataError, match=r"row 2: .*expected \|op~0\|\+\|op~0\|op~1\|.*nor_conv_1x1"
    ) as caught:
        space.from_official([RESNET, RESNET, text, RESNET])
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="expected"):
        space.short(text)


def test_columns_of_a_table():
    assert space.COLUMNS == ("arch_str",)
    assert space.from_columns({"arch_str": [RESNET] * 2}).ops.tolist() == [[3, 0, 3, 1, 0, 1]] * 2
    with pytest.raises(DataError, match="columns cell, acc; expected just arch_str"):
        space.from_columns({"cell": [RESNET], "acc": ["93.1"]})
    with pytest.raises(DataError, match="row 1: 'x' is no cell"):
        space.from_columns({"arch_str": [RESNET, "x"]})


@pytest.mark.real_data
def test_the_whole_real_table_is_read_and_written(data_dir):
    with gzip.open(data_dir / "nasbench201_15625.csv.gz", "rt") as file:
        strings = [row["arch_str"] for row in csv.DictReader(file)]
    archs = space.from_official(strings)
    assert space.to_official(archs) == strings
    assert len(np.unique(space.cell_key(archs))) == space.SIZE


def test_what_is_no_cell():
    assert space.validate(cells("444444", "000000", "005000")).tolist() == [True, True, False]
    wide = Archs("nasbench201", np.zeros((2, 7), dtype=np.uint8))
    graph = Archs("nasbench201", np.zeros((2, 6), dtype=np.uint8), np.zeros((2, 4, 4), dtype=np.uint8))
    assert not space.validate(wide).any()
    assert not space.validate(graph).any()


def test_edges_are_those_of_the_string():
    for edge, (source, target) in enumerate(space.EDGES):
        ops = np.zeros((1, 6), dtype=np.uint8)
        ops[0, edge] = space.NOR_CONV_3X3
        text = space.to_official(Archs("nasbench201", ops))[0]
        node = text.split("+")[target - 1]  # node 1 is the first group
        assert f"nor_conv_3x3~{source}|" in node
        assert text.count("nor_conv_3x3") == 1
    view = space.edge_view(space.enumerate_cells())
    assert view.shape == (space.SIZE, space.N_CELLS, len(space.EDGES))
    assert view.dtype == np.uint8


def test_edges_on_a_path():
    archs = cells("333333", "300000", "030001", "303101", "100034", "000103")
    expected = cells("333333", "000000", "030001", "303101", "100030", "000100")
    assert space.prune(archs).ops.tolist() == expected.ops.tolist()
    assert space.reaches_output(cells("000103", "300000")).tolist() == [
        [False, False, False, True, False, True],  # node 2 reaches the output, though nothing reaches it
        [False] * 6,
    ]


# params and flop (millions) as the benchmark lists them, smallest and largest cell, by data set
OFFICIAL_COSTS = {
    "cifar10": (10, 32, (0.073306, 1.531546), (7.78305, 220.11969)),
    "cifar100": (100, 32, (0.079156, 1.537396), (7.7889, 220.12554)),
    "ImageNet16-120": (120, 16, None, (1.9534, 55.03756)),
}


@pytest.mark.parametrize("name", OFFICIAL_COSTS)
def test_costs_of_the_benchmarks_extremes(name):
    classes, size, official_params, official_flop = OFFICIAL_COSTS[name]
    every = space.enumerate_cells()
    flops = space.flops(every, classes=classes, image_size=size)
    assert [flops.min() + classes, flops.max() + classes] == [round(f * 1e6) for f in official_flop]
    assert flops.argmin() == 0
    assert space.cell_ids(every[int(flops.argmax())])[0].count("nor_conv_3x3") == 6
    if official_params:
        params = space.params(every, classes=classes)
        assert [params.min(), params.max()] == [round(p * 1e6) for p in official_params]


def test_costs_by_edge_add_up():
    archs = space.sample(200, np.random.default_rng(0))
    shape = {"stem_channels": 12, "stacks": 4, "cells_per_stack": 2}
    empty = cells("000000")
    by_edge = space.op_params(archs, **shape)
    assert by_edge.shape == archs.ops.shape
    assert by_edge.dtype == np.int64
    assert (by_edge.sum(axis=1) + space.params(empty, **shape) == space.params(archs, **shape)).all()
    assert ((by_edge > 0) == np.isin(archs.ops, (space.NOR_CONV_1X1, space.NOR_CONV_3X3))).all()
    by_edge = space.op_flops(archs, **shape, image_size=20)
    rest = space.flops(empty, **shape, image_size=20)
    assert (by_edge.sum(axis=1) + rest == space.flops(archs, **shape, image_size=20)).all()


def test_samples_are_different_cells():
    archs = space.sample(5000, np.random.default_rng(1))
    assert len(np.unique(space.cell_key(archs))) == 5000
    assert len(np.unique(space.cell_key(space.sample(space.SIZE, np.random.default_rng(1))))) == space.SIZE
    with pytest.raises(ConfigError, match="15626 cells were asked for, but the space has 15625"):
        space.sample(space.SIZE + 1, np.random.default_rng(1))


def test_mutation_changes_one_edge_to_any_other_operation():
    parents = Archs("nasbench201", np.tile(cells("310420").ops, (48_000, 1)))
    children = space.mutate(parents, np.random.default_rng(2))
    assert space.validate(children).all()
    assert ((children.ops != parents.ops).sum(axis=1) == 1).all()
    neighbours, counts = np.unique(space.cell_key(children), return_counts=True)
    assert len(neighbours) == 24
    assert np.abs(counts - 2000).max() < 5 * 2000**0.5  # uniform
    with pytest.raises(ValueError, match="not valid"):
        space.mutate(cells("000005"), np.random.default_rng(2))


def test_children_of_two_cells_take_each_edge_from_either():
    rng = np.random.default_rng(3)
    a, b = space.sample(3000, rng), space.sample(3000, rng)
    children = space.crossover(a, b, rng)
    from_a, from_b = children.ops == a.ops, children.ops == b.ops
    assert (from_a | from_b).all()
    assert 0.45 < from_a[a.ops != b.ops].mean() < 0.55
    assert (space.crossover(a, a, rng).ops == a.ops).all()
    with pytest.raises(ValueError, match="2 and 1 parents"):
        space.crossover(a[:2], b[:1], rng)


def test_variation_is_fast():
    rng = np.random.default_rng(4)
    archs = space.from_key(rng.integers(space.SIZE, size=100_000))
    start = time.process_time()
    space.crossover(archs, space.mutate(archs, rng), rng)
    assert time.process_time() - start < 1
