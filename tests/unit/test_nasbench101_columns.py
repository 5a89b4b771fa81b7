"""NAS-Bench-101 cells out of the columns of a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import DataError
from pipeline.spaces import nasbench101 as space
from pipeline.spaces.nasbench101 import CONV1X1, CONV3X3, MAXPOOL3X3
from tests.unit.nasbench101_cells import cell

CELL = cell([CONV3X3, MAXPOOL3X3, CONV1X1], [(0, 1), (1, 2), (2, 3), (3, 6), (0, 6)])
BITS, NAMES = "0100100100000100000100000", "input,conv3x3-bn-relu,maxpool3x3,conv1x1-bn-relu,output"
HASH = space.cell_ids(CELL)[0]


def same(a, b) -> bool:
    return np.array_equal(a.ops, b.ops) and np.array_equal(a.adj, b.adj)


@pytest.mark.parametrize("ops", [NAMES, "021"])
@pytest.mark.parametrize("bits", [BITS, BITS[1:]])
@pytest.mark.parametrize("hashes", [{}, {"hash": [HASH]}, {"hash": [HASH.upper()]}])
def test_every_spelling_of_a_row(ops, bits, hashes):
    assert same(space.from_columns({"adjacency": [bits], "ops": [ops], **hashes}), CELL)


def test_spellings_may_be_mixed_and_the_smallest_cell_has_no_operations():
    archs = space.from_columns({"ops": ["", NAMES, "021"], "adjacency": ["100", BITS, BITS]})
    assert same(archs[0], cell([], [(0, 6)])) and same(archs[1], CELL) and same(archs[2], CELL)
    assert len(space.from_columns({"adjacency": [], "ops": [], "hash": []})) == 0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"adjacency": BITS, "ops": "031"}, "record 1: operations '031'.*0 .conv3x3.*2 .maxpool3x3."),
        ({"adjacency": BITS, "ops": NAMES.replace("3x3", "5x5")}, "record 1:.*expected 2 to 7 vertices"),
        ({"adjacency": BITS, "ops": "21"}, "record 1:"),  # a leading zero of `ops` lost
        ({"adjacency": BITS[5:], "ops": "021"}, "record 1:"),  # more missing than zeros can be
        ({"adjacency": "+" + BITS[2:], "ops": "021"}, "record 1:"),
        ({"adjacency": BITS, "ops": "012"}, f"record 1: hash '{HASH}', but .* the cell {'[0-9a-f]' * 32};"),
    ],
)
def test_a_bad_row_is_named(row, message):
    columns = {role: [good, row[role]] for role, good in (("adjacency", BITS), ("ops", "021"))}
    with pytest.raises(DataError, match=message):
        space.from_columns({**columns, "hash": [HASH, HASH]})


def test_cells_with_unused_vertices_are_left_to_validate():
    loose = "0100000000000100000000000"  # vertices 1 and 3 lead nowhere and come from nowhere
    archs = space.from_columns({"adjacency": [loose, BITS], "ops": ["021", "021"], "hash": ["?", HASH]})
    assert space.validate(archs).tolist() == [False, True]


@pytest.mark.parametrize("columns", [{"ops": [""]}, {"adjacency": ["100"]}, {}])
def test_a_missing_column_is_named(columns):
    with pytest.raises(DataError, match="expected adjacency and ops"):
        space.from_columns(columns)
    with pytest.raises(DataError, match="columns adjacency, ops, arch_str; expected"):
        space.from_columns({"adjacency": [], "ops": [], "arch_str": []})


@pytest.mark.real_data
def test_the_real_table(data_dir):
    path = data_dir / "nasbench101_validation_30001.csv.gz"
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    columns = {role: frame[role].tolist() for role in space.COLUMNS}
    archs = space.from_columns(columns)
    assert len(archs) == 30_001 and space.validate(archs).all()
    assert space.vertices(archs.ops).tolist() == frame.num_vertices.astype(int).tolist()
    columns["hash"][20_000] = columns["hash"][19_999]
    with pytest.raises(DataError, match="record 20000: hash"):
        space.from_columns(columns)


def test_identity_of_cells_and_short_names():
    assert space.OPERATIONS_ON == "nodes"
    assert space.cell_key(CELL) == space.canonical_key(CELL)
    assert same(space.from_key(space.cell_key(CELL)), CELL)
    assert space.short(HASH) == HASH[:8]
