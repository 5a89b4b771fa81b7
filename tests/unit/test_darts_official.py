"""Spellings of DARTS architectures, in both directions, and what is refused."""

from __future__ import annotations

import csv
import gzip
import re

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.spaces import darts
from tests.unit.darts_cells import from_cells

# the cells that Liu et al. 2019 found (second order, on CIFAR-10), as their repository prints them
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], "
    "normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), "
    "('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), "
    "('skip_connect', 2), ('max_pool_3x3', 1)], "
    "reduce_concat=[2, 3, 4, 5])"
)
NORMAL = {2: {0: 4, 1: 4}, 3: {0: 4, 1: 4}, 4: {0: 3, 1: 4}, 5: {0: 3, 2: 6}}
REDUCTION = {2: {0: 1, 1: 1}, 3: {1: 1, 2: 3}, 4: {0: 1, 2: 3}, 5: {1: 1, 2: 3}}
KEY = "NetworkSelectorDatasetInfo:darts:"


def some(n: int):
    return darts.sample(n, np.random.default_rng(0))


def test_a_genotype_from_the_literature():
    archs = darts.from_official([DARTS_V2])
    assert np.array_equal(archs.ops, from_cells((NORMAL, REDUCTION)).ops)
    (text,) = darts.to_official(archs)
    assert text == (
        "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
        "('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
        "('skip_connect', 0), ('sep_conv_3x3', 1), ('skip_connect', 0), ('dil_conv_3x3', 2)], "
        "normal_concat=range(2, 6), reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('max_pool_3x3', 1), "
        "('skip_connect', 2), ('max_pool_3x3', 0), ('skip_connect', 2), ('max_pool_3x3', 1), "
        "('skip_connect', 2)], reduce_concat=range(2, 6))"
    )
    spaced = DARTS_V2.replace("'", '"').replace(", ", " ,\n ").replace("[2 ,\n 3 ,\n 4 ,\n 5]", "range(2, 6)")
    assert np.array_equal(darts.from_official([spaced]).ops, archs.ops)


@pytest.mark.parametrize(
    "write, read",
    [
        (darts.to_official, darts.from_official),
        (darts.to_compact, darts.from_compact),
        (darts.cell_ids, darts.from_cell_ids),
        (darts.to_configurations, darts.from_configurations),
        (darts.to_official, lambda texts: darts.from_columns({"genotype": texts})),
        (darts.to_compact, lambda texts: darts.from_columns({"compact_arch": texts})),
        (darts.cell_ids, lambda texts: darts.from_columns({"cell": texts})),
        (darts.canonical_key, darts.from_key),
    ],
)
def test_round_trips(write, read):
    archs = some(400)
    if write is darts.canonical_key:
        archs = darts.from_key(darts.canonical_key(archs))
    assert np.array_equal(read(write(archs)).ops, archs.ops)
    assert len(read(write(archs[:0]))) == 0


def test_compact_lists_are_naslibs():
    text = (
        "[[(0, 3), (1, 3), (0, 3), (1, 3), (1, 3), (0, 2), (0, 2), (2, 5)], "
        "[(0, 0), (1, 0), (2, 2), (1, 0), (0, 0), (2, 2), (2, 2), (1, 0)]]"
    )
    archs = darts.from_compact([text, text.replace("(", "[").replace(")", "]")])
    assert np.array_equal(archs.ops, from_cells((NORMAL, REDUCTION), (NORMAL, REDUCTION)).ops)
    assert darts.to_compact(archs)[0].startswith("[[(0, 3), (1, 3), (0, 3), (1, 3), (0, 2), (1, 3), ")


def test_configurations_are_nasbench301s():
    (configuration,) = darts.to_configurations(from_cells((NORMAL, REDUCTION)))
    assert configuration == {
        KEY + "edge_normal_0": "sep_conv_3x3",
        KEY + "edge_normal_1": "sep_conv_3x3",
        KEY + "inputs_node_normal_3": "0_1",
        KEY + "edge_normal_2": "sep_conv_3x3",
        KEY + "edge_normal_3": "sep_conv_3x3",
        KEY + "inputs_node_normal_4": "0_1",
        KEY + "edge_normal_5": "skip_connect",
        KEY + "edge_normal_6": "sep_conv_3x3",
        KEY + "inputs_node_normal_5": "0_2",
        KEY + "edge_normal_9": "skip_connect",
        KEY + "edge_normal_11": "dil_conv_3x3",
        KEY + "edge_reduce_0": "max_pool_3x3",
        KEY + "edge_reduce_1": "max_pool_3x3",
        KEY + "inputs_node_reduce_3": "1_2",
        KEY + "edge_reduce_3": "max_pool_3x3",
        KEY + "edge_reduce_4": "skip_connect",
        KEY + "inputs_node_reduce_4": "0_2",
        KEY + "edge_reduce_5": "max_pool_3x3",
        KEY + "edge_reduce_7": "skip_connect",
        KEY + "inputs_node_reduce_5": "1_2",
        KEY + "edge_reduce_10": "max_pool_3x3",
        KEY + "edge_reduce_11": "skip_connect",
    }
    more = {"OptimizerSelector:optimizer": "sgd", KEY + "layers": 8, KEY + "edge_normal_7": None}
    archs = darts.from_configurations([configuration | more])
    assert np.array_equal(archs.ops, from_cells((NORMAL, REDUCTION)).ops)


