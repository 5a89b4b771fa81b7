"""Measure an input-output data set of the thesis' size: write it, make targets, read shuffled batches.

Random numbers for 608 + 77 networks, 1,000 + 2,000 images, 512 features and a bias: 1.25 GB of training
targets, 4.2 GB of all.
Shuffled reading, warm and from a cold cache, stands beside a training step of the thesis' model (batch 32),
on the CPU or on CUDA. Usage: python perf/io_dataset.py [--folder WHERE] [--small].
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy starts its threads
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import numpy as np  # noqa: E402

from pipeline.job import Job  # noqa: E402

FEATURES, CLASSES, SIZE = 512, 10, 32
ROOM = 16e9  # bytes of disk: kept outputs, the data set, the targets


def main() -> None:
    """Print the measurements; each half is a process of its own, for its peak memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where to write (default: the system's temporary folder)")
    parser.add_argument("--small", action="store_true", help="a twentieth of the networks")
    parser.add_argument("--half", choices=["write", "train"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.half:
        if args.half == "write":
            write(args.folder, 20 if args.small else 1)
        else:
            train(args.folder)
        gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"  peak memory of this process: {gib:.2f} GiB", flush=True)
        return
    where = args.folder or Path(tempfile.gettempdir())
    if shutil.disk_usage(where).free < ROOM and not args.small:
        sys.exit(f"{where}: needs {ROOM / 1e9:.0f} GB of room; give another --folder, or --small")
    with tempfile.TemporaryDirectory(dir=where) as folder:
        for half in ("write", "train"):
            command = [sys.executable, __file__, "--half", half, "--folder", folder]
            subprocess.run(command + ["--small"] * args.small, check=True)


def write(folder: Path, share: int) -> None:
    """Keep outputs network by network, then put the data set together, as the command does.

    share: the networks are divided by it.
    """
    from pipeline.benchmarks.tables import BenchmarkTable
    from pipeline.io_dataset import command
    from pipeline.io_dataset.extraction import Outputs
    from pipeline.io_dataset.kept import KeptOutputs
    from pipeline.io_dataset.reading import verify
    from pipeline.io_dataset.settings import IoDatasetSettings
    from pipeline.spaces import nasbench101

    rng, n_train, n_unseen = np.random.default_rng(0), 608 // share, max(77 // share, 1)
    n, index = n_train + n_unseen, np.arange(3000)
    cells = nasbench101.sample(n, rng)
    role = np.repeat(["labelled", "held_out"], [n_train, n_unseen])
    metrics = {f"random/{what}@1": rng.random((n, 1), dtype=np.float32) for what in ("val_acc", "test_acc")}
    table = BenchmarkTable("random", cells, [f"{i:032x}" for i in range(n)], role, metrics, *metrics)
    images = SimpleNamespace(name="random", labels=rng.integers(CLASSES, size=3000))
    kept, took = KeptOutputs(folder / "work", "perf"), 0.0
    for cell in table.cells:
        values = np.maximum(rng.standard_normal((3000, FEATURES), dtype=np.float32), 0)
        dense = rng.standard_normal((CLASSES, FEATURES), dtype=np.float32)
        started = time.perf_counter()
        kept.put(cell, "", Outputs(values, dense, dense[:, 0].copy()))
        took += time.perf_counter() - started
    size = n * 3000 * FEATURES * 4 / 1e6
    print(f"{n} networks x 3000 images x {FEATURES} float32, {size:,.0f} MB")
    print(f"  keep network by network (flushed): {size / took:,.0f} MB/s")
    out = folder / "io.h5"
    args = SimpleNamespace(out=out, children=[], benchmark_table=out, images=out)
    image_role = np.repeat(np.uint8([0, 1]), [1000, 2000])
    started = time.perf_counter()
    out.write_bytes(b"")  # stands for the inputs, whose checksums are taken
    command.write(
        args, Job("io_dataset", {}), IoDatasetSettings(), table, images, "", index, image_role, kept
    )
    print(f"  put together: {size / (time.perf_counter() - started):,.0f} MB/s")
    kept.remove()
    started = time.perf_counter()
    verify(out)
    print(f"  verify: {size / (time.perf_counter() - started):,.0f} MB/s")


def train(folder: Path) -> None:
    """Make targets, read shuffled batches, take training steps."""
    import torch

    from pipeline.autoencoders.baselines import baselines
    from pipeline.autoencoders.infonas_settings import InfoNasSettings
    from pipeline.autoencoders.io_losses import io_losses
    from pipeline.autoencoders.labelled import Labelled
    from pipeline.autoencoders.regressor import InfoNas
    from pipeline.autoencoders.vae import Graphs
    from pipeline.io_dataset.reading import load_io_dataset

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    thesis = {"image_width": 128, "latent_branch_dim": 16, "head_dim": 512, "head_dropout": 0.5}
    thesis |= {"batch_size": 32, "labelled_batch_size": 32, "lr": 1e-3}
    settings = InfoNasSettings(**thesis, labelled_batch_images=0)
    started = time.perf_counter()
    io = load_io_dataset(folder / "io.h5", settings.preprocessing, folder / "work")
    print(
        f"make targets: {time.perf_counter() - started:.1f} s, {'memory' if io.targets.in_memory else 'file'}"
    )
    images = torch.randn(3000, 3, SIZE, SIZE, device=device)
    roles = io.network_role, io.image_role, io.image_index
    pairs = Labelled(io.archs, Graphs.of(io.archs, device), images, io.targets, *roles, io)
    rows = [torch.as_tensor(part) for part in pairs.subset("train")]
    grid = settings.model_copy(update={"labelled_batch_size": 512, "labelled_batch_images": 32})
    cases = (("independent pairs, batch 32", settings), ("grids of 16 networks x 32 images", grid))
    for name, s in cases:
        for cold in (True, False):
            print(f"  {name}, {'cold' if cold else 'warm'}: {reading(pairs, rows, s, cold)}")
    model = InfoNas(6, 7, 3, io.targets.shape[2], settings).to(device)
    for name, s in cases:
        print(f"  a training step, {name}, on {device}: {steps(model, pairs, rows, s, device)}")
    started = time.perf_counter()
    baselines(pairs, settings)
    print(f"  losses of predicting the mean, all parts: {time.perf_counter() - started:.1f} s")
    started = time.perf_counter()
    io_losses(model, pairs, settings)
    print(f"  losses of the model, all parts: {time.perf_counter() - started:.1f} s")


def reading(pairs, rows, s, cold: bool, seconds: float = 5.0) -> str:
    """Read an epoch's shuffled batches, for some seconds; return words."""
    from pipeline.autoencoders import joint

    if cold and not pairs.targets.in_memory:
        os.fsync(pairs.targets._file)
        os.posix_fadvise(pairs.targets._file, 0, 0, os.POSIX_FADV_DONTNEED)
    started = time.perf_counter()
    batches = joint.labelled_batches(*rows, s)
    drawn = time.perf_counter() - started
    started, done = time.perf_counter(), 0
    for _ in pairs.targets.ahead(batches):
        done += 1
        if time.perf_counter() - started > seconds:
            break
    each = (time.perf_counter() - started) / done
    return f"{1 / each:,.0f} batches/s, {1e3 * each:.3f} ms a batch ({len(batches):,} drawn in {drawn:.2f} s)"


def steps(model, pairs, rows, s, device) -> str:
    """Take some training steps; return words: a step's time, and how much of it waits for targets."""
    import torch

    from pipeline.autoencoders import joint
    from pipeline.autoencoders.training import Task

    batches = joint.labelled_batches(*rows, s)[: 8 if device.type == "cpu" else 200]
    task = Task(s, "nasbench101", pairs.graphs, pairs.graphs, device)
    stepping, targets, took, waited = joint.Steps(model, pairs, task, None), pairs.ahead(batches), [], []
    for networks, images in batches:
        started = time.perf_counter()
        of_pairs = next(targets)
        waited.append(time.perf_counter() - started)
        stepping.labelled(networks, images, of_pairs, 1.0)
        if device.type == "cuda":
            torch.cuda.synchronize()
        took.append(time.perf_counter() - started)
    return f"{1e3 * np.median(took):.2f} ms, of which {1e3 * np.median(waited):.3f} ms wait for targets"


if __name__ == "__main__":
    main()
