"""The reader of NAS-Bench-101's TFRecord files: what is written comes back; the real EC-NAS file."""

from __future__ import annotations

import json
import struct
from collections import defaultdict

import numpy as np
import pytest

from pipeline.benchmarks import source
from pipeline.benchmarks.readers import nasbench101, tfrecord
from pipeline.benchmarks.readers.crc32c import crc32c, masked
from pipeline.benchmarks.readers.nasbench101 import Settings, read
from pipeline.errors import ConfigError, DataError
from pipeline.spaces import nasbench101 as space
from tests.unit.test_crc32c import bit_by_bit
from tests.unit.tfrecord_files import doubles, frame, message, payload, text_field, trainings, varint, write


@pytest.fixture(scope="module")
def cells():
    """Forty cells of all sizes, in their own order of vertices."""
    every = space.enumerate_cells()
    return every[np.random.default_rng(1).permutation(np.r_[0:10, 2000:2010, 50_000:50_010, 400_000:400_010])]


def made(cells, budgets=(108,), repeats=3, seed=0):
    """Trainings of cells as a list."""
    return list(trainings(cells, np.random.default_rng(seed), budgets, repeats))


def read_all(path, **settings):
    """Read a file and check the result as the command does."""
    table = read(path, Settings(**settings), "nasbench101")
    source.check(table, path)
    return table


def test_round_trip(tmp_path, cells):
    written = made(cells, (4, 108))
    table = read_all(write(tmp_path / "a.tfrecord", written))
    assert table.cells == space.cell_ids(cells)
    assert np.array_equal(table.archs.ops, cells.ops)
    assert np.array_equal(table.archs.adj, cells.adj)
    assert table.costs["params"].tolist() == space.params(cells, 128, 3, 3, 3, 10).tolist()
    for epochs in (4, 108):
        rows = [training.evaluations for training in written if training.epochs == epochs]
        values = np.array(rows).reshape(len(cells), 3, 3, 5)  # cell, trial, evaluation, field
        for when, evaluation in (("", 2), ("_halfway", 1)):
            for field, what in enumerate(("train_acc", "val_acc", "test_acc"), 2):
                found = table.metrics[f"cifar10/{what}{when}@{epochs}"]
                assert found.dtype == np.float32
                assert np.array_equal(found, values[:, :, evaluation, field].astype(np.float32))
            seconds = table.costs[f"cifar10/train_seconds{when}@{epochs}"]
            assert np.array_equal(seconds, values[:, :, evaluation, 1])
    assert len(table.metrics) == 12 and len(table.costs) == 5
    assert set(table.notes) == set(table.costs)


def test_records_in_any_order_are_sorted_by_cell_and_trial(tmp_path, cells):
    written = made(cells[:6], (4, 12))
    order = np.random.default_rng(5).permutation(len(written))
    shuffled = [written[i] for i in order]
    table = read_all(write(tmp_path / "a.tfrecord", shuffled))
    first = list(dict.fromkeys(training.module_hash for training in shuffled))
    assert table.cells == first
    expected = defaultdict(list)
    for training in shuffled:
        expected[training.module_hash, training.epochs].append(training.evaluations[-1][3])
    for epochs in (4, 12):
        found = table.metrics[f"cifar10/val_acc@{epochs}"]
        assert np.array_equal(found, np.float32([expected[name, epochs] for name in first]))


def test_batches_do_not_show(tmp_path, cells, monkeypatch):
    path = write(tmp_path / "a.tfrecord", made(cells, (4, 108)))
    whole = read_all(path)
    for size in (1, 7, 1000):
        monkeypatch.setattr(tfrecord, "_CHUNK", size if size > 1 else 13)
        pieces = read_all(path)
        assert pieces.cells == whole.cells
        for name, values in whole.metrics.items():
            assert np.array_equal(pieces.metrics[name], values)


def test_settings_choose_budgets_and_name_the_data_set(tmp_path, cells):
    path = write(tmp_path / "a.tfrecord", made(cells[:5], (4, 12, 108)))
    table = read_all(path, epochs=[108, 4], dataset="ecnas")
    whole = read_all(path)
    assert {name.partition("@")[2] for name in table.metrics} == {"4", "108"}
    assert all(name.startswith("ecnas/") for name in table.metrics)
    assert np.array_equal(table.metrics["ecnas/val_acc@108"], whole.metrics["cifar10/val_acc@108"])
    with pytest.raises(DataError, match="no training of 7 epochs in it, but of 4, 12, 108"):
        read_all(path, epochs=[7, 4])
    with pytest.raises(ConfigError, match="nasbench201"):
        read(path, Settings(), "nasbench201")
    assert len(read(path, Settings(), "nasbench1shot1_3").archs) == 5


