"""Archives and image files that are made to do harm."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import tarfile
import zlib
from pathlib import Path

import pytest
from PIL import Image

from tests.hostile.pickles import PICKLES, TOUCH, calling
from tests.hostile.running import assert_refused, run_cases
from tests.unit.image_files import cifar10_contents, pickled

ZEROS = gzip.compress(bytes(16 << 20), 9)  # 16 MiB in 16 kB; such members may follow each other
AWAY = "../../harm-was-done"


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **facts) -> bytes:
    """Return a member of a tar archive."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    for key, value in facts.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def packed(*parts: bytes) -> bytes:
    return gzip.compress(b"".join(parts), 1)


def batches(**changes: bytes) -> list[bytes]:
    """Return the members of a small archive of CIFAR-10, some with other contents."""
    contents = {name: pickled(content) for name, content in cifar10_contents(20).items()} | changes
    return [member(f"cifar-10-batches-py/{name}", content) for name, content in contents.items()]


def archives() -> dict[str, tuple[bytes, str]]:
    """Return {name: (content of a .tar.gz, what the message says)}."""
    found = {
        f"pickle {number}": (packed(*batches(data_batch_1=raw)), "")
        for number, (raw, _) in enumerate(PICKLES.values())
    }
    link = {"kind": tarfile.SYMTYPE, "linkname": AWAY}
    header = member("x", kind=b"L", size=1 << 33)
    extended = member("x", kind=b"x", size=300 << 20)
    big = [ZEROS] * 20
    return found | {
        "path away": (packed(member(AWAY, b"x")), "there is no data_batch_1"),
        "whole path": (packed(member("/tmp/harm-was-done", b"x")), "there is no data_batch_1"),
        "link": (packed(member("data_batch_1", **link), member("data_batch_1/x", b"x")), "there is no"),
        "hard link": (
            packed(member("data_batch_1", kind=tarfile.LNKTYPE, linkname="/etc/passwd")),
            "there is no data_batch_1",
        ),
        "device": (
            packed(member("data_batch_1", kind=tarfile.CHRTYPE, devmajor=1, devminor=5)),
            "there is no data_batch_1",
        ),
        "pipe": (packed(member("data_batch_1", kind=tarfile.FIFOTYPE)), "there is no data_batch_1"),
        "long name": (gzip.compress(header) + b"".join(big), "of headers"),
        "extended header": (gzip.compress(extended) + b"".join(big), "of headers"),
        "headers": (packed(member("x") * 40_000), "of headers"),
        "chain": (packed(member("x", b"y" * 500, kind=b"L") * 3000), "damaged"),
        "large": (gzip.compress(member("data_batch_1", size=1 << 35)) + ZEROS, "MiB of files"),
        "tail": (gzip.compress(b"".join(batches()), 1) + ZEROS * 70, "goes on after"),
        "wild": (packed(*batches(test_batch=calling("os", "system", TOUCH))), "os.system"),
    }


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of one bit a pixel that declares its size, with no more pixels than a few."""
    head = struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    framed = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def folders(folder: Path):
    """Yield (image folder, what the message says): two classes, one odd image."""
    small, jpeg = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (8, 8)).save(small, "PNG")
    Image.new("RGB", (8, 8)).save(jpeg, "JPEG")
    place = jpeg.getvalue().index(b"\xff\xc0") + 5
    large = jpeg.getvalue()[:place] + struct.pack(">2H", 60_000, 60_000) + jpeg.getvalue()[place + 4 :]
    bomb = zlib.compress(bytes(100 << 20), 1)
    contents = {
        "60000.png": (png(60_000, 60_000), "pixels"),
        "most.png": (png(12_000, 12_000), "pixels, expected at most"),
        "endless.png": (png((1 << 31) - 1, (1 << 31) - 1), ""),
        "60000.jpg": (large, "pixels"),
        "text.png": (png(8, 8, (b"zTXt", b"a\0\0" + bomb)), "cannot be read as an image"),
        "profile.png": (png(8, 8, (b"iCCP", b"a\0\0" + bomb)), ""),
        "script.webp": (b"%!PS-Adobe-3.0 EPSF-3.0\n(x) run\n", "cannot be read as an image"),
    }
    for name, (content, reason) in contents.items():
        for kind in ("a", "b"):
            (folder / name / kind).mkdir(parents=True)
            (folder / name / kind / "0.png").write_bytes(small.getvalue())
        (folder / name / "b" / name).write_bytes(content)
        yield folder / name, reason
    for kind in ("a", "b"):
        (folder / "pipe" / kind).mkdir(parents=True)
        os.mkfifo(folder / "pipe" / kind / "0.png")
    yield folder / "pipe", "without images"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    images = {
        "archive": {"source": "cifar10", "md5": None, "n_valid": 1},
        "folder": {"source": "folder", "file": "x", "n_valid": 1, "n_test": 1},
    }
    files = [{"reader": "nats_bench", "file": "x"}]
    benchmark = {
        "source": "files",
        "space": "nasbench201",
        "files": files,
        "val_metric": "cifar10/val_acc@200",
    }
    (folder / "config.yaml").write_text(json.dumps({"images": images, "benchmarks": {"b": benchmark}}))
    cases, reasons = {}, {}

    def add(name: str, images: str, file: Path, reason: str) -> None:
        shared = ["--configfile", "config.yaml", "--log", "logs/log", "--images", images]
        cases[name], reasons[name] = ["images", *shared, "--file", str(file), "--out", "out.h5"], reason

    for number, (name, (content, reason)) in enumerate(archives().items()):
        (folder / f"{number}.tar.gz").write_bytes(content)
        add(f"archive:{name}", "archive", folder / f"{number}.tar.gz", reason)
    for path, reason in folders(folder):
        add(f"folder:{path.name}", "folder", path, reason)
    return run_cases(folder, cases, ["pipeline.config.model", "PIL.Image", "pandas", "h5py"]), reasons


@pytest.mark.parametrize("kind", ["archive", "folder"])
def test_images_are_refused(outcomes, kind):
    found, reasons = outcomes
    names = [name for name in reasons if name.startswith(kind)]
    assert len(names) > 6
    for name in names:
        assert_refused(found[name], reasons[name])
