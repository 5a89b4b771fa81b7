"""Benchmark files that are made to do harm: each is refused in one line, in bounded time and memory."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet

from pipeline.benchmarks.readers.crc32c import crc32c, masked
from tests.hostile.pickles import PICKLES, TOUCH, calling, legacy
from tests.hostile.running import assert_refused, run_cases

READERS = {  # benchmark -> (space, reader, its file, the labels)
    "pth": ("nasbench201", "nasbench201", "a.pth", "cifar10-valid/val_acc@200"),
    "nats": ("nasbench201", "nats_bench", "nats", "cifar10-valid/val_acc@200"),
    "tfrecord": ("nasbench101", "nasbench101", "a.tfrecord", "cifar10/val_acc@108"),
    "json": ("darts", "nasbench301", "json", "cifar10/val_acc@100"),
    "table": ("nasbench201", "csv", "a.csv", "cifar10-valid/val_acc@200"),
}
HEADER = b"arch,val\n"
ROWS = (b"a" * 61 + b",1\n") * (1 << 18)  # 16 MiB that are packed to some 30 kB


def pth_files(folder: Path):
    """Yield (file, what the message says) for NAS-Bench-201's reader."""
    for number, (pickled, reason) in enumerate(PICKLES.values()):
        file = folder / f"legacy{number}.pth"
        file.write_bytes(legacy(pickled))
        yield file, reason
    harm = calling("os", "system", TOUCH)
    yield zipped(folder / "wild.pth", [("archive/data.pkl", harm, zipfile.ZIP_STORED)]), "os.system"
    bomb = b"\x80\x02]" + b"K\x00a" * (1 << 20)
    packed = [("archive/data.pkl", bomb, zipfile.ZIP_DEFLATED)]
    yield zipped(folder / "bomb.pth", packed), "without one plain data.pkl"
    twice = [(f"{name}/data.pkl", harm, zipfile.ZIP_STORED) for name in "ab"]
    yield zipped(folder / "twice.pth", twice), "without one plain data.pkl"
    tensor = (
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpu\x8a\x08"
        + (1 << 60).to_bytes(8, "little")
        + b"tQK\x00\x8a\x08"
        + (1 << 60).to_bytes(8, "little")
        + b"\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR."
    )
    yield zipped(folder / "storage.pth", [("archive/data.pkl", tensor, zipfile.ZIP_STORED)]), "meta_archs"
    directory = folder / "directory.pth"
    entry = b"PK\x03\x04" + bytes(100) + b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 9, 9, 1 << 31, 0, 0)
    directory.write_bytes(entry)
    yield directory, "made to do harm"


def zipped(file: Path, entries) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content, method in entries:
            archive.writestr(name, content, compress_type=method)
    return file


def tfrecord_files(folder: Path):
    """Yield (file, reason): lengths that no file has."""
    for number, length in enumerate((1 << 60, (1 << 64) - 1, 1 << 20)):
        head = struct.pack("<Q", length)
        right = int(masked(crc32c(np.frombuffer(head, np.uint8), np.array([0]), np.array([8])))[0])
        for kind, total in (("right", right), ("wrong", right ^ 1)):
            file = folder / f"{kind}{number}.tfrecord"
            file.write_bytes(head + struct.pack("<I", total) + b"x" * 100)
            yield file, "bytes long" if kind == "right" else "no TFRecord file"


def folder_with_a_pipe(folder: Path, name: str) -> Path:
    """Make a folder in which a pipe stands in a file's place, and return it."""
    folder.mkdir()
    os.mkfifo(folder / name)
    return folder


def json_folders(folder: Path):
    """Yield (folder, reason): one results_1.json in each."""
    contents = {
        "deep": b"[" * 100_000 + b"]" * 100_000,
        "deep mappings": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "huge number": b'{"budget": ' + b"9" * 1_000_000 + b"}",
        "infinite": b'{"optimized_hyperparamater_config": {}, "info": [{}], "budget": 1e999, "runtime": 1}',
        "large": b" " * (17 << 20),
    }
    reasons = ("nested too deeply", "nested too deeply", "no whole JSON", "finite number", "bytes; expected")
    for (name, content), reason in zip(contents.items(), reasons, strict=True):
        (folder / name).mkdir()
        (folder / name / "results_1.json").write_bytes(content)
        yield folder / name, reason
    yield folder_with_a_pipe(folder / "pipe", "results_1.json"), "no regular file"
    (folder / "device").mkdir()
    (folder / "device" / "results_1.json").symlink_to("/dev/zero")
    yield folder / "device", "no regular file"


def nats_folders(folder: Path):
    """Yield (folder, reason): one meta.pickle.pbz2 in each."""
    contents = {
        "wild": (bz2.compress(calling("os", "system", TOUCH)), "os.system"),
        "bomb": (bz2.compress(b"\x80\x02]" + bytes(8 << 20)), "more than"),
        "nested": (bz2.compress(b"\x80\x02" + b"]" * 1_000_000 + b"a" * 999_999 + b"."), "meta_archs"),
    }
    for name, (content, reason) in contents.items():
        (folder / name).mkdir()
        (folder / name / "meta.pickle.pbz2").write_bytes(content)
        yield folder / name, reason
    yield folder_with_a_pipe(folder / "pipe", "meta.pickle.pbz2"), "no regular file"
    yield Path("/dev/zero"), "neither a regular file nor a folder"


