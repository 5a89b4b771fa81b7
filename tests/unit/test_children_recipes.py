"""Recipes of child training: optimisers, precision, networks side by side, other spaces, many classes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from pipeline import spaces
from pipeline.children import command
from pipeline.children.interleaved import alone, interleaved
from pipeline.children.kept import Kept
from pipeline.children.rmsprop import RMSPropTF
from pipeline.children.settings import NetworkSettings, TrainingSettings
from pipeline.children.training import CURVES, TOP5_CURVES, network_training, train_epoch, train_network
from pipeline.errors import UserError
from pipeline.images.sets import ImageSet
from pipeline.job import Job
from pipeline.spaces.nasbench101.network import build_network
from tests.unit.child_networks import MIXED, NETWORK, PLAIN, TRAINING, few_digits, same, under_way

Job("test", {}, device="cpu").torch_device()
RMSPROP = TrainingSettings(
    epochs=2, batch_size=32, optimizer="rmsprop_tf", lr=0.2, gradient_clip=None, batch_norm_momentum=0.003
)


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return few_digits()


def colours(n: int, classes: int) -> ImageSet:
    """Noisy images of 8x8 whose colour is the class."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(n) % classes).astype(np.uint8)
    pixels = rng.integers(0, 60, (n, 3, 8, 8), dtype=np.uint8)
    pixels += (90 * (labels[:, None] // np.array([1, 3, 9]) % 3)).astype(np.uint8)[:, :, None, None]
    split = (np.arange(n) % 5 // 3 * (1 + np.arange(n) % 2)).astype(np.uint8)
    return ImageSet("colours", pixels, labels, split, tuple(map(str, range(classes))))


def test_rmsprop_is_tensorflows():
    rng = np.random.default_rng(0)
    start, target = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    parameter = torch.nn.Parameter(torch.tensor(start))
    idle = torch.nn.Parameter(torch.ones(2))  # without a gradient
    optimizer = RMSPropTF([parameter, idle], lr=0.2, momentum=0.9, decay=0.9, eps=1.0, weight_decay=1e-2)
    value, square, moment = start.copy(), np.ones_like(start), np.zeros_like(start)
    for step in range(50):
        optimizer.param_groups[0]["lr"] = lr = 0.2 / (1 + step)
        parameter.grad = 2 * (parameter.detach() - torch.tensor(target))
        optimizer.step()
        for place in np.ndindex(value.shape):
            g = 2 * (value[place] - target[place]) + 1e-2 * value[place]
            square[place] = 0.9 * square[place] + 0.1 * g * g
            moment[place] = 0.9 * moment[place] + lr * g / math.sqrt(square[place] + 1.0)
            value[place] -= moment[place]
    np.testing.assert_allclose(parameter.detach().numpy(), value, rtol=1e-9)
    assert idle.tolist() == [1, 1]


@pytest.mark.parametrize("recipe", [TRAINING, RMSPROP.model_copy(update={"shift": 2, "flip": True})])
def test_one_step_equals_a_plain_implementation(images, recipe):
    recipe = recipe.model_copy(update={"batch_size": len(images.part("train")[1]), "gradient_clip": 0.5})
    torch.manual_seed(3)
    model, plain = build_network(MIXED, NETWORK, 1, 10), build_network(MIXED, NETWORK, 1, 10)
    plain.load_state_dict(model.state_dict())
    now = under_way(model, images, recipe)
    chance = torch.Generator().manual_seed(0)  # as `under_way` begins
    alone(train_epoch(now, 0))

    pixels, labels = images.part("train")
    n, border = len(labels), recipe.shift
    order = torch.randperm(n, generator=chance)
    corner = torch.randint(2 * border + 1, (n, 2), generator=chance)
    mirrored = torch.rand(n, 1, generator=chance) < 0.5 if recipe.flip else torch.zeros(n, 1).bool()
    batch = []
    for i, image in enumerate(order.tolist()):
        grey = (pixels[image] / 255 - images.mean[:, None, None]) / images.std[:, None, None]
        black = (0 - images.mean[0]) / images.std[0]
        padded = np.pad(grey, ((0, 0), (border, border), (border, border)), constant_values=black)
        row, column = corner[i].tolist()
        cut = padded[:, row : row + 8, column : column + 8]
        batch.append(torch.tensor(cut[:, :, ::-1].copy() if mirrored[i] else cut, dtype=torch.float32))
    loss = F.cross_entropy(plain(torch.stack(batch)), torch.tensor(labels[order]).long())
    loss.backward()
    gradients = [p.grad for p in plain.parameters()]
    norm = torch.sqrt(sum(g.square().sum() for g in gradients))
    for p, ours in zip(plain.parameters(), model.parameters(), strict=True):
        g = p.grad * min(1.0, 0.5 / float(norm)) + recipe.weight_decay * p.detach()
        if recipe.optimizer == "sgd":
            expected = p.detach() - recipe.lr * g
        else:
            expected = p.detach() - recipe.lr * g / torch.sqrt(0.9 + 0.1 * g * g + 1.0)
        torch.testing.assert_close(ours.detach(), expected, rtol=0, atol=1e-5)


def test_networks_side_by_side_are_the_same_as_one_by_one(images, tmp_path):
    def trained(lanes: int) -> list:
        cells = [MIXED, PLAIN, MIXED]
        trainings = (network_training(c, images, NETWORK, r, 1) for c, r in zip(cells, recipes, strict=True))
        return [result for _, result in sorted(interleaved(trainings, lanes, torch.device("cpu")))]

    recipes = [TRAINING, TRAINING.model_copy(update={"epochs": 1}), RMSPROP]
    one_by_one = trained(1)
    for lanes in (2, 3, 5):
        assert all(same(a, b) for a, b in zip(one_by_one, trained(lanes), strict=True))


def test_a_chunk_is_the_same_however_many_are_trained_at_a_time(images, tmp_path):
    archs = spaces.load("nasbench101").sample(5, np.random.default_rng(4))
    how = (images, NETWORK.model_dump(), TRAINING.model_dump(), "nasbench101", Job("children", {}), "cpu")
    found = []
    for lanes in (1, 3):
        kept = Kept(tmp_path / str(lanes), *how)
        found.append({row: result for row, result, _ in kept.get_all(archs, lanes)})
    assert sorted(found[0]) == sorted(found[1]) == list(range(5))
    assert all(same(found[0][row], found[1][row]) for row in range(5))


def test_a_number_of_networks_at_a_time_below_one_is_refused(tmp_path):
    from argparse import Namespace

    with pytest.raises(UserError, match="--side-by-side: expected at least 1, got 0"):
        command.run(Namespace(side_by_side=0), Job("children", {}))


def test_bfloat16_runs_and_differs_a_little(images):
    full = train_network(PLAIN, images, NETWORK, TRAINING, seed=1)
    half = train_network(PLAIN, images, NETWORK, TRAINING.model_copy(update={"precision": "bf16"}), seed=1)
    assert half.status == "ok" and not same(full, half)
    np.testing.assert_allclose(half.curves["train_loss"], full.curves["train_loss"], rtol=0.1)
    assert all(values.dtype == np.float32 for values in half.state.values())


def test_a_network_is_looked_at_every_so_many_epochs_and_at_the_end(images):
    recipe = TRAINING.model_copy(update={"evaluate_every": 3})
    curves = train_network(PLAIN, images, NETWORK, recipe, seed=1).curves
    assert np.isnan(curves["val_acc"]).tolist() == [True, True, False, False]
    assert np.isfinite(curves["train_loss"]).all()
    every = train_network(PLAIN, images, NETWORK, TRAINING, seed=1).curves
    assert curves["test_acc"][-1] == every["test_acc"][-1]


def test_top5_is_measured_where_there_are_many_classes():
    recipe = TrainingSettings(epochs=20, batch_size=20)
    result = train_network(PLAIN, colours(300, 20), NETWORK, recipe, seed=1)
    assert list(result.curves) == [*CURVES, *TOP5_CURVES]
    assert (result.curves["val_top5"] >= result.curves["val_acc"]).all()
    assert result.last("val_top5") > 0.5  # a fourth by chance


@pytest.mark.parametrize(
    ("space", "network"),
    [
        ("nasbench201", {"stem_channels": 4, "stacks": 2, "cells_per_stack": 1}),
        ("darts", {"stem_channels": 4, "stacks": 2, "cells_per_stack": 1}),
        ("darts", {"stem_channels": 4, "layers": 4}),
    ],
)
@pytest.mark.parametrize("recipe", [TrainingSettings(epochs=2, batch_size=30), RMSPROP])
def test_networks_of_other_spaces_train(space, network, recipe):
    images, size = colours(120, 4), NetworkSettings(**network)
    arch = spaces.load(space).sample(1, np.random.default_rng(2))
    result = train_network(arch, images, size, recipe, seed=1)
    assert result.status == "ok" and np.isfinite(result.curves["train_loss"]).all()
    shape = (size.stem_channels, size.stacks, size.cells_per_stack)
    layers = {} if size.layers is None else {"layers": size.layers}
    assert result.params == spaces.load(space).params(arch, *shape, in_channels=3, classes=4, **layers)[0]