@pytest.mark.parametrize(
    "change, message",
    [
        ({KEY + "edge_normal_9": None}, "edge_normal_9 is None.* as node 5 takes node 0"),
        ({KEY + "edge_reduce_1": "none"}, "edge_reduce_1 is 'none'; expected one of max_pool_3x3, "),
        ({KEY + "edge_reduce_1": ["x"]}, r"edge_reduce_1 is \['x'\]"),
        (
            {KEY + "inputs_node_normal_4": "3_1"},
            "inputs_node_normal_4 is '3_1'; expected one of 0_1, 0_2, 0_3, 1_2",
        ),
        (
            {KEY + "inputs_node_normal_3": "0_3"},
            "inputs_node_normal_3 is '0_3'; expected one of 0_1, 0_2, 1_2$",
        ),
        ({KEY + "inputs_node_reduce_5": None}, "inputs_node_reduce_5 is None"),
    ],
)
def test_bad_configurations_are_refused(change, message):
    good, bad = darts.to_configurations(from_cells((NORMAL, REDUCTION), (NORMAL, REDUCTION)))
    with pytest.raises(DataError, match=message) as error:
        darts.from_configurations([good, bad | change])
    assert "DARTS configuration 1: " in str(error.value)


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("Genotype(", "__import__('os').system(", r"expected Genotype\(normal="),
        ("[2, 3, 4, 5], reduce", "[3, 4, 5], reduce", r"expected Genotype\(normal="),
        ("('sep_conv_3x3', 0), ", "", "expected 8 pairs .* in its normal cell"),
        (", ('max_pool_3x3', 1)]", ", ('max_pool_3x3', 1), 7]", "expected 8 pairs .* in its reduce cell"),
        ("('dil_conv_3x3', 2)]", "('dil_conv_3x3', 5)]", "normal cell, node 5 has an edge from node 5"),
        ("('dil_conv_3x3', 2)]", "('dil_conv_3x3', 0)]", "normal cell, node 5 has two edges from node 0"),
        ("('dil_conv_3x3', 2)]", "('none', 2)]", "normal cell, node 5: expected operations out of max_pool"),
        ("('dil_conv_3x3', 2)]", "('conv_7x7', 2)]", "normal cell, node 5: expected operations out of"),
        (")], reduce_concat", "0)], reduce_concat", "reduce cell, node 5 has an edge from node 10"),
        (")], reduce_concat", "99999999999999)], reduce_concat", "expected 8 pairs"),
        ("reduce_concat", "reduce_konkat", r"expected Genotype\(normal="),
    ],
)
def test_bad_genotypes_are_refused(old, new, message):
    assert old in DARTS_V2
    bad = new.join(DARTS_V2.rsplit(old, 1))
    with pytest.raises(DataError, match=message) as error:
        darts.from_columns({"genotype": [DARTS_V2, bad]})
    assert str(error.value).startswith("DARTS row 1, ")


def test_other_bad_texts_are_refused():
    (compact,), (digits,) = darts.to_compact(some(1)), darts.cell_ids(some(1))
    for role, good, bads in (
        (
            "compact_arch",
            compact,
            ["", "[]", compact[:-1], compact + "]", re.sub(r"\d", "x", compact, count=1)],
        ),
        ("compact_arch", compact, [compact.replace("(0, ", "(9, ", 1), "[[" + "(0, 1), " * 99 + "], []]"]),
        ("compact_arch", compact, ["[[(0, 7)" + compact[8:], "[" * 100_000]),
        ("cell", digits, ["", digits[:-1], digits + "0", "x" * 32, "9" * 32, "²" * 32, "0" * 32]),
    ):
        for bad in bads:
            with pytest.raises(DataError, match="DARTS row 2, "):
                darts.from_columns({role: [good, good, bad]})
    for columns in ({}, {"arch": [compact]}, {"cell": [digits], "compact_arch": [compact]}):
        with pytest.raises(DataError, match="expected one of genotype, compact_arch, cell"):
            darts.from_columns(columns)


@pytest.mark.real_data
def test_all_rows_of_the_published_table(data_dir):
    with gzip.open(data_dir / "nasbench301_surrogate_1218.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    archs = darts.from_columns({"compact_arch": [row["compact_arch"] for row in rows]})
    assert len(archs) == 1218
    assert darts.validate(archs).all()
    assert len(np.unique(darts.canonical_key(archs))) == 1218
    for write, read in (
        (darts.to_official, darts.from_official),
        (darts.to_configurations, darts.from_configurations),
        (darts.cell_ids, darts.from_cell_ids),
        (darts.to_compact, darts.from_compact),
    ):
        assert np.array_equal(read(write(archs)).ops, archs.ops)
