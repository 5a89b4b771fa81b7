"""Batch norm and pooling for few channels are PyTorch's own, forward, backward and in their statistics."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from pipeline.children import narrow_layers
from pipeline.children.narrow_layers import NarrowBatchNorm2d, NarrowMaxPool2d, make_fast
from pipeline.spaces.nasbench101.network import build_network
from tests.unit.child_networks import MIXED, NETWORK

SHAPES = [(4, 5, 8, 8), (3, 16, 7, 5), (1, 1, 2, 2), (8, 12, 4, 4), (2, 70, 4, 4), (5, 3, 1, 6)]


@pytest.fixture(autouse=True)
def few_pixels_are_many(monkeypatch):
    """So that small images take the fast way too."""
    monkeypatch.setattr(narrow_layers, "MANY_PIXELS", 1)


def fast_way(monkeypatch, kernel) -> list:
    """Return a list that grows with each use of `kernel`."""
    uses, apply = [], kernel.apply
    monkeypatch.setattr(kernel, "apply", lambda *arguments: uses.append(1) or apply(*arguments))
    return uses


def pair(layer: nn.Module, shape, ties: bool = False):
    """Return (layer, its fast twin, an input for each)."""
    torch.manual_seed(1)
    x = torch.randn(shape) * 3 + 1
    x = (x.round() if ties else x).contiguous(memory_format=torch.channels_last)
    fast = nn.Sequential(copy.deepcopy(layer))
    make_fast(fast)
    return layer, fast[0], x.clone().requires_grad_(), x.clone().requires_grad_()


@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm(monkeypatch, shape):
    uses = fast_way(monkeypatch, narrow_layers._BatchNorm)
    layer = nn.BatchNorm2d(shape[1], eps=1e-3, momentum=0.2)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    slow, fast, x, z = pair(layer, shape)
    assert type(fast) is NarrowBatchNorm2d
    for _ in range(2):
        y, w = slow(x), fast(z)
        torch.testing.assert_close(w, y, rtol=1e-4, atol=1e-5)
        weights = torch.randn_like(y)
        (y * weights).sum().backward()
        (w * weights).sum().backward()
    torch.testing.assert_close(z.grad, x.grad, rtol=1e-3, atol=1e-4)
    for p, q in zip(slow.parameters(), fast.parameters(), strict=True):
        torch.testing.assert_close(q.grad, p.grad, rtol=1e-4, atol=1e-4)
    for name, values in slow.state_dict().items():
        torch.testing.assert_close(fast.state_dict()[name], values, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(fast.eval()(z), slow.eval()(x), rtol=1e-5, atol=1e-5)
    assert len(uses) == (2 if shape[1] < narrow_layers.WIDE else 0)


def test_batch_norm_of_many_pixels_is_as_exact_as_in_float64():
    layer, fast, _, z = pair(nn.BatchNorm2d(5), (64, 5, 32, 32))
    exact, x = layer.double(), z.detach().double().requires_grad_()
    weights = torch.randn(z.shape)
    y, w = exact(x), fast(z)
    (y * weights).sum().backward()
    (w * weights).sum().backward()
    pairs = [(y, w), (x.grad, z.grad), *zip(exact.parameters(), fast.parameters(), strict=True)]
    for a, b in [*pairs[:2], *((p.grad, q.grad) for p, q in pairs[2:])]:
        torch.testing.assert_close(b.double(), a, rtol=1e-5, atol=2e-5 * a.detach().abs().max().item())
    torch.testing.assert_close(fast.running_var.double(), exact.running_var, rtol=1e-6, atol=0)


def test_few_pixels_are_left_to_pytorch(monkeypatch):
    monkeypatch.undo()
    uses = fast_way(monkeypatch, narrow_layers._BatchNorm)
    slow, fast, x, z = pair(nn.BatchNorm2d(5), (4, 5, 8, 8))
    assert torch.equal(slow(x), fast(z)) and not uses


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_max_pooling_is_the_same_to_the_bit(monkeypatch, shape, ties):
    uses = fast_way(monkeypatch, narrow_layers._MaxPool)
    slow, fast, x, z = pair(nn.MaxPool2d(3, stride=1, padding=1), shape, ties)
    assert type(fast) is NarrowMaxPool2d
    y, w = slow(x), fast(z)
    assert torch.equal(y, w)
    weights = torch.randint(-3, 4, y.shape).float()  # sums of small integers are exact in any order
    y.backward(weights)
    w.backward(weights)
    assert torch.equal(x.grad, z.grad)
    narrow = shape[1] < narrow_layers.POOLED_WIDE and shape[1] % narrow_layers.VECTOR
    assert len(uses) == (2 if narrow and min(shape[2:]) > 1 else 0)


def test_other_pools_and_a_networks_parameters_stay_as_they_are():
    model = build_network(MIXED, NETWORK, 1, 10)
    before = {name: values.clone() for name, values in model.state_dict().items()}
    make_fast(model)
    assert type(model.downsample) is nn.MaxPool2d
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())
    assert any(type(module) is NarrowBatchNorm2d for module in model.modules())
