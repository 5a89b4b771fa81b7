"""Which cells autoencoders learn from and are measured on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.autoencoders.cells import choose_cells, draw_others
from pipeline.autoencoders.settings import Arch2VecSettings
from pipeline.benchmarks.tables import BenchmarkTable, load_table
from pipeline.encodings.graphs import graph_keys
from pipeline.errors import ConfigError
from pipeline.spaces import darts, nasbench101
from pipeline.spaces.catalogue import load_space
from tests.unit.autoencoder_tasks import SMALL


def choose(files, labelled=None, **changes):
    settings = Arch2VecSettings(**SMALL | changes)
    table = load_table(files.table)
    return choose_cells("nasbench101", files.space, table, labelled, settings, 3, "tiny")


def keys_of(*parts) -> list[set[int]]:
    return [set(nasbench101.cell_key(part).tolist()) for part in parts]


def test_cells_are_disjoint_and_without_the_benchmarks(files):
    known = load_table(files.table).archs
    held_out, cells = choose(files)
    a, b, c = keys_of(held_out, cells, known)
    assert [len(a), len(b), len(c)] == [100, 300, 7] and not (a & b or a & c or b & c)
    everything = choose(files, n_cells=0)
    assert [len(part) for part in everything] == [100, 500 - 7 - 100]
    np.testing.assert_array_equal(everything[0].adj, held_out.adj)
    with pytest.raises(ConfigError, match="500 cells, but nasbench101 has 493 beside the benchmark's"):
        choose(files, n_cells=400)


def test_of_the_whole_space_the_benchmarks_cells_are_cells_like_others(files):
    held_out, cells = choose(files, n_cells=0, split="whole_space")
    a, b = keys_of(held_out, cells)
    assert len(a) == 100 and len(b) == 400 and not a & b


def test_held_out_of_the_table_are_its_last_held_out_cells(files):
    table = load_table(files.table)
    held_out, cells = choose(files, n_cells=0, split="of_table", n_held_out=1)
    expected = table.archs[table.rows("held_out")[-1:]]
    assert keys_of(held_out) == keys_of(expected) and len(cells) == 499
    assert not keys_of(held_out)[0] & keys_of(cells)[0]
    assert [len(part) for part in choose(files, n_cells=200, split="of_table")] == [2, 200]  # the table has 2


def test_networks_that_are_learned_otherwise_are_in_neither(files):
    labelled = load_space(files.space)[0][100:300]
    held_out, cells = choose(files, labelled, n_cells=0, split="whole_space")
    a, b, c = keys_of(held_out, cells, labelled)
    assert len(a | b) == 300 and not (a | b) & c


def darts_table(archs) -> BenchmarkTable:
    roles = np.array(["labelled"] * len(archs))
    metrics = {"cifar10/val_acc@1": np.ones((len(archs), 1), np.float32)}
    return BenchmarkTable("d", archs, list(map(str, range(len(archs)))), roles, metrics, *metrics, None)


def test_cells_of_a_space_without_a_list_are_drawn():
    table = darts_table(darts.sample(50, np.random.default_rng(0)))
    settings = Arch2VecSettings(n_cells=600, n_held_out=101)
    held_out, cells = choose_cells("darts", None, table, None, settings, 1, "d")
    assert len(held_out) == 51 and len(cells) == 300
    a, b, c = (set(graph_keys(part).tolist()) for part in (held_out, cells, table.archs))
    assert not (a & b or a & c or b & c) and len(b) > 590
    more = choose_cells("darts", None, table, None, settings.model_copy(update={"n_cells": 800}), 1, "d")
    np.testing.assert_array_equal(more[0].ops, held_out.ops)
    again = choose_cells("darts", None, replace(table, name="e"), None, settings, 1, "d")
    np.testing.assert_array_equal(again[1].ops, cells.ops)
    other = choose_cells("darts", None, table, None, settings, 2, "d")
    assert not np.array_equal(other[0].ops, held_out.ops)


def test_architectures_that_share_a_cell_with_others_are_drawn_again():
    expected = darts.sample(30, np.random.default_rng(7))
    taken = graph_keys(expected[3])[1:]  # one of its cells
    found = draw_others("darts", 30, taken, np.random.default_rng(7))
    assert len(found) == 30 and not np.isin(graph_keys(found), taken).any()
    np.testing.assert_array_equal(found.ops[:3], expected.ops[:3])
    np.testing.assert_array_equal(found.ops[3:29], expected.ops[4:])
