"""A few really trained networks, with the artifacts around them, for tests of what is made from them."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.benchmarks.tables import BenchmarkTable, write_table
from pipeline.children.reading import write_chunk
from pipeline.children.settings import NetworkSettings, TrainingSettings
from pipeline.children.training import train_network
from pipeline.images import digits
from pipeline.images.sets import ImageSet, split_by_seed, write_images
from pipeline.io_dataset import command
from pipeline.job import Job
from pipeline.spaces import nasbench101
from pipeline.storage.artifacts import put, put_archs, put_table, write_h5
from tests.unit.predictor_cells import some_cells

NETWORK = NetworkSettings(stem_channels=5, stacks=2, cells_per_stack=1)
TRAINING = TrainingSettings(epochs=1, batch_size=32, batch_norm_eps=1e-2)
N_LABELLED, N_HELD_OUT, N_SPACE, N_UNSEEN_IMAGES = 5, 2, 500, 20


@dataclass(frozen=True)
class Files:
    """The artifacts."""

    folder: Path

    def __getattr__(self, name: str) -> Path:
        return self.folder / f"{name}.h5"


def job(stage: str = "test", settings: dict | None = None, seed: int = 3) -> Job:
    return Job(stage, settings or {}, seed=seed, device="cpu", started=0.0)


def make(folder: Path) -> Files:
    """Write space, images, children, table and io_dataset into `folder`."""
    files, cells = Files(folder), some_cells(N_SPACE)
    pixels, labels, classes = digits.load()
    split = split_by_seed(labels[:400], 60, 100, 0, "digits")
    images = ImageSet("digits", pixels[:400], labels[:400], split, tuple(classes))
    write_images(files.images, images, job())
    with write_h5(files.space, "space", job()) as handle:
        handle.attrs["space"] = "nasbench101"
        put_archs(handle, cells)
        put(handle, "keys", nasbench101.canonical_key(cells))
        put_table(handle, {"index": np.arange(len(cells))})
    known = cells[100 : 100 + N_LABELLED + N_HELD_OUT]
    results = [train_network(known[i], images, NETWORK, TRAINING, seed=1) for i in range(len(known))]
    trained = job("children", {name: io_job().settings[name] for name in ("images", "network", "training")})
    write_chunk(files.children, known, np.arange(len(known)), results, images, trained, [files.images], None)
    role = np.array(["held_out"] * N_HELD_OUT + ["labelled"] * N_LABELLED)
    metrics = {
        f"digits/{name}@1": np.float32([[r.last(name)] for r in results]) for name in ("val_acc", "test_acc")
    }
    ids = [r.cell for r in results]
    table = BenchmarkTable("tiny", known, ids, role, metrics, "digits/val_acc@1", "digits/test_acc@1")
    write_table(files.table, table, job())
    command.run(io_arguments(files), io_job())
    return files


def io_arguments(files: Files, out: Path | None = None) -> Namespace:
    return Namespace(
        children=[files.children],
        benchmark_table=files.table,
        images=files.images,
        work=files.folder / "work",
        out=out or files.io_dataset,
    )


def io_job(**changes) -> Job:
    settings = {
        "benchmark": "tiny",
        "space": "nasbench101",
        "io_dataset": {"n_unseen_images": N_UNSEEN_IMAGES, **changes},
        "images": "digits",
        "network": NETWORK.model_dump(mode="json"),
        "training": TRAINING.model_dump(mode="json"),
    }
    return job("io_dataset", settings)
