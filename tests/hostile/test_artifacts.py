"""Artifacts and kept results that are made to do harm."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.hostile.pickles import PICKLES, TOUCH, calling
from tests.hostile.running import assert_refused, run_cases

HARM = calling("os", "system", TOUCH)


def h5_files(folder: Path):
    """Yield (file, what the message says)."""
    for name, (fill, reason) in FILLS.items():
        file = folder / f"{name}.h5"
        with h5py.File(file, "w", libver="latest") as handle:
            handle.attrs["kind"] = "benchmark"
            handle.attrs["provenance"] = "{}"
            fill(handle)
        yield file, reason
    for name, content in (("empty", b""), ("zeros", bytes(4096)), ("pickle", HARM)):
        (folder / f"{name}.h5").write_bytes(content)
        yield folder / f"{name}.h5", "not a whole HDF5 file"
    os.mkfifo(folder / "pipe.h5")
    yield folder / "pipe.h5", "no regular file"
    yield Path("/dev/zero"), "no regular file"


def table(handle: h5py.File, **options) -> None:
    """Give the file a table of one column."""
    group = handle.create_group("table")
    group.attrs["columns"] = ["x"]
    group.create_dataset("x", **options)


def external_link(handle) -> None:
    handle["table"] = h5py.ExternalLink("/etc/passwd", "/table")


def soft_link(handle) -> None:
    handle["table"] = h5py.SoftLink("/archs")


def virtual(handle) -> None:
    layout = h5py.VirtualLayout((10,), "f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (10,))
    handle.create_group("table").create_virtual_dataset("x", layout)


def chain(handle) -> None:
    group = handle
    for _ in range(3000):
        group = group.create_group("g")


def circle(handle) -> None:
    handle["table/again"] = handle.create_group("table")
    handle["table/columns"] = handle["/"]


def plug_in_filter(handle) -> None:
    table(handle, data=np.zeros(1000), compression="lzf")


def attribute(name: str, value):
    def fill(handle) -> None:
        table(handle, data=[1.0])
        handle.attrs[name] = value

    return fill


FILLS = {  # name -> (what is put into the file, what the message says)
    "external link": (external_link, "link to another place or file"),
    "soft link": (soft_link, "link to another place or file"),
    "virtual": (virtual, "in other files"),
    "external storage": (
        lambda h: table(h, shape=(10,), dtype="u1", external=[("/etc/passwd", 0, 10)]),
        "in other files",
    ),
    "2 to the 50": (lambda h: table(h, shape=(1 << 50,), dtype="f8", chunks=(1 << 20,)), "too many"),
    "2 to the 50, packed": (
        lambda h: table(h, shape=(1 << 30, 1 << 20), dtype="u1", chunks=(1 << 10, 1 << 10), compression=1),
        "too many",
    ),
    "small chunks": (lambda h: table(h, shape=(1 << 40,), dtype="f8", chunks=(1 << 10,)), "too many"),
    "chunk": (lambda h: table(h, shape=(10,), maxshape=(None,), dtype="u1", chunks=(1 << 31,)), "too many"),
    "texts": (lambda h: table(h, shape=(1 << 28,), dtype="S1", chunks=(1 << 20,), compression=1), "too many"),
    "texts of any length": (lambda h: table(h, data=["a"], dtype=h5py.string_dtype()), "texts of one length"),
    "lists": (lambda h: table(h, shape=(2,), dtype=h5py.vlen_dtype("f8")), "texts of one length"),
    "references": (lambda h: table(h, shape=(2,), dtype=h5py.ref_dtype), "texts of one length"),
    "fields": (lambda h: table(h, shape=(2,), dtype=[("a", "f8"), ("b", "u1")]), "texts of one length"),
    "opaque": (lambda h: table(h, data=np.array([b"x"], "V1")), "texts of one length"),
    "chain": (chain, "deeper than"),
    "circle": (circle, "lacks what"),
    "filter": (plug_in_filter, "another filter"),
    "kind": (attribute("kind", [1, 2]), "not written by nasflow"),
    "nothing": (lambda h: None, "has no table"),
}  # fmt: skip


def npy(shape: tuple, content: bytes, descr: str = "<f8") -> bytes:
    """Return an array of a .npz file that declares a shape."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": descr, "fortran_order": False, "shape": shape})
    return out.getvalue() + content


