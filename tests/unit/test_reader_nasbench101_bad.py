"""What the reader of NAS-Bench-101's files refuses; nothing but a DataError comes of damaged ones."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import time
import tracemalloc

import numpy as np
import pytest

from pipeline.benchmarks import source
from pipeline.benchmarks.readers import protobuf, tfrecord
from pipeline.benchmarks.readers.nasbench101 import Settings, read
from pipeline.benchmarks.readers.tfrecord import MAX_PAYLOAD
from pipeline.errors import DataError
from pipeline.spaces import nasbench101 as space
from tests.unit.tfrecord_files import doubles, frame, message, payload, text_field, trainings, varint, write

CELLS = space.enumerate_cells()[[3, 40, 500, 9_000, 300_000]]


def made(n=3, budgets=(108,), repeats=2):
    """Trainings of some cells as a list, all of one cell together."""
    return list(trainings(CELLS[:n], np.random.default_rng(0), budgets, repeats))


def refusal(path, content=None, **settings) -> str:
    """Return the one line with which a file is refused, without the path."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        source.check(read(path, Settings(**settings), "nasbench101"), path)
    told = str(caught.value)
    assert told.startswith(str(path)) and "\n" not in told
    return told.removeprefix(str(path)).lstrip(": ")


@pytest.fixture
def path(tmp_path):
    """Where the bad file goes."""
    return tmp_path / "bad.tfrecord"


def test_files_of_other_kinds(path, tmp_path):
    good = frame([payload(t) for t in made()])
    assert "the file is empty" in refusal(path, b"")
    assert "gunzip" in refusal(path, gzip.compress(good))
    assert "web page" in refusal(path, b"\n<!DOCTYPE html><html><head>Download anyway</head></html>" * 9)
    assert "HDF5" in refusal(path, b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert "git lfs pull" in refusal(path, b"version https://git-lfs.github.com/spec/v1\noid sha256:00")
    assert "no TFRecord file" in refusal(path, b"some text")
    assert "no TFRecord file" in refusal(path, bytes(5000))
    assert "No such file" in refusal(tmp_path / "missing.tfrecord")
    assert "cannot be read" in refusal(tmp_path)


def test_truncated_at_every_byte(path):
    records = [frame([payload(t)]) for t in made(1)]
    whole = b"".join(records)
    border = len(records[0])
    for size in set(range(1, len(whole))) - {border}:  # there, a record is missing, and no sum can tell
        told = refusal(path, whole[:size])
        if size < 12:
            assert "no TFRecord file" in told
        elif size < border:
            assert f"record 0 (byte 0): truncated, the file ends after {size} bytes of it" in told
        else:
            assert f"record 1 (byte {border}): truncated, the file ends after {size - border}" in told


def test_a_record_lost_at_the_end_is_a_missing_trial(path):
    told = refusal(path, b"".join(frame([payload(t)]) for t in made()[:-1]))
    assert told.startswith(f"cell {made()[-1].module_hash} has 1 trainings of 108 epochs, most have 2")


def test_every_flipped_byte_is_found(path):
    records = [frame([payload(t)]) for t in made(2)]
    whole, border = b"".join(records), len(records[0])
    for place in range(border, border + len(records[1])):
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        told = refusal(path, bytes(damaged))
        assert told.startswith(f"record 1 (byte {border}): damaged, the ")
        assert ("the length" if place < border + 12 else "the payload") in told


def test_absurd_lengths(path):
    good = frame([payload(t) for t in made(1)])
    assert f"record 2 (byte {len(good)}): {MAX_PAYLOAD + 1} bytes long" in refusal(
        path, good + frame([bytes(MAX_PAYLOAD + 1)])
    )
    for length in (2**63, 2**64 - 1, 10**9):
        told = refusal(path, good + struct.pack("<Q", length) + bytes(1000))
        assert f"record 2 (byte {len(good)}): damaged, the length" in told


NO_JSON = [b"", b"\xff\xfe", b"[1, 2", b"nothing", b"[" * 60_000, b'["a\n"]', b"[" + b"9" * 9000 + b"]"]
OTHER_SHAPE = [b"7", b"{}", b"[]", b"null", b'["a", 108, "01", "input,output"]', b'"abcde"']


@pytest.mark.parametrize("content", NO_JSON + OTHER_SHAPE)
def test_payloads_of_another_form(path, content):
    good = frame([payload(t) for t in made(1)])
    told = refusal(path, good + frame([content]))
    assert told.startswith(f"record 2 (byte {len(good)}): the payload is")
    assert "expected a list of module hash, epochs, adjacency, operations and metrics" in told


@pytest.mark.parametrize(
    "position, value, reason",
    [
        (0, None, "expected a list of"),
        (0, "abc", "module hash 'abc'; expected 32 hexadecimal digits"),
        (0, "Z" * 32, "expected 32 hexadecimal digits"),
        (0, "\ud800" * 32, "expected 32 hexadecimal digits"),
        (1, True, "expected a list of"),
        (1, 108.0, "expected a list of"),
        (1, float("nan"), "expected a list of"),
        (1, 0, "trained for 0 epochs"),
        (1, -4, "trained for -4 epochs"),
        (1, 10**30, "expected 1 to 1000000"),
        (2, "01", "expected 9 characters 0 or 1"),
        (2, "01200100x", "expected 9 characters 0 or 1"),
        (2, "01100100٠", "expected 9 characters 0 or 1"),
        (3, "input,output", "expected 4 characters 0 or 1"),
        (3, "output", "expected 2 to 7"),
        (3, "input,conv5x5,output", "expected 2 to 7, out of input, conv3x3-bn-relu"),
        (3, "input" + ",maxpool3x3" * 100_0 + ",output", "expected 2 to 7"),
        (4, "", "no ModelMetrics protocol buffer: no evaluation"),
        (4, "CnIJ*AAA", "the metrics are no base64 text"),
        (4, "CnIJA", "the metrics are no base64 text"),
        (4, "é", "ASCII"),
    ],
)
def test_fields_of_another_form(path, position, value, reason):
    fields = json.loads(payload(made(1)[0]))
    fields[2:4] = ["011001000", "input,conv3x3-bn-relu,output"]
    fields[position] = value
    told = refusal(path, frame([json.dumps(fields).encode()]))
    assert told.startswith("record 0 (byte 0): ") and reason in told
    assert len(told) < 600


def broken_messages():
    """Yield (protocol buffer, why it is refused)."""
    training = made(1)[0]
    good = message(training)
    evaluation = text_field(1, doubles(training.evaluations[2]))
    params = b"\x10" + varint(training.params)
    yield evaluation, "no trainable_parameters"
    yield params, "no evaluation"
    yield good[:-1], "runs past the end"
    yield good[:30], "runs past the end"
    yield good + b"\x80", "does not end"
    yield good + b"\x80" * 20, "does not end"
    yield good + b"\x03", "field number 0"
    yield good + b"\x33", "wire type 3"
    yield good + b"\x3f", "wire type 7"
    yield good + b"\xff" * 9 + b"\x01", "field number"
    yield good + b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "runs past the end"
    yield evaluation + b"\x12\x00", "field 2) is no integer"
    yield evaluation + b"\x10\x00", "not a positive int32"
    yield evaluation + b"\x10" + varint(2**31), "not a positive int32"
    yield evaluation + b"\x10" + varint(2**64 - 1), "not a positive int32"
    yield params + b"\x08\x01", "field 1) is no message"
    yield params + text_field(1, b"\x22\x00"), "field 4 of an evaluation is no double"
    yield params + text_field(1, b"\x21" + bytes(7)), "runs past the end"
    yield params + evaluation * (protobuf.MAX_EVALUATIONS + 1), "more than 16 evaluations"
    yield good + b"\x40\x01" * protobuf.MAX_FIELDS, "more than 256 fields"


@pytest.mark.parametrize("metrics, reason", [*broken_messages()])
def test_broken_protocol_buffers(path, metrics, reason):
    records = made(2)
    content = [payload(t) for t in records]
    content[1] = payload(records[1], metrics)
    told = refusal(path, frame(content))
    assert told.startswith(f"record 1 (byte {len(frame(content[:1]))}): the metrics are no ModelMetrics")
    assert reason in told


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.01, 1.001, 93.5])
@pytest.mark.parametrize("which", ["train", "val", "test"])
def test_accuracies_out_of_range(path, value, which):
    records = made()
    records[3] = records[3].ending(**{which: value})
    told = refusal(write(path, records))
    assert told.startswith("record 3 ") and f"{which}_acc {value}" in told and "at the end" in told


