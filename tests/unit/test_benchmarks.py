"""Benchmark tables: their format, and building them from trained networks."""

import logging
from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest

from pipeline.benchmarks import command
from pipeline.benchmarks.tables import BenchmarkTable, load_table, write_table
from pipeline.children.settings import NetworkSettings, TrainingSettings
from pipeline.errors import ArtifactError, DataError
from pipeline.job import Job
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101 import CONV1X1, CONV3X3, MAXPOOL3X3, cell_ids, flops, params
from pipeline.storage.artifacts import get_table, open_h5, put_archs, put_table, write_h5
from tests.unit.nasbench101_cells import cell

CELLS = Archs.concatenate(
    [cell([op] * n, [(0, 1), *((i, i + 1) for i in range(1, n)), (n, 6)])
     for n in (1, 2) for op in (CONV3X3, CONV1X1, MAXPOOL3X3)]
)  # fmt: skip
SETTINGS = {
    "benchmark": "tiny",
    "space": "nasbench101",
    "images": "digits",
    "n_held_out": 2,
    "n_labelled": 4,
    "epochs": 12,
    "network": NetworkSettings().model_dump(mode="json"),
    "training": TrainingSettings(epochs=12).model_dump(mode="json"),
}
SIZE = (8, 3, 1)  # of NetworkSettings


def table(**changes) -> BenchmarkTable:
    values = {
        "name": "tiny",
        "archs": CELLS,
        "cells": cell_ids(CELLS),
        "role": np.array(["held_out"] * 2 + ["labelled"] * 4),
        "metrics": {
            "cifar10-valid/val_acc@200": np.arange(18, dtype=np.float32).reshape(6, 3) / 20,
            "cifar10/test_acc@200": np.full((6, 2), 0.5, np.float32),
            "cifar10/test_acc@12": np.full((6, 1), 0.25, np.float32),
        },
        "val_metric": "cifar10-valid/val_acc@200",
        "test_metric": "cifar10/test_acc@200",
        "costs": {"params": np.arange(6), "train_flops": np.arange(6) * 1e15},
    }
    return BenchmarkTable(**values | changes)


def test_mean_is_over_the_trials_that_there_are():
    values = np.array([[0.1, 0.2, 0.6], [0.4, np.nan, 0.6], [np.nan] * 3] * 2, dtype=np.float32)
    mean = table(metrics=table().metrics | {"c/val_acc@1": values}).mean("c/val_acc@1")
    assert mean[:3] == pytest.approx([0.3, 0.5, np.nan], nan_ok=True)
    assert mean.dtype == np.float64


def test_rows_by_role_and_unknown_names():
    assert table().rows("held_out").tolist() == [0, 1]
    assert table().rows("labelled").tolist() == [2, 3, 4, 5]
    with pytest.raises(ValueError, match="role 'test'"):
        table().rows("test")
    with pytest.raises(DataError, match="no metric 'val_acc'; it has cifar10-valid/val_acc@200"):
        table().mean("val_acc")


@pytest.mark.parametrize(
    "changes",
    [
        {"cells": ["a"]},
        {"role": np.array(["held_out"] * 5 + ["test"])},
        {"metrics": {"val_acc": np.zeros((6, 1), np.float32)}},
        {"metrics": table().metrics | {"c/val_acc@1": np.zeros(6, np.float32)}},
        {"costs": {"params": np.arange(5)}},
    ],
)
def test_a_table_that_does_not_fit_together_is_refused(changes):
    with pytest.raises(ValueError):
        table(**changes)


def test_val_and_test_metric_must_be_in_the_table():
    with pytest.raises(DataError, match="no metric 'cifar10/val_acc@200'"):
        table(val_metric="cifar10/val_acc@200")


def test_several_data_sets_and_trials_survive_writing(tmp_path):
    written = table()
    write_table(tmp_path / "t.h5", written, Job("benchmarks", {}), failed={"abc": "the loss became nan"})
    read = load_table(tmp_path / "t.h5")
    assert (read.name, read.cells, read.val_metric, read.test_metric) == (
        written.name, written.cells, written.val_metric, written.test_metric,
    )  # fmt: skip
    assert read.role.tolist() == written.role.tolist()
    assert np.array_equal(read.archs.adj, CELLS.adj) and np.array_equal(read.archs.ops, CELLS.ops)
    for kind in ("metrics", "costs"):
        mine, theirs = getattr(written, kind), getattr(read, kind)
        assert set(mine) == set(theirs)
        assert all(np.array_equal(mine[name], theirs[name]) for name in mine)
    assert read.metrics["cifar10/test_acc@200"].dtype == np.float32
    with open_h5(tmp_path / "t.h5", "benchmark") as handle:
        assert handle.attrs["n_failed"] == 1 and handle["failed/cell"].asstr()[0] == "abc"
        columns = get_table(handle)
    assert list(columns.columns) == ["cell", "role", "params", *written.metrics]
    assert columns["cifar10-valid/val_acc@200"].to_numpy() == pytest.approx(written.mean(written.val_metric))