def test_evaluations_at_other_times_are_not_called_half_way(tmp_path, cells):
    written = made(cells[:3])
    odd = written[4]
    start, half, end = odd.evaluations
    written[4] = odd.but(evaluations=(start, (1.0, *half[1:]), end))
    table = read_all(write(tmp_path / "a.tfrecord", written))
    assert sorted(table.metrics) == [f"cifar10/{what}_acc@108" for what in ("test", "train", "val")]
    more = [t.but(evaluations=(t.evaluations[1], *t.evaluations[:2], t.evaluations[2])) for t in written]
    more[4] = odd
    found = read_all(write(tmp_path / "b.tfrecord", more))
    assert found.metrics["cifar10/val_acc_halfway@108"][1, 1] == np.float32(half[3])


def test_fields_in_other_forms_and_orders_are_read(tmp_path, cells):
    written = made(cells[:3])
    odd = written[1]
    end = odd.evaluations[2]
    backwards = b"".join(doubles([value], field) for field, value in reversed([*enumerate(end, 1)]))
    backwards += text_field(6, b"model.ckpt") + b"\x3d" + struct.pack("<f", 1.5) + b"\x40\x96\x01"
    other = varint(12 << 3) + b"\x05" + b"\x10" + varint(odd.params) + text_field(1, backwards)
    extra = payload(odd, other)
    path = tmp_path / "a.tfrecord"
    path.write_bytes(frame([payload(written[0]), extra, *map(payload, written[2:])]))
    table = read_all(path)
    assert table.metrics["cifar10/test_acc@108"][0, 1] == np.float32(end[4])
    assert table.costs["cifar10/train_seconds@108"][0, 1] == end[1]


def test_each_message_of_another_shape(tmp_path, cells):
    """More shapes of one length than are looked for together."""
    written = made(cells, repeats=1)
    payloads = [payload(t, message(t) + text_field(20 + i, b"")) for i, t in enumerate(written)]
    path = tmp_path / "a.tfrecord"
    path.write_bytes(frame(payloads))
    table = read_all(path)
    expected = np.float32([[t.evaluations[2][3]] for t in written])
    assert np.array_equal(table.metrics["cifar10/val_acc@108"], expected)


def test_hashes_of_another_kind_can_be_accepted(tmp_path, cells):
    written = made(cells[:2])
    path = write(tmp_path / "a.tfrecord", [t.but(module_hash=t.module_hash[::-1]) for t in written])
    table = read_all(path, check_hash=False)
    assert table.cells == [name[::-1] for name in space.cell_ids(cells[:2])]


def test_written_sums_are_those_of_the_definition(cells):
    content = payload(made(cells[:1])[0])
    record = frame([content])
    head = struct.pack("<Q", len(content))
    crcs = np.array([bit_by_bit(head), bit_by_bit(content)], dtype=np.uint32)
    length_sum, payload_sum = struct.pack("<I", masked(crcs)[0]), struct.pack("<I", masked(crcs)[1])
    assert record == head + length_sum + content + payload_sum


def test_origin_names_both_files():
    assert (
        "nasbench_only108.tfrecord" in nasbench101.ORIGIN and "nasbench_full.tfrecord" in nasbench101.ORIGIN
    )
    assert nasbench101.VERSION >= 1


@pytest.mark.real_data
def test_the_real_ec_nas_file(data_dir):
    path = data_dir / "ecnas_4v9e.tfrecord"
    table = read_all(path)
    assert len(table.archs) == 91  # 1 + 6 + 84 cells of at most four vertices
    every = np.sort(space.canonical_key(space.enumerate_cells()[:91]))
    assert np.array_equal(np.sort(space.canonical_key(table.archs)), every)
    names = [f"cifar10/{what}_acc@{e}" for e in (4, 12, 36, 108) for what in ("train", "val", "test")]
    assert sorted(table.metrics) == sorted(names)
    assert all(values.shape == (91, 3) for values in table.metrics.values())
    assert np.array_equal(table.costs["params"], space.params(table.archs, 128, 3, 3, 3, 10))
    assert table.cells[0] == "5529e1779433733d1145e20de5d8604e"
    first = [0.9174679517745972, 0.9185696840286255, 0.9161658883094788]
    assert np.array_equal(table.metrics["cifar10/val_acc@36"][0], np.float32(first))
    assert table.costs["cifar10/train_seconds@36"][0, 0] == 668.5900268554688
    longer = table.metrics["cifar10/val_acc@108"].mean() - table.metrics["cifar10/val_acc@4"].mean()
    assert longer > 0.1


@pytest.mark.real_data
def test_written_records_have_the_real_form(data_dir):
    """The writer's framing, JSON and base64 give the real file's bytes again."""
    raw = (data_dir / "ecnas_4v9e.tfrecord").read_bytes()
    payloads = [
        p for batch in tfrecord.read_batches(data_dir / "ecnas_4v9e.tfrecord") for p in batch.payloads
    ]
    assert frame(payloads) == raw
    assert all(json.dumps(json.loads(p)).encode() == p for p in payloads)
    data = np.frombuffer(payloads[0], dtype=np.uint8)
    assert int(crc32c(data, np.array([0]), np.array([len(data)]))[0]) == bit_by_bit(payloads[0])
