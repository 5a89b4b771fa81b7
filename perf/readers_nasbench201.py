"""Measure the readers of NAS-Bench-201 (.pth, 1 GB) and NATS-Bench (a folder of 15,625 files), on one core.

The official files cannot be had here, so files of their form are written first: one training a data set and
number of epochs, numbers drawn at random. Each is read in a process of its own.
Peers: users of the authors' package report 28 GB of memory for the 4.7 GB file (AutoDL-Projects #78), killed
processes (#131), and 12 GB not being enough for the folder's 1 GB (NATS-Bench #25).
"""

from __future__ import annotations

import argparse
import bz2
import itertools
import pickle
import pickletools
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np  # noqa: E402

from pipeline.spaces import nasbench201 as space  # noqa: E402
from tests.unit.nasbench201_files import SETS, block  # noqa: E402

ARCH, INDEX = "@ARCH@", 2_000_000_011  # stand for an architecture's string and number
READ = """
import resource, sys, time
from pathlib import Path
from pipeline.benchmarks.readers import {reader} as reader
from pipeline.benchmarks.source import check
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
started = time.process_time()
source = reader.read(Path(sys.argv[1]), reader.Settings(), "nasbench201")
check(source, Path(sys.argv[1]))
used, peak = time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
sizes = f"{{len(source.cells)}} cells, {{len(source.metrics)}} metrics"
print(f"{{sizes}}: {{used:.1f}} s of CPU, peak {{peak:.2f}} GiB ({{before:.2f}} before)")
"""


class Template:
    """The pickle of one architecture, of which the numbers of objects and the floats are changed."""

    def __init__(self, value, protocol: int):
        if protocol == 2:  # numbers of objects are written: let all take four bytes, to change them
            filler = [f"filler {i}" for i in range(400)]
            data = pickle.dumps([*filler, value, 0.0], protocol)
            ops = [(op.name, arg, pos) for op, arg, pos in pickletools.genops(data)]
            start = next(i for i, (_, arg, _) in enumerate(ops) if arg == filler[-1]) + 2
            self.ops = ops[start:-3]
            begin, end = self.ops[0][2], ops[-3][2]
        else:
            data = pickle.dumps(value, protocol)
            self.ops = [(op.name, arg, pos) for op, arg, pos in pickletools.genops(data)]
            begin, end = 2, len(data) - 1
        self.data = np.frombuffer(data[begin:end], np.uint8)
        self.floats = self._places("BINFLOAT", begin, 8)
        self.numbers = np.concatenate([self._places(f"LONG_BIN{kind}", begin, 4) for kind in ("PUT", "GET")])
        puts = [arg for name, arg, _ in self.ops if name == "LONG_BINPUT"]
        self.base, self.count = (min(puts), len(puts)) if puts else (0, 0)

    def _places(self, name: str, begin: int, size: int) -> np.ndarray:
        starts = np.array([pos + 1 - begin for op, _, pos in self.ops if op == name], dtype=np.int64)
        return starts[:, None] + np.arange(size)

    def filled(self, index: int, arch: str, base: int, rng) -> bytes:
        """Return the pickle of another architecture, without its beginning and end."""
        data = self.data.copy()
        values = np.round(rng.uniform(20, 95, len(self.floats)), 3).astype(">f8")
        data[self.floats] = values[:, None].view(np.uint8)
        if self.count:
            numbers = data[self.numbers].view("<u4")[:, 0] - self.base + base
            data[self.numbers] = numbers.astype("<u4")[:, None].view(np.uint8)
        raw = data.tobytes().replace(b"J" + INDEX.to_bytes(4, "little"), b"J" + index.to_bytes(4, "little"))
        for form in (b"X%c\0\0\0", b"\x8c%c"):
            raw = raw.replace(form % len(ARCH) + ARCH.encode(), form % len(arch) + arch.encode())
        return raw


def blocks(rng) -> list[dict]:
    seeds = dict.fromkeys(SETS, [777])
    return [block(INDEX, ARCH, epochs, seeds, rng, old=True) for epochs in (12, 200)]


def inner(value, protocol: int = 2) -> bytes:
    """Return a pickle without its beginning and end, and without numbers of objects."""
    data = pickletools.optimize(pickle.dumps(value, protocol))
    return data[2:-1]


def write_pth(path: Path, archs: list[str], size: int, rng) -> int:
    """Write a file in the form of torch before 1.6, of about `size` bytes; return its number of cells."""
    less, full = blocks(rng)
    template = Template({"full": full, "less": less}, 2)
    archs = archs[: min(len(archs), max(1, size // len(template.data)))]
    magic, facts = 0x1950A86A20F9469CFC6C, {"protocol_version": 1001, "little_endian": True}
    with open(path, "wb") as file:
        file.write(b"".join(pickle.dumps(value, 2) for value in (magic, 1001, facts)))
        file.write(b"\x80\x02}(" + inner("meta_archs") + inner(archs) + inner("arch2infos") + b"}")
        for first in range(0, len(archs), 1000):
            file.write(b"(")
            for index in range(first, min(first + 1000, len(archs))):
                file.write(inner(index) + template.filled(index, archs[index], index * template.count, rng))
            file.write(b"u")
        file.write(
            inner("evaluated_indexes") + b"c__builtin__\nset\n" + inner((list(range(len(archs))),)) + b"Ru."
        )
        file.write(pickle.dumps([], 2))
    return len(archs)


def write_folder(path: Path, archs: list[str], rng) -> int:
    """Write a folder of NATS-Bench; return its bytes before compression."""
    path.mkdir()
    less, full = blocks(rng)
    template, size = Template({"12": less, "200": full}, 4), 0
    (path / "meta.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps({"meta_archs": archs}, 4)))
    for index, arch in enumerate(archs):
        raw = b"\x80\x04" + template.filled(index, arch, 0, rng) + b"."
        size += len(raw)
        (path / f"{index:06d}.pickle.pbz2").write_bytes(bz2.compress(raw))
    return size


def measure(reader: str, path: Path) -> None:
    """Read in a process of its own and print what it took."""
    done = subprocess.run(
        [sys.executable, "-c", READ.format(reader=reader), str(path)],
        cwd=Path(__file__).resolve().parent.parent,
        env={"OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    print(f"  {done.stdout.strip() or done.stderr.strip()[-2000:]}", flush=True)


def main() -> None:
    """Write, read and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=float, default=1e9, help="size of the .pth")
    parser.add_argument("--files", type=int, default=space.SIZE, help="architectures in the folder")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    archs = space.to_official(space.enumerate_cells()[rng.permutation(space.SIZE)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "NAS-Bench-201-v1_1-096897.pth"
        write_pth(path, archs, int(options.bytes), rng)
        print(f".pth of {path.stat().st_size / 1e9:.2f} GB", flush=True)
        measure("nasbench201", path)
        path.unlink()
        if options.files:
            path = Path(folder) / "NATS-tss-v1_0-3ffb9-simple"
            size = write_folder(path, list(itertools.islice(archs, options.files)), rng)
            packed = sum(file.stat().st_size for file in path.iterdir())
            print(
                f"folder of {options.files} files, {packed / 1e9:.2f} GB ({size / 1e9:.2f} GB unpacked)",
                flush=True,
            )
            measure("nats_bench", path)


if __name__ == "__main__":
    main()
