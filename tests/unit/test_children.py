"""Child networks: same bytes whatever happens, failures recorded, chunks and the oracle."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.artifacts import open_h5, put_archs, put_table, read_run_record, write_h5
from pipeline.children import command, training
from pipeline.children.kept import Kept
from pipeline.children.oracle import TrainingOracle
from pipeline.children.reading import load_children
from pipeline.children.settings import NetworkSettings, TrainingSettings
from pipeline.children.training import CURVES, DeviceImages, evaluate, train_network
from pipeline.errors import ArtifactError
from pipeline.images import digits
from pipeline.images.sets import ImageSet, load_images, split_by_seed, write_images
from pipeline.job import Job
from pipeline.spaces import load
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101 import CONV1X1, CONV3X3, MAXPOOL3X3, cell_ids
from pipeline.spaces.nasbench101.network import build_network
from tests.unit.nasbench101_cells import cell

NETWORK = NetworkSettings(stem_channels=4, stacks=2, cells_per_stack=1)
TRAINING = TrainingSettings(epochs=4, batch_size=32, shift=1)
EXPLODING = TrainingSettings(epochs=4, batch_size=32, lr=1e30, gradient_clip=None)
MIXED = cell([CONV3X3, MAXPOOL3X3, CONV1X1], [(0, 1), (0, 2), (1, 2), (2, 3), (1, 6), (3, 6), (0, 6)])
PLAIN = cell([CONV3X3], [(0, 1), (1, 6)])
BRANCHES = cell([CONV3X3, CONV1X1], [(0, 1), (0, 2), (1, 6), (2, 6)])
BRANCHES_SWAPPED = cell([CONV1X1, CONV3X3], [(0, 1), (0, 2), (1, 6), (2, 6)])
ROOT = Path(__file__).resolve().parents[2]
Job("test", {}, device="cpu").torch_device()


@pytest.fixture(scope="module")
def images() -> ImageSet:
    """Digits, most of them for validation and test: an epoch is six steps."""
    pixels, labels, classes = digits.load()
    return ImageSet("digits", pixels, labels, split_by_seed(labels, 800, 797, 0, "digits"), tuple(classes))


@pytest.fixture(scope="module")
def unbroken(images):
    return train_network(MIXED, images, NETWORK, TRAINING, seed=1)


def same(a, b) -> bool:
    """Equal bit for bit, but for the time it took."""
    arrays = [(a.curves, b.curves), (a.state, b.state)]
    return (a.cell, a.status, a.reason, a.params) == (b.cell, b.status, b.reason, b.params) and all(
        list(x) == list(y) and all(x[k].tobytes() == y[k].tobytes() for k in x) for x, y in arrays
    )


def test_same_seed_same_bytes_whatever_ran_before(images, unbroken):
    assert unbroken.cell == cell_ids(MIXED)[0] and unbroken.status == "ok"
    assert list(unbroken.curves) == list(CURVES)
    assert all(curve.shape == (4,) and np.isfinite(curve).all() for curve in unbroken.curves.values())
    torch.manual_seed(12345)
    state = torch.get_rng_state()
    assert same(unbroken, train_network(MIXED, images, NETWORK, TRAINING, seed=1))
    assert torch.equal(state, torch.get_rng_state())
    assert not same(unbroken, train_network(MIXED, images, NETWORK, TRAINING, seed=2))


def test_it_learns(images):
    split = split_by_seed(images.labels, 300, 297, 0, "digits")
    settings = TrainingSettings(epochs=4, batch_size=32)
    result = train_network(PLAIN, replace(images, split=split), NetworkSettings(stem_channels=8), settings, 1)
    assert result.last("val_acc") > 0.85 and result.last("test_acc") > 0.85
    assert result.curves["train_loss"][-1] < 0.3 * result.curves["train_loss"][0]


def test_the_kept_weights_are_the_networks(images, unbroken):
    model = build_network(MIXED, NETWORK, 1, 10)
    model.load_state_dict({name: torch.as_tensor(values) for name, values in unbroken.state.items()})
    found = evaluate(model, DeviceImages.of(images, 0, "cpu"))
    assert found == pytest.approx((unbroken.last("val_acc"), unbroken.last("test_acc")), abs=1e-6)
    assert unbroken.params == sum(p.numel() for p in model.parameters())


class Stop(Exception):
    pass


def interrupted(monkeypatch, images, checkpoint, settings=TRAINING, seed=1, arch=MIXED, epochs=2):
    """Train, but stop in the middle of the epoch after `epochs`."""
    whole = training.train_epoch

    def stopping(model, optimizer, data, settings, epoch, chance):
        if epoch == epochs:
            next(data.batches(32, False, chance))  # what an unfinished epoch draws must not count
            raise Stop
        return whole(model, optimizer, data, settings, epoch, chance)

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(training, "train_epoch", stopping)
        train_network(arch, images, NETWORK, settings, seed, checkpoint=checkpoint)


def count_epochs(monkeypatch) -> list[int]:
    """Return a list that the number of each epoch trained from now on is added to."""
    whole, epochs = training.train_epoch, []

    def counting(*arguments):
        epochs.append(arguments[4])
        return whole(*arguments)

    monkeypatch.setattr(training, "train_epoch", counting)
    return epochs


def test_an_interrupted_training_continues_to_the_same_bytes(monkeypatch, tmp_path, images, unbroken):
    checkpoint = tmp_path / "a.pt"
    interrupted(monkeypatch, images, checkpoint)
    epochs = count_epochs(monkeypatch)
    assert same(unbroken, train_network(MIXED, images, NETWORK, TRAINING, 1, checkpoint=checkpoint))
    assert epochs == [2, 3]


@pytest.mark.parametrize("what", ["seed", "cell", "lr", "network", "images", "damaged", "empty", "code"])
def test_a_checkpoint_of_something_else_is_not_used(monkeypatch, tmp_path, images, unbroken, what):
    checkpoint, network = tmp_path / "a.pt", NETWORK
    if what == "seed":
        interrupted(monkeypatch, images, checkpoint, seed=2)
    elif what == "cell":
        interrupted(monkeypatch, images, checkpoint, arch=PLAIN)
    elif what == "lr":
        interrupted(monkeypatch, images, checkpoint, settings=TRAINING.model_copy(update={"lr": 0.05}))
    elif what == "images":
        pixels = images.images.copy()
        pixels[0, 0, 0, 0] ^= 1
        interrupted(monkeypatch, replace(images, images=pixels), checkpoint)
    elif what == "code":
        with monkeypatch.context() as patch:
            patch.setattr(training, "closure", lambda entries: {"some.module": "0123"})
            interrupted(monkeypatch, images, checkpoint)
    else:
        interrupted(monkeypatch, images, checkpoint)
    if what == "damaged":
        checkpoint.write_bytes(checkpoint.read_bytes()[:-500])
    elif what == "empty":
        checkpoint.write_bytes(b"")
    elif what == "network":
        network = NetworkSettings(stem_channels=5, stacks=2, cells_per_stack=1)
    epochs = count_epochs(monkeypatch)
    result = train_network(MIXED, images, network, TRAINING, 1, checkpoint=checkpoint)
    assert epochs == [0, 1, 2, 3]
    assert what == "network" or same(unbroken, result)


def test_a_loss_that_is_not_finite_is_a_failure_on_record(images):
    result = train_network(PLAIN, images, NETWORK, EXPLODING, seed=1)
    assert result.status == "failed"
    assert "not finite in epoch 1 of 4" in result.reason
    assert all(np.isnan(curve).all() for curve in result.curves.values())
    assert result.state == {} and np.isnan(result.last("val_acc"))


def test_batches_are_shifted_and_mirrored_pieces_of_the_images():
    pixels = np.zeros((50, 1, 5, 5), np.uint8)
    pixels[np.arange(50), 0, 2, 3] = np.arange(50) * 4 + 50  # one bright spot, by which an image is known
    split = np.r_[np.zeros(48, np.uint8), 1, 2]
    images = ImageSet("spots", pixels, np.arange(50, dtype=np.uint8), split, tuple(map(str, range(50))))
    data = DeviceImages.of(images, 2, "cpu")
    chance = torch.Generator().manual_seed(0)
    seen, places, black = [], set(), images.normalised(np.zeros((1, 1, 1, 1), np.uint8)).item()
    for _ in range(6):
        for x, y in data.batches(16, True, chance):
            assert x.shape == (16, 1, 5, 5) and x.is_contiguous(memory_format=torch.channels_last)
            seen.append(y)
            for image, label in zip(x[:, 0], y, strict=True):
                spots = (image != black).nonzero()
                bright = images.normalised(pixels[label : label + 1]).max()
                assert len(spots) <= 1 and (len(spots) == 0 or image.max() == bright)
                places |= {tuple(spot) for spot in spots.tolist()}
    assert all(sorted(torch.cat(seen[i : i + 3]).tolist()) == list(range(48)) for i in range(0, 18, 3))
    assert {row for row, _ in places} == {0, 1, 2, 3, 4}
    assert {column for _, column in places} == {0, 1, 2, 3, 4}  # without mirroring, 0 is out of reach


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
        put_archs(handle, archs)
        handle["keys"] = load("nasbench101").canonical_key(archs)
        put_table(handle, {"index": np.arange(40)})
    write_images(folder / "images.h5", images, Job("images", {}))
    return folder


def train_chunk(inputs, folder, job=None, chunk=0) -> Path:
    files = {"space_file": inputs / "space.h5", "images": inputs / "images.h5"}
    out = folder / f"chunk_{chunk}.h5"
    command.run(Namespace(**files, chunk=chunk, work=folder / "work", out=out), job or chunk_job())
    return out


@pytest.fixture(scope="module")
def chunk(tmp_path_factory, inputs):
    return train_chunk(inputs, tmp_path_factory.mktemp("chunk"))


SLOW_CHUNK = """
import sys, time
from pathlib import Path
from pipeline.children import training
from tests.unit.test_children import train_chunk

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
