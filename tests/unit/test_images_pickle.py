"""Pickles of image archives: plain data comes out, nothing runs, damage ends in one line."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import pickletools
import tarfile

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.images import cifar10
from pipeline.images.plain_pickle import read_dict
from tests.unit.image_files import cifar10_contents, pickled, write_archive


def equal(found, expected) -> bool:
    if isinstance(expected, np.ndarray):
        return found.dtype == expected.dtype and np.array_equal(found, expected)
    return type(found) is type(expected) and found == expected


PLAIN = {
    "numbers": [0, 255, 256, -7, 1 << 40, -(1 << 70), 1.5, True, False, None],
    "nested": {"a": (1,), "b": ((), (1, 2), (1, 2, 3), (1, 2, 3, 4)), 5: ["x"]},
    "bytes": b"\x00\xff" * 200,
    "text": "Größe" * 100,
    "one": np.arange(5, dtype=">i4"),
    "pixels": np.arange(600, dtype=np.uint8).reshape(20, 30),
    "columns": np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
    "scalar": np.int64(-3),
    "again": ["same", "same"],
}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_data_comes_out_as_it_went_in(protocol):
    found = read_dict(pickle.dumps(PLAIN, protocol=protocol), "p")
    assert list(found) == list(PLAIN)
    for key, value in PLAIN.items():
        assert equal(found[key], value.item() if isinstance(value, np.generic) else value), key


@pytest.mark.parametrize("protocol", [0, 1])
def test_the_oldest_protocols_hold_names(protocol):
    plain = {
        "label_names": ["cat", "dog"],
        "num_vis": 3072,
        "ratio": 0.5,
        "pair": (1, 2),
        "more": {"a": None},
    }
    assert read_dict(pickle.dumps(plain, protocol=protocol), "p") == plain
    written_by_python_2 = (
        b"(dp1\nS'num_vis'\np2\nI3072\nsS'label_names'\np3\n(lp4\nS'cat'\np5\naS'dog'\np6\nas."
    )
    assert read_dict(written_by_python_2, "p") == {"num_vis": 3072, "label_names": [b"cat", b"dog"]}


def test_python_2_s_text_is_bytes():
    found = read_dict(pickled({"a": "cat", "b": np.array([1, 300], "<u2")}), "p")
    assert found["a"] == b"cat" and equal(found["b"], np.array([1, 300], "<u2"))


class Runs:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    "call",
    [
        (os.system, ("touch ran",)),
        (eval, ("1",)),
        (getattr, ("x", "upper")),
        (np.load, ("x",)),
        (np.dtype, ("O",)),
        (np.dtype, ("V1000000",)),
        (bytearray, (1 << 40,)),
        (pickle.loads, (b"N.",)),
    ],
)
def test_a_pickle_that_wants_to_run_code_is_refused(tmp_path, monkeypatch, call, protocol):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="batch: (cannot be read|damaged)"):
        read_dict(pickle.dumps({"data": Runs(*call)}, protocol=protocol), "batch")
    assert not list(tmp_path.iterdir())


def test_a_wicked_archive_names_the_file_and_what_it_wanted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    contents = cifar10_contents(10) | {"test_batch": pickle.dumps({"data": Runs(os.system, ("touch ran",))})}
    path = write_archive(tmp_path / "bad.tar.gz", contents)
    with pytest.raises(
        DataError, match=r"bad\.tar\.gz: test_batch: .* names (posix|nt)\.system, .* may run code"
    ):
        cifar10.read(path, cifar10.Settings(md5=None))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not a pickle",
        b"\x80\x02.",
        b"\x80\x02N.",
        b"\x80\x02]}e.",
        b"\x80\x02}(U\x01aes.",
        b"\x80\x02}]K\x01s.",  # a list as a key
        b"\x80\x02}U\x01ah\x07s.",  # an object that was never numbered
        b"\x80\x02NR.",
        b"\x80\x02Nb.",
        b"\x80\x02}U\x01acnumpy\ndtype\nU\x02u1\x85Rb.",
        b"\x80\x02}T\xff\xff\xff\x7fabc.",  # a text of two gigabytes
        b"\x80\x02}T\xff\xff\xff\xffabc.",
        b"\x80\x04}\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
        b"\x80\x02}r\xff\xff\xff\x7f",
        b"\x80\x02}I" + b"9" * 10_000 + b"\ns.",
        b"(" * 100_000,
        b"]" * 100_000 + b"a" * 99_999 + b".",
    ],
)
def test_what_is_no_dict_is_refused(raw):
    with pytest.raises(DataError, match="^p: "):
        read_dict(raw, "p")


def test_a_number_for_an_object_costs_nothing():
    assert read_dict(b"\x80\x02}r\xff\xff\xff\x7f.", "p") == {}  # Python's own pickle takes 34 gigabytes


def test_endless_instructions_are_stopped():
    with pytest.raises(DataError, match="more than 1000000 instructions"):
        read_dict(b"\x80\x02" + b"N" * 4_100_000, "p")


@pytest.mark.parametrize("shape", [(1 << 20, 1 << 20), (0, 1 << 40), (-2, 5), (2, 5, 1), (11,), (True, 10)])
def test_an_array_has_the_bytes_that_its_shape_needs(shape):
    class Other:
        def __reduce__(self):
            function, args, _ = np.zeros(10, np.uint8).__reduce__()
            return function, args, (1, shape, np.dtype("u1"), False, b"0123456789")

    with pytest.raises(DataError, match="an array of shape"):
        read_dict(pickle.dumps({"data": Other()}, protocol=2), "p")


def outcome(path) -> str:
    """Return how reading ends: "read", or the error's line."""
    try:
        cifar10.read(path, cifar10.Settings(md5=None))
    except DataError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
        return str(error)
    return "read"