def chunk(folder, start, stop, failed=(), n_train=1000):
    rows, n = slice(start, stop), stop - start
    position = np.arange(start, stop)
    bad = np.isin(position, failed)
    with write_h5(folder / f"c{start}.h5", "children", Job("children", {})) as handle:
        handle.attrs.update(images="digits", image_shape=(1, 8, 8), classes=10, n_train=n_train)
        put_archs(handle, CELLS[rows])
        columns = {"cell": cell_ids(CELLS[rows]), "position": position}
        columns |= {
            "status": np.where(bad, "failed", "ok"),
            "reason": np.where(bad, "the loss became nan", ""),
        }
        columns["params"] = params(CELLS[rows], *SIZE, in_channels=1, classes=10)
        for k, name in enumerate(("train_acc", "val_acc", "test_acc")):
            columns[name] = np.where(bad, np.nan, position / 10 + k / 100).astype(np.float32)
        put_table(handle, columns)
        handle.create_group("curves")["val_acc"] = np.zeros((n, 12), np.float32)
    return folder / f"c{start}.h5"


def build(folder, chunks, out="b.h5", **changes):
    command.run(Namespace(children=chunks, out=folder / out), Job("benchmarks", SETTINGS | changes))
    return folder / out


def test_table_from_trained_networks(tmp_path):
    got = load_table(build(tmp_path, [chunk(tmp_path, 3, 6), chunk(tmp_path, 0, 3)]))
    assert got.cells == cell_ids(CELLS)  # in the order of the permutation
    assert got.role.tolist() == ["held_out"] * 2 + ["labelled"] * 4
    assert (got.val_metric, got.test_metric) == ("digits/val_acc@12", "digits/test_acc@12")
    assert got.metrics["digits/val_acc@12"].shape == (6, 1)
    assert got.mean("digits/val_acc@12") == pytest.approx(np.arange(6) / 10 + 0.01)
    assert got.mean("digits/test_acc@12") == pytest.approx(np.arange(6) / 10 + 0.02)
    assert got.mean("digits/train_acc@12") == pytest.approx(np.arange(6) / 10)
    forward = flops(CELLS, *SIZE, in_channels=1, classes=10, image_size=8)
    assert np.array_equal(got.costs["train_flops"], 3.0 * forward * 1000 * 12)
    assert np.array_equal(got.costs["params"], params(CELLS, *SIZE, in_channels=1, classes=10))


def test_failed_networks_are_left_out_and_counted(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("nasflow"), "propagate", True)
    caplog.set_level("INFO", logger="nasflow")
    path = build(tmp_path, [chunk(tmp_path, 0, 3, failed=[1]), chunk(tmp_path, 3, 6, failed=[4])])
    got = load_table(path)
    ids = cell_ids(CELLS)
    assert got.cells == [ids[i] for i in (0, 2, 3, 5)]
    assert got.role.tolist() == ["held_out", "labelled", "labelled", "labelled"]
    assert np.isfinite(got.mean(got.test_metric)).all()
    with open_h5(path) as handle:
        assert handle.attrs["n_failed"] == 2
        assert handle["failed/cell"].asstr()[()].tolist() == [ids[1], ids[4]]
        assert "3 x forward" in handle["costs/train_flops"].attrs["counted"]
    assert ids[1] in caplog.text and "the loss became nan" in caplog.text and "2 failed" in caplog.text


def test_same_chunks_give_the_same_bytes(tmp_path):
    chunks = [chunk(tmp_path, 0, 3), chunk(tmp_path, 3, 6)]
    assert build(tmp_path, chunks).read_bytes() == build(tmp_path, chunks, "again.h5").read_bytes()


def test_wrong_sets_of_chunks_are_refused(tmp_path):
    first, second = chunk(tmp_path, 0, 3), chunk(tmp_path, 3, 6)
    with pytest.raises(ArtifactError, match="3 of 6 cells are missing .first: 0."):
        build(tmp_path, [second])
    with pytest.raises(ArtifactError, match="chunk once"):
        build(tmp_path, [first, first, second])
    with pytest.raises(ArtifactError, match="6 networks, expected 5"):
        build(tmp_path, [first, second], n_labelled=3)
    with pytest.raises(ArtifactError, match="every network failed"):
        build(tmp_path, [chunk(tmp_path, 0, 6, failed=range(6))])
    with pytest.raises(ArtifactError, match="different"):
        build(tmp_path, [chunk(tmp_path, 0, 3), chunk(tmp_path, 3, 6, n_train=999)])
    with pytest.raises(ArtifactError, match="trained on 'digits', expected 'cifar10'"):
        build(tmp_path, [first, second], images="cifar10")
    assert not (tmp_path / "b.h5").exists()


def test_tables_are_immutable_and_changed_by_copies():
    with pytest.raises(AttributeError):
        table().name = "other"
    assert replace(table(), name="other").name == "other"