def test_other_wrong_values(path):
    records = made()
    start, half, end = records[2].evaluations

    def told(**changes):
        return refusal(write(path, [*records[:2], records[2].but(**changes), *records[3:]]))

    assert "half-way; expected fractions" in told(evaluations=(start, (*half[:3], 55.0, half[4]), end))
    assert "training time -1.0 s" in told(evaluations=(start, half, (end[0], -1.0, *end[2:])))
    assert "training time inf s half-way" in told(
        evaluations=(start, (half[0], float("inf"), *half[2:]), end)
    )
    assert "the last evaluation is after 54.0 epochs; expected it after 108" in told(
        evaluations=(start, half)
    )
    assert "the last evaluation is after nan epochs" in told(evaluations=((float("nan"), *end[1:]),))
    assert "val_acc nan" in told(evaluations=(end[:3],))
    assert "a later training of the same cell" in told(params=77)


def test_wrong_cells_and_hashes(path):
    records = made()
    other = made()[0]

    def told(i, **changes):
        return refusal(write(path, [*records[:i], *(t.but(**changes) for t in records[i:])]))

    wrong = "0" * 32
    assert f"module hash {wrong}, but its cell's is {records[4].module_hash}" in told(4, module_hash=wrong)
    assert told(4, module_hash=wrong).startswith("record 4: ")
    place = len(frame([payload(t) for t in records[:5]]))
    twice = told(5, adjacency=other.adjacency, operations=other.operations)
    assert twice.startswith(
        f"record 5 (byte {place}): cell {records[4].module_hash} is another one here than"
    )
    two = dict(operations="input,maxpool3x3,output")
    assert "expected edges forward" in told(4, adjacency="010001100", **two)  # output to the input
    assert "expected edges forward" in told(
        4, adjacency="011000000", **two
    )  # an operation that leads nowhere
    twin = [t.but(module_hash="1" * 32) for t in records[:2]]
    assert "hold the same cell" in refusal(write(path, [*records, *twin]), check_hash=False)