def npz_files(folder: Path):
    """Yield the files of kept results that are not what they should be."""
    zeros = bytes(8 << 20)
    objects = io.BytesIO()
    np.savez(objects, keys=np.array([{}], dtype=object))
    entries = {
        "huge": [("keys.npy", npy((1 << 50,), b"")), ("cell.npy", npy((1 << 50,), b""))],
        "overflow": [("keys.npy", npy((1 << 62, 1 << 62), b"")), ("cell.npy", npy((1 << 62,), b""))],
        "negative": [("keys.npy", npy((-1,), b"")), ("cell.npy", npy((-1,), b""))],
        "bomb": [(f"{n}.npy", npy((150 << 20,), zeros * 150)) for n in ("keys",)],
        "header": [("keys.npy", b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535)],
        "call": [("keys.npy", npy((1,), b"x" * 8, "O")), ("cell.npy", HARM)],
    }
    for name, parts in entries.items():
        with zipfile.ZipFile(folder / f"{name}.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for entry, content in parts:
                archive.writestr(entry, content)
        yield folder / f"{name}.npz"
    for name, content in {
        "objects": objects.getvalue(),
        "pickle": HARM,
        "directory": b"PK\x05\x06" * 9,
    }.items():
        (folder / f"{name}.npz").write_bytes(content)
        yield folder / f"{name}.npz"


def checkpoints(folder: Path):
    """Yield checkpoints with a right digest, which nobody but a program of ours would write."""
    contents = [pickled for pickled, _ in PICKLES.values()]
    for pickled in (HARM, pickle.dumps(bytearray(10)), *contents[8:14]):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("archive/data.pkl", pickled)
            archive.writestr("archive/byteorder", "little")
            archive.writestr("archive/version", "3\n")
        contents.append(out.getvalue())
    for number, content in enumerate(contents):
        file = folder / f"{number}.pt"
        file.write_bytes(hashlib.sha256(content).digest() + content)
        yield file


def surrogates(folder: Path):
    """Yield models of XGBoost with a right checksum."""
    key = _ubj_text("nasflow_sha256") + b"S" + _ubj_text("0" * 64)
    huge = (1 << 60).to_bytes(8, "big")
    bodies = {
        "deep lists": b"[" * 300_000 + b"]" * 300_000,
        "deep mappings": (b"{" + _ubj_text("a")) * 300_000 + b"}" * 300_000,
        "counted": b"[#L" + (1).to_bytes(8, "big") * 1 + b"[#L" * 1 + huge,
        "array": b"[$d#L" + huge,
        "text": b"SL" + huge,
        "negative": b"SL" + b"\xff" * 8,
        "nothing": b"Z",
    }
    for name, body in bodies.items():
        content = b"{" + key + _ubj_text("a") + body + b"}"
        sealed = hashlib.sha256(content).hexdigest().encode()
        (folder / f"{name}.ubj").write_bytes(content.replace(b"0" * 64, sealed, 1))
        yield folder / f"{name}.ubj"


def _ubj_text(text: str) -> bytes:
    return b"L" + len(text).to_bytes(8, "big") + text.encode()


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    cases, reasons = {}, {}

    def add(name: str, words: list[str], reason: str) -> None:
        cases[name], reasons[name] = words, reason

    for file, reason in h5_files(folder):
        add(f"export:{file.name}", ["export", str(file), "--csv", "out.csv", "--log", "logs/log"], reason)
    for file, _ in h5_files_again(folder):
        add(f"describe:{file.name}", ["benchmark", str(file), "--log", "logs/log"], "")
    for file in npz_files(folder):
        add(f"scores:{file.name}", ["call", "kept_scores", str(file)], "damaged")
        add(f"outputs:{file.name}", ["call", "kept_outputs", str(file)], "nothing is taken")
    for file in checkpoints(folder):
        add(f"checkpoint:{file.name}", ["call", "checkpoint", str(file)], "from its beginning")
    for file in surrogates(folder):
        add(f"surrogate:{file.name}", ["call", "surrogate", str(file)], "")
    imports = ["pipeline.config.model", "pandas", "h5py", "scipy.stats", "sklearn", "torch", "xgboost"]
    return run_cases(
        folder, cases, [*imports, "pipeline.io_dataset.kept", "pipeline.storage.checkpoint_file"]
    ), reasons


def h5_files_again(folder: Path):
    """Yield the same files, as they are there by now."""
    return [(folder / f"{name}.h5", "") for name in FILLS]


@pytest.mark.parametrize("kind", ["export", "describe", "scores", "outputs", "checkpoint", "surrogate"])
def test_files_are_refused(outcomes, kind):
    found, reasons = outcomes
    names = [name for name in reasons if name.startswith(f"{kind}:")]
    assert len(names) > 5
    for name in names:
        assert_refused(found[name], reasons[name])


def test_attributes_that_share_a_long_text(tmp_path):
    """Many elements of an attribute can point to one text of the file."""
    from pipeline.storage.plain_h5 import SPARE, _check_attributes, _Odd

    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as handle:
        handle.attrs.create("columns", ["x"] * 2000, dtype=h5py.string_dtype())
        _check_attributes(handle.id, "/", SPARE // 2000)
        with pytest.raises(_Odd, match="attribute columns of / has 2000 texts"):
            _check_attributes(handle.id, "/", SPARE // 2000 + 1)


def test_records_beside_artifacts_are_plain_json(tmp_path):
    from pipeline.storage.sidecars import read_run_record

    for content in ("[" * 100_000, "[1]", "\0", json.dumps("x")):
        (tmp_path / "a.h5.run.json").write_text(content)
        assert read_run_record(tmp_path / "a.h5") == {}