def damaged(raw: bytes, rng: np.random.Generator) -> bytes:
    """Return `raw` with some bytes changed, left out, doubled or cut off at the end."""
    data = bytearray(raw)
    kind, place = rng.integers(5), int(rng.integers(len(data)))
    length = int(rng.integers(1, 30))
    if kind == 0:
        data[place] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        data[place : place + length] = rng.bytes(length)
    elif kind == 2:
        del data[place : place + length]
    elif kind == 3:
        data[place:place] = data[place : place + length]
    else:
        del data[place:]
    return bytes(data)


def test_damaged_archives_end_in_one_line(tmp_path):
    """Damage in the compressed file, in the archive below, and in one pickle of it."""
    rng, contents, path = np.random.default_rng(7), cifar10_contents(2), tmp_path / "bad.tar.gz"
    plain = gzip.decompress(write_archive(path, contents).read_bytes())
    assert outcome(path) == "read"
    packed = path.read_bytes()
    ends = []
    for _ in range(250):
        path.write_bytes(damaged(packed, rng))
        ends.append(outcome(path))
    for _ in range(250):
        path.write_bytes(gzip.compress(damaged(plain, rng), 1))
        ends.append(outcome(path))
    for _ in range(300):
        name = ("data_batch_2", "batches.meta")[int(rng.integers(2))]
        write_archive(path, {**contents, name: damaged(pickled(contents[name]), rng)})
        ends.append(outcome(path))
    assert len(set(ends)) > 60 and ends[:250].count("read") < 25


def test_structure_damaged_instruction_by_instruction():
    """Each instruction of a batch's pickle left out, doubled, or replaced by each known one."""
    raw = pickle.dumps({"data": np.zeros((1, 4), np.uint8), "labels": [3], "f": ["a"]}, protocol=4)
    places = [place for _, _, place in pickletools.genops(raw)]
    pieces = [raw[a:b] for a, b in zip(places, [*places[1:], len(raw)], strict=True)]
    others = {op.code.encode("latin1") for op in pickletools.opcodes if op.arg is None}
    for number, piece in enumerate(pieces):
        for other in ({b"", piece * 2} | others) - {piece}:
            changed = b"".join([*pieces[:number], other, *pieces[number + 1 :]])
            try:
                read_dict(changed, "p")
            except DataError as error:
                assert str(error).startswith("p: ")


def test_a_tar_header_that_lies_about_sizes(tmp_path):
    path = tmp_path / "bad.tar.gz"
    info = tarfile.TarInfo("test_batch")
    info.size = 1 << 33
    path.write_bytes(gzip.compress(info.tobuf() + b"\0" * 2048))
    assert "more than 1024 MiB" in outcome(path)
    info.size = 5000
    path.write_bytes(gzip.compress(info.tobuf() + b"\0" * 100))
    assert "cut short or damaged" in outcome(path)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x" * 300))
    path.write_bytes(gzip.compress(buffer.getvalue()))
    assert "there is no data_batch_1" in outcome(path)
