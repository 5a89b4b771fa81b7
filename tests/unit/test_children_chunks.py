"""Chunks of child networks, killed and continued; what is kept of them; the oracle that trains."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from pipeline.children import command
from pipeline.children.kept import Kept
from pipeline.children.oracle import TrainingOracle
from pipeline.children.reading import load_children
from pipeline.children.training import CURVES, train_network
from pipeline.errors import ArtifactError
from pipeline.images.sets import ImageSet, load_images, write_images
from pipeline.job import Job
from pipeline.spaces import load
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101 import cell_ids
from pipeline.storage.artifacts import open_h5, put_archs, put_table, write_h5
from pipeline.storage.sidecars import read_run_record
from tests.unit.child_networks import (
    BRANCHES,
    BRANCHES_SWAPPED,
    NETWORK,
    PLAIN,
    TRAINING,
    count_epochs,
    few_digits,
    same,
)

ROOT = Path(__file__).resolve().parents[2]
Job("test", {}, device="cpu").torch_device()


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return few_digits()


def chunk_job(count=3, start=0, seed=1, **changes) -> Job:
    settings = {
        "benchmark": "b",
        "space": "nasbench101",
        "start": start,
        "count": count,
        "images": "digits",
        "network": NETWORK.model_dump(mode="json"),
        "training": TRAINING.model_copy(update=changes).model_dump(mode="json"),
    }
    return Job("children", settings, seed=seed, code="c", device="cpu")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, images):
    """A space of forty cells and the images, as files."""
    folder = tmp_path_factory.mktemp("inputs")
    archs = load("nasbench101").sample(40, np.random.default_rng(0))
    with write_h5(folder / "space.h5", "space", Job("space", {})) as handle:
        handle.attrs["space"] = "nasbench101"
        put_archs(handle, archs)
        handle["keys"] = load("nasbench101").canonical_key(archs)
        put_table(handle, {"index": np.arange(40)})
    write_images(folder / "images.h5", images, Job("images", {}))
    return folder


def train_chunk(inputs, folder, job=None, chunk=0) -> Path:
    files = {"space_file": inputs / "space.h5", "images": inputs / "images.h5"}
    out = folder / f"chunk_{chunk}.h5"
    options = {"chunk": chunk, "work": folder / "work", "side_by_side": 1}
    command.run(Namespace(**files, **options, out=out), job or chunk_job())
    return out


@pytest.fixture(scope="module")
def chunk(tmp_path_factory, inputs):
    return train_chunk(inputs, tmp_path_factory.mktemp("chunk"))


SLOW_CHUNK = """
import sys, time
from pathlib import Path
from pipeline.children import training
from tests.unit.test_children_chunks import train_chunk

whole = training.train_epoch
training.train_epoch = lambda *arguments: (time.sleep(0.3), whole(*arguments))[1]
train_chunk(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def under_way(work: Path) -> bool:
    """Whether a network is finished and another one has a checkpoint."""
    finished, begun = ({f.stem for f in work.glob(f"*/*{suffix}")} for suffix in (".h5", ".pt"))
    return bool(finished) and bool(begun - finished)


def test_a_chunk_that_is_killed_continues_to_the_same_bytes(tmp_path, inputs, chunk, monkeypatch):
    work, program = tmp_path / "work", [sys.executable, "-c", SLOW_CHUNK, str(inputs), str(tmp_path)]
    process = subprocess.Popen(program, cwd=ROOT)
    try:
        deadline = time.monotonic() + 120
        while not under_way(work):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "chunk_0.h5").exists()
    finished = len(list(work.glob("*/*.h5")))
    assert 1 <= finished < 3
    foreign = work / "0123456789abcdef"
    foreign.mkdir()
    for file in work.glob("*/*.h5"):
        (foreign / file.name).write_bytes(b"of another configuration")
    epochs = count_epochs(monkeypatch)
    out = train_chunk(inputs, tmp_path)
    assert out.read_bytes() == chunk.read_bytes()
    assert len(epochs) < 4 * (3 - finished)  # not even the network under way was begun anew
    assert [f.name for f in work.iterdir()] == [foreign.name]  # what is not ours stays


