"""Training of one child network: same bytes whatever happens, failures recorded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.children import training
from pipeline.children.device_images import DeviceImages
from pipeline.children.interleaved import alone
from pipeline.children.settings import NetworkSettings, TrainingSettings
from pipeline.children.training import CURVES, evaluate, train_network
from pipeline.images.sets import ImageSet, split_by_seed
from pipeline.job import Job
from pipeline.spaces.nasbench101 import cell_ids
from pipeline.spaces.nasbench101.network import build_network
from tests.unit.child_networks import (
    EXPLODING,
    MIXED,
    NETWORK,
    PLAIN,
    TRAINING,
    count_epochs,
    few_digits,
    same,
    under_way,
)

Job("test", {}, device="cpu").torch_device()


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return few_digits()


@pytest.fixture(scope="module")
def unbroken(images):
    return train_network(MIXED, images, NETWORK, TRAINING, seed=1)


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
    found = alone(evaluate(under_way(model, images, TRAINING)))
    assert found == pytest.approx({name: unbroken.last(name) for name in ("val_acc", "test_acc")}, abs=1e-6)
    assert unbroken.params == sum(p.numel() for p in model.parameters())


class Stop(Exception):
    pass


def interrupted(monkeypatch, images, checkpoint, settings=TRAINING, seed=1, arch=MIXED, epochs=2):
    """Train, but stop in the middle of the epoch after `epochs`."""
    whole = training.train_epoch

    def stopping(now, epoch):
        if epoch == epochs:
            next(now.data.batches(32, False, now.chance))  # what an unfinished epoch draws must not count
            raise Stop
        return whole(now, epoch)

    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(training, "train_epoch", stopping)
        train_network(arch, images, NETWORK, settings, seed, checkpoint=checkpoint)


@pytest.mark.parametrize(
    "changes", [{}, {"optimizer": "rmsprop_tf", "lr": 0.1}, {"precision": "bf16", "evaluate_every": 3}]
)
def test_an_interrupted_training_continues_to_the_same_bytes(monkeypatch, tmp_path, images, changes):
    checkpoint, settings = tmp_path / "a.pt", TRAINING.model_copy(update=changes)
    unbroken = train_network(MIXED, images, NETWORK, settings, 1)
    interrupted(monkeypatch, images, checkpoint, settings)
    epochs = count_epochs(monkeypatch)
    continued = train_network(MIXED, images, NETWORK, settings, 1, checkpoint=checkpoint)
    assert same(unbroken, continued)
    assert epochs == [2, 3] and len(continued.epoch_seconds) == 4


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


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop_tf"])
def test_a_loss_that_is_not_finite_is_a_failure_on_record(images, optimizer):
    settings = EXPLODING.model_copy(update={"optimizer": optimizer})
    result = train_network(PLAIN, images, NETWORK, settings, seed=1)
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
                spots = ((image - black).abs() > 1e-4).nonzero()
                bright = images.normalised(pixels[label : label + 1]).max()
                assert len(spots) <= 1 and (len(spots) == 0 or abs(image.max() - bright) < 1e-5)
                places |= {tuple(spot) for spot in spots.tolist()}
    assert all(sorted(torch.cat(seen[i : i + 3]).tolist()) == list(range(48)) for i in range(0, 18, 3))
    assert {row for row, _ in places} == {0, 1, 2, 3, 4}
    assert {column for _, column in places} == {0, 1, 2, 3, 4}  # without mirroring, 0 is out of reach