def test_missing_and_surplus_trials(path):
    records = made(3, (4, 108), 3)
    name = records[7].module_hash
    assert f"cell {name} has 2 trainings of 4 epochs, most have 3 (1 such cells" in refusal(
        write(path, records[:7] + records[8:])
    )
    assert f"cell {name} has 4 trainings of 4 epochs, most have 3" in refusal(
        write(path, [*records, records[7]])
    )
    assert f"cell {name} has 0 trainings of 4 epochs" in refusal(write(path, records[:6] + records[9:]))
    told = refusal(write(path, [t for t in records if t.epochs == 4 or t.module_hash != name]), epochs=[108])
    assert f"cell {name} has 0 trainings of 108 epochs, most have 3" in told
    many = [records[0].but(epochs=e, evaluations=((float(e), 1.0, 0.5, 0.5, 0.5),)) for e in range(1, 100)]
    assert "more than 64 different numbers of epochs" in refusal(write(path, many))


def test_hostile_files_cost_little_time_and_memory(path):
    training = made(1)[0]
    packed = b"\x40\x01" * 20_000
    hostile = {
        "many empty records": frame([b""] * 20_000),
        "nested lists": frame([b"[" * MAX_PAYLOAD]),
        "many fields": frame([payload(training, message(training) + packed)] * 20),
        "every message of its own shape": frame(
            [payload(training, message(training) + text_field(20 + i, b"")) for i in range(3000)] + [b"end"]
        ),
        "every record of its own length": frame([b"x" * i for i in range(3000)]),
        "many evaluations": frame([payload(training, b"\x0a\x00" * 20_000)] * 20),
    }
    for what, content in hostile.items():
        path.write_bytes(content)
        tracemalloc.start()
        started = time.process_time()
        refusal(path)
        spent, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert spent < 5, what
        assert peak < 200 << 20, what


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Return content with a few bytes changed, removed, repeated or put in."""
    damaged = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(len(damaged) + 1))
        kind, size = rng.integers(5), int(rng.integers(1, 9))
        if kind == 0 and place < len(damaged):
            damaged[place] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            damaged[place : place + size] = b""
        elif kind == 2:
            damaged[place:place] = rng.bytes(size)
        elif kind == 3:
            damaged[place:place] = damaged[place : place + 8 * size]
        else:
            damaged[place : place + size] = rng.bytes(size)
    return bytes(damaged) if rng.integers(8) else bytes(damaged[: rng.integers(len(damaged) + 1)])


def by_layer(records, layer: str, rng: np.random.Generator) -> bytes:
    """Return a file that is damaged in one layer, and right in those around it."""
    content = [payload(t) for t in records]
    i = int(rng.integers(len(records)))
    if layer == "file":
        return mutated(frame(content), rng)
    if layer == "payload":
        content[i] = mutated(content[i], rng)
    elif layer == "base64":
        fields = json.loads(content[i])
        fields[4] = mutated(fields[4].encode(), rng).decode("latin-1")
        content[i] = json.dumps(fields).encode()
    elif layer == "json":
        fields = json.loads(content[i])
        k = int(rng.integers(4))
        fields[k] = mutated(str(fields[k]).encode(), rng).decode("latin-1")
        if k == 1 and fields[k].isascii() and fields[k].isdigit():
            fields[k] = int(fields[k])
        content[i] = json.dumps(fields).encode()
    else:
        fields = json.loads(content[i])
        content[i] = payload(records[i], mutated(base64.decodebytes(fields[4].encode()), rng))
    return frame(content)


@pytest.mark.parametrize("layer", ["file", "payload", "base64", "json", "protobuf"])
def test_nothing_but_a_data_error_comes_of_mutated_files(path, layer):
    records, rng = made(2, (4, 108)), np.random.default_rng(11)
    refused, slowest = 0, 0.0
    for _ in range(600):
        path.write_bytes(by_layer(records, layer, rng))
        started = time.process_time()
        try:
            source.check(read(path, Settings(), "nasbench101"), path)
        except DataError as error:
            refused += 1
            assert str(error).startswith(str(path))
        slowest = max(slowest, time.process_time() - started)
    assert slowest < 1
    assert refused > (100 if layer == "protobuf" else 450)


def test_mutations_in_tiny_chunks(path, monkeypatch):
    monkeypatch.setattr(tfrecord, "_CHUNK", 97)
    records, rng = made(1), np.random.default_rng(12)
    for _ in range(200):
        path.write_bytes(by_layer(records, "file", rng))
        with pytest.raises(DataError):
            read(path, Settings(), "nasbench101")