def test_a_chunk_says_what_it_holds(inputs, chunk):
    children = load_children([chunk])
    assert children.table.columns.tolist() == [
        *("cell", "position", "status", "reason", "params", "train_acc", "val_acc", "test_acc")
    ]
    assert children.table["cell"].tolist() == cell_ids(children.archs)
    assert children.table["position"].tolist() == [0, 1, 2]
    assert children.table["val_acc"].to_numpy() == pytest.approx(children.curves["val_acc"][:, -1])
    assert not (chunk.parent / "work").exists()
    seconds = read_run_record(chunk)["networks"]
    assert list(seconds) == sorted(children.table["cell"]) and min(seconds.values()) > 0
    images = load_images(inputs / "images.h5")
    alone = train_network(children.archs[1], images, NETWORK, TRAINING, seed=1)
    weights = children.weights(1)  # the same network as outside any chunk
    assert list(weights) == list(alone.state)
    assert all(weights[name].tobytes() == alone.state[name].tobytes() for name in weights)


def test_chunks_are_read_in_the_permutations_order(tmp_path, inputs, chunk):
    other = train_chunk(inputs, tmp_path, chunk_job(start=3, count=2), chunk=1)
    children = load_children([other, chunk])
    assert children.table["position"].tolist() == [0, 1, 2, 3, 4]
    assert children.table["cell"].tolist() == cell_ids(children.archs)
    assert children.weights(4).keys() == load_children([other]).weights(1).keys()
    with pytest.raises(ArtifactError, match="cell 0 of the sample comes twice"):
        load_children([chunk, other, chunk])


def test_chunks_of_different_trainings_are_not_mixed(tmp_path, inputs, chunk):
    other = train_chunk(inputs, tmp_path, chunk_job(start=3, count=1, epochs=1), chunk=1)
    with pytest.raises(ArtifactError, match="different seeds, images, network or training"):
        load_children([chunk, other])


def test_a_chunk_with_failed_networks_is_whole(tmp_path, inputs):
    out = train_chunk(inputs, tmp_path, chunk_job(lr=1e30, gradient_clip=None))
    children = load_children([out])
    assert children.table["status"].tolist() == ["failed"] * 3
    assert children.table["reason"].str.contains("not finite").all()
    assert children.table[["train_acc", "val_acc", "test_acc"]].isna().all(axis=None)
    with pytest.raises(ArtifactError, match="failed"):
        children.weights(0)


def test_the_oracle_trains_what_is_not_known_and_each_cell_once(tmp_path, images):
    settings = {"network": NETWORK.model_dump(), "training": TRAINING.model_dump()}

    def oracle(**changes):
        how = settings["training"] | changes
        kept = Kept(tmp_path, images, settings["network"], how, "nasbench101", chunk_job(), "cpu")
        return TrainingOracle(kept, {cell_ids(PLAIN)[0]: (0.25, 0.75)})

    first = oracle()
    found = first.evaluate(Archs.concatenate([BRANCHES, PLAIN]))
    assert found["source"].tolist() == ["trained", "known"] and first.trained_now == 1
    assert (found["val_acc"][1], found["test_acc"][1]) == (0.25, 0.75)
    second = oracle()
    again = second.evaluate(BRANCHES_SWAPPED)  # the same cell, its vertices numbered otherwise
    assert second.trained_now == 0 and again["val_acc"][0] == found["val_acc"][0]
    assert again["cell"][0] == found["cell"][0]
    other = oracle(lr=0.01)
    other.evaluate(BRANCHES)
    assert other.trained_now == 1
    for file in tmp_path.glob("*/*.h5"):
        file.write_bytes(file.read_bytes()[:-100])
    repaired = oracle()
    assert repaired.evaluate(BRANCHES_SWAPPED)["val_acc"][0] == found["val_acc"][0]
    assert repaired.trained_now == 1
    assert not list(tmp_path.glob("*/*.pt"))


def test_numbering_of_vertices_does_not_change_a_network(tmp_path, images):
    results = []
    for folder, arch in (("a", BRANCHES), ("b", BRANCHES_SWAPPED)):
        settings = NETWORK.model_dump(), TRAINING.model_dump()
        kept = Kept(tmp_path / folder, images, *settings, "nasbench101", chunk_job(), "cpu")
        results.append(kept.get(arch)[0])
    assert same(*results)


def test_an_epochs_curve_is_in_the_file(chunk):
    with open_h5(chunk, "children") as handle:
        assert sorted(handle["curves"]) == sorted(CURVES)
        assert handle["curves/train_loss"].shape == (3, TRAINING.epochs)
        assert handle["curves/train_loss"].dtype == np.float32
