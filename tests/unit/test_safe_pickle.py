"""The pickle machine: agrees with pickle on data, refuses everything else, in bounded time and memory."""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from pipeline.benchmarks.readers.safe_pickle import Machine
from pipeline.errors import DataError

ROOT = Path(__file__).resolve().parents[2]


def load(data: bytes, **options):
    return Machine(io.BytesIO(data).read, "file.pth", **options).load()


def refused(data: bytes) -> str:
    with pytest.raises(DataError) as error:
        load(data)
    assert str(error.value).startswith("file.pth: ")
    return str(error.value)


CURVE = {i: i / 7 for i in range(200)}
SET_CURVE = {f"x-valid@{i}": i / 3 for i in range(1200)}
DATA = [
    None,
    [True, False, 0, 255, 256, 65536, -1, -(2**40), 1.5, float("inf"), "", "ä" * 300, b"", b"\x00" * 300],
    {"a": (1,), "b": (1, 2), "c": (1, 2, 3), "d": (1, 2, 3, 4), "e": (), "f": [], "g": {}},
    {("cifar10", 777): {1: [1, 2]}, 5: {"x": 1}, 1.5: None, True: "t"},
    {"curve": CURVE, "again": CURVE},
    {"acc": SET_CURVE, "loss": {key: 2.0 for key in SET_CURVE}, "one": {"x-valid@1": 1.0}},
    {"dict": OrderedDict(a=1, b=[2]), "few": OrderedDict(CURVE)},
    [{"x-valid@1": float(i), "x-valid@2": -float(i)} for i in range(20_000)],
    ["long " * 1000] * 3,
]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("number", range(len(DATA)))
def test_agrees_with_pickle(number, protocol):
    value = DATA[number]
    if protocol == 2 and number == 1:
        value = value[:-2]  # bytes are made by a call in protocol 2
    data = pickle.dumps(value, protocol)
    assert load(data) == value
    if number < 7:
        assert load(pickletools.optimize(data)) == value  # numbers with gaps


def test_reads_piece_by_piece():
    data = pickle.dumps(DATA[4:7], 2)
    stream = io.BytesIO(data)
    assert Machine(lambda n: stream.read(7), "file.pth").load() == DATA[4:7]


@pytest.mark.parametrize("protocol", [2, 4])
def test_numpy_scalars_become_numbers_and_sets_lists(protocol):
    numbers = [np.float64(1.25), np.float32(0.5), np.int64(-3), np.uint8(200), np.float64(2.5)]
    assert load(pickle.dumps(numbers, protocol)) == [1.25, 0.5, -3, 200, 2.5]
    assert sorted(load(pickle.dumps({3, 1, 2}, protocol))) == [1, 2, 3]
    assert load(pickle.dumps(np.dtype(">f8").type(3.5), protocol)) == 3.5
    big = np.frombuffer(struct.pack(">d", 3.5), ">f8")[0]
    assert load(pickle.dumps(big, protocol)) == 3.5


def test_shared_objects_stay_shared():
    inner = [1]
    found = load(pickle.dumps([inner, inner], 2))
    assert found[0] is found[1]


def test_arrays_and_tensors_are_passed_over():
    found = load(pickle.dumps({"a": np.arange(3), "b": 1}, 4))
    assert found["b"] == 1 and type(found["a"]).__name__ == "Unread"


def test_records_are_handed_over_and_forgotten():
    infos = {
        i: {"x-valid@1": float(i), "name": "shared", "part": {"a": 1}, "n": np.float64(i)}
        for i in range(2500)
    }
    top = {"first": [1, 2], "infos": infos, "last": "shared"}
    seen = {}

    def record(key, value):
        seen[key] = dict(value)

    machine = Machine(io.BytesIO(pickle.dumps(top, 2)).read, "f", record, "infos")
    found = machine.load()
    assert seen == infos
    assert found == {"first": [1, 2], "infos": dict.fromkeys(infos), "last": "shared"}
    kept = [value for value in machine.memo if type(value) is dict]
    assert len(kept) <= 2  # the two outer ones


def test_records_share_texts_numbers_and_pairs_but_no_containers():
    number, pair, inner, seen = np.float64(1.5), ("cifar10", 777), [1], []
    infos = {i: {"n": number, pair: "text", "own": {}} for i in range(10)}
    stream = io.BytesIO(pickle.dumps({"a": 0, "infos": infos}, 2))
    Machine(stream.read, "f", lambda key, value: seen.append(value), "infos").load()
    assert seen == [{"n": 1.5, pair: "text", "own": {}}] * 10
    shared = io.BytesIO(
        pickle.dumps({"a": 0, "infos": {i: {"list": inner, "own": {}} for i in range(10)}}, 2)
    )
    with pytest.raises(DataError, match="two records share an object"):
        Machine(shared.read, "f", lambda key, value: None, "infos").load()


def test_curves_that_are_not_needed_stay_empty():
    found = load(pickle.dumps({"a": CURVE, "b": SET_CURVE, "c": dict(SET_CURVE)}, 2), skip=frozenset("ab"))
    assert found["a"] == {} and found["c"] == SET_CURVE


# --- attacks: nothing of this may run, fill the memory or take long