def table_files(folder: Path):
    """Yield (file, reason): CSV and Parquet."""
    bomb = HEADER + ROWS
    zst = zstandard.ZstdCompressor().compress(bytes(4 << 20))
    contents = {
        "rows.csv.gz": (gzip.compress(bomb), "unfolds to more"),
        "rows.csv.bz2": (bz2.compress(bomb), "unfolds to more"),
        "rows.csv.xz": (lzma.compress(bomb), "unfolds to more"),
        "rows.csv.zst": (zstandard.ZstdCompressor().compress(bomb), "unfolds to more"),
        "line.csv.gz": (gzip.compress(b"a" * (4 << 20), 1), "has more than"),
        "zeros.csv.zst": (zst, "has more than"),
        "columns.csv": (b",".join(b"%d" % n for n in range(150_000)) + b"\n1\n", "no column"),
        "twice.csv": (b"a," * 300_000 + b"b\n1\n", "comes twice"),
        "field.csv": (HEADER + b'"' + b"a\n" * 200_000 + b'",1\n', "not a CSV row"),
        "quote.csv": (HEADER + b'"' + b"a" * 1000, "not a CSV row"),
        "zero.csv": (HEADER + b"a\0b,1\n", "zero bytes"),
        "latin.csv": (HEADER + "é,1\n".encode("latin1"), "not UTF-8"),
        "wide.csv": ("arch,val\na,1\n".encode("utf-16"), ""),
        "number.csv": (HEADER + b"|none~0|+|none~0|none~1|+|none~0|none~1|none~2|," + b"9" * 9000, "no"),
        "formula.csv": (HEADER + b"\"=HYPERLINK(\"\"http://x\"\")\",1\n", "row 1"),
        "dictionary.csv.xz": (xz_of_a_huge_dictionary(), "MemoryError"),
        "footer.parquet": (b"PAR1" + bytes(20) + struct.pack("<I", 1 << 31) + b"PAR1", "not a whole"),
        "thrift.parquet": (b"PAR1" + b"\x1c" * 5000 + struct.pack("<I", 5000) + b"PAR1", "not a whole"),
    }  # fmt: skip
    for name, (content, reason) in contents.items():
        (folder / name).write_bytes(content)
        yield folder / name, reason
    yield parquet_of(folder / "rows.parquet", "x", 10_000_001), "rows, expected at most"
    yield parquet_of(folder / "text.parquet", "x" * 1_000_000, 100_000), "row 1"


def parquet_of(file: Path, value: str, rows: int) -> Path:
    """Write a table of one value in all rows: a small file."""
    column = pa.DictionaryArray.from_arrays(np.zeros(rows, np.int8), pa.array([value]))
    numbers = pa.DictionaryArray.from_arrays(np.zeros(rows, np.int8), pa.array(["0.5"]))
    parquet.write_table(pa.table({"arch": column, "val": numbers}), file, compression="zstd")
    return file


def xz_of_a_huge_dictionary() -> bytes:
    """Return an .xz stream whose header asks for 1.5 GiB to unpack with."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 12}]
    raw = bytearray(lzma.compress(HEADER + b"a,1\n", filters=filters))
    place = raw.index(b"\x21\x01", 12) + 2  # filter LZMA2, one byte of properties: the size
    raw[place] = 37
    size = (raw[12] + 1) * 4
    raw[12 + size - 4 : 12 + size] = struct.pack("<I", zlib.crc32(bytes(raw[12 : 12 + size - 4])))
    return bytes(raw)


def settings(space: str, reader: str, file: str, metric: str) -> dict:
    """Return the configuration of one benchmark."""
    own = {"columns": {"arch_str": "arch"}, "metrics": {metric: "val"}} if reader == "csv" else {}
    files = [{"reader": reader, "file": file, **own}]
    return {"space": space, "source": "files", "files": files, "val_metric": metric}


GROUPS = {
    "pth": pth_files,
    "nats": nats_folders,
    "tfrecord": tfrecord_files,
    "json": json_folders,
    "table": table_files,
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """({group: {file: outcome}}, {group: {file: reason}}) of all files, read in one process."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "config.yaml").write_text(
        json.dumps({"benchmarks": {n: settings(*r) for n, r in READERS.items()}})
    )
    cases, reasons = {}, {}
    for group, files in GROUPS.items():
        (folder / group).mkdir()
        for file, reason in files(folder / group):
            name = f"{group}:{file.name}"
            reasons[name] = reason
            shared = ["--configfile", "config.yaml", "--log", "logs/log"]
            cases[name] = ["ingest", *shared, "--benchmark", group, "--file", str(file), "--out", "out.h5"]
    return run_cases(folder, cases, ["pipeline.config.model", "pyarrow.parquet", "pandas", "h5py"]), reasons


@pytest.mark.parametrize("group", GROUPS)
def test_files_are_refused(outcomes, group):
    found, reasons = outcomes
    names = [name for name in reasons if name.startswith(f"{group}:")]
    assert len(names) >= 4
    for name in names:
        assert_refused(found[name], reasons[name])