ATTACKS = {
    "os.system": b"cposix\nsystem\n(X\x02\x00\x00\x00idtR.",
    "os.system, protocol 4": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.",
    "eval": b"c__builtin__\neval\n(X\x03\x00\x00\x001+1tR.",
    "getattr": b"cbuiltins\ngetattr\n(cbuiltins\ndict\nX\x03\x00\x00\x00gettR.",
    "bytearray": b"cbuiltins\nbytearray\n(\x8a\x06\x00\x00\x00\x00\x00\x10tR.",
    "a module that looks allowed": b"cnumpy\nload\n(X\x01\x00\x00\x00xtR.",
    "a dotted name": b"\x80\x04\x8c\x0bcollections\x8c\x1bOrderedDict.__init__.__func__\x93.",
    "a name made of numbers": b"\x80\x04K\x01K\x02\x93.",
    "instance": b"(iposix\nsystem\n.",
    "object": b"(cposix\nsystem\nX\x02\x00\x00\x00ido.",
    "newobj": b"\x80\x02ccollections\nOrderedDict\n)\x81.",
    "extension": b"\x80\x02\x82\x01.",
    "call of a dict": b"}(ttR.",
    "state of a dict": b"}}b.",
    "array of absurd size": b"cnumpy\nzeros\n(\x8a\x06\x00\x00\x00\x00\x00\x10tR.",
    "dtype that runs code": b"cnumpy\ndtype\nX\x01\x00\x00\x00O\x85R.",
    "big dtype": b"cnumpy\ndtype\nX\x0b\x00\x00\x00V1000000000\x85R.",
    "big scalar": b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\x00\x00\x00f8\x85RU\x01a\x86R.",
    "encode": b"c_codecs\nencode\nX\x02\x00\x00\x00idX\x05\x00\x00\x00rot13\x86R.",
    "memo number": b"\x80\x02}r\xff\xff\xff\xff.",
    "memo without": b"\x80\x02h\x05.",
    "length of a text": b"\x80\x02X\xff\xff\xff\xffabc.",
    "length of bytes": b"\x80\x05\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
    "length of a bytearray": b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
    "length of a number": b"\x80\x02\x8b\xff\xff\xff\x7fabc.",
    "digits of a number": b"L" + b"9" * 100_000 + b"L\n.",
    "nested key": b"\x80\x02})" + b"2\x86" * 60 + b"Ns.",
    "key of nested tuples": b"\x80\x02}Nq\x00" + b"\x85q\x00h\x00\x86q\x00" * 60 + b"Ns.",
    "list as key": b"}]Ns.",
    "not text": b"X\x02\x00\x00\x00\xff\xfe.",
    "pop of nothing": b"\x80\x02s.",
    "mark of nothing": b"\x80\x02u.",
    "odd entries": b"}(K\x01u.",
    "two objects": b"NN.",
    "open mark": b"N(.",
    "no end": b"N",
    "empty": b"",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_refused(name, monkeypatch):
    def never(*args):
        raise AssertionError("something was run")

    monkeypatch.setattr("os.system", never)
    monkeypatch.setattr("posix.system", never)
    monkeypatch.setattr("builtins.eval", never)
    refused(ATTACKS[name])


def test_a_refused_name_is_said():
    assert "posix.system" in refused(ATTACKS["os.system"])
    assert "byte" in refused(ATTACKS["memo number"])


def test_messages_say_where():
    data = pickle.dumps(
        {"a": 0, "infos": {1: {"a": 1, "b": 2}, 17: {"c": 0, "full": {"x": 0, "bad": print}}}}, 2
    )
    assert "infos[17].full.bad, byte" in refused(data)


def test_every_truncation_is_refused():
    data = pickle.dumps({"a": SET_CURVE, "b": np.float64(3)}, 2)
    for size in [*range(60), *range(60, len(data), 97)]:
        assert "truncated" in refused(data[:size]) or size < 3


BOMBS = {
    "dicts": 'b"\\x80\\x02" + b"}" * 10_000_000',
    "numbered lists": 'b"\\x80\\x02" + b"]\\x94" * 10_000_000',
    "nested lists": 'b"\\x80\\x02" + b"]" * 1_000_000 + b"a" * 999_999 + b"."',
    "deep tuples": 'b"\\x80\\x02N" + b"\\x85" * 1_000_000 + b"."',
    "marks": 'b"\\x80\\x02" + b"(" * 10_000_000',
    "texts by name": 'b"\\x80\\x02X\\x00\\x00\\x10\\x00" + b"a" * (1 << 20) + b"q\\x00" + '
    'b"c_codecs\\nencode\\nh\\x00X\\x06\\x00\\x00\\x00latin1\\x86R" * 200_000',
    "sets of a long list": 'b"\\x80\\x02](" + b"N" * 2_000_000 + b"eq\\x00" + '
    'b"c__builtin__\\nset\\nh\\x00\\x85R" * 250_000',
    "doubling": 'b"\\x80\\x02]q\\x00" + b"](h\\x00h\\x00eq\\x00" * 200_000 + b"."',
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_stay_small_and_short(name):
    code = f"""
import io, resource, time
import numpy
from pipeline.benchmarks.readers.safe_pickle import Machine
from pipeline.errors import DataError
data = {BOMBS[name]}
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
started = time.process_time()
try:
    Machine(io.BytesIO(data).read, "file").load()
except DataError as error:
    print(str(error)[:200])
assert time.process_time() - started < 20
status = open("/proc/self/status").read()  # ru_maxrss starts at that of pytest itself
peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
assert peak < 600, peak
"""
    environment = {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-600:]


def test_mutated_pickles_are_refused_or_read():
    rng = np.random.default_rng(5)
    small = {"a": CURVE, "b": {"x@1": 1.0, "y@2": 2.0}, "c": [np.float64(1), (1, 2), {3}, OrderedDict(a=1)]}
    seeds = [pickle.dumps(small, protocol) for protocol in (2, 4)]
    outcomes = [0, 0]
    for _ in range(3000):
        data = bytearray(seeds[rng.integers(2)])
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(len(data))] = rng.integers(256)
        try:
            load(bytes(data))
            outcomes[0] += 1
        except DataError:
            outcomes[1] += 1
    assert min(outcomes) > 100
