"""Networks of NAS-Bench-201 cells, against plain arithmetic and the space's costs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pipeline.children.settings import NetworkSettings
from pipeline.spaces import load, network
from pipeline.spaces.archs import Archs
from tests.unit.nasbench201_cells import cells

space = load("nasbench201")
build_network = network("nasbench201").build_network
BENCHMARK = NetworkSettings(stem_channels=16, stacks=3, cells_per_stack=5)
SMALL = NetworkSettings(stem_channels=5, stacks=3, cells_per_stack=2)
# all operations; nothing; no path to the output; a convolution of nothing; dead ends; odd mixtures
SPECIAL = ["341222", "000000", "333000", "000033", "330104", "204031", "413241", "100110", "111111", "040404"]
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def some_cells() -> Archs:
    return Archs.concatenate([cells(*SPECIAL), space.sample(20, np.random.default_rng(5))])


def unsettled(model: nn.Module) -> nn.Module:
    """Give every layer weights and statistics of its own, so that no mistake cancels out."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                tensor.normal_(generator=generator)
                if "running_var" in name:
                    tensor.abs_().add_(0.5)
    return model


def reference(model: nn.Module, ops: list[int], shape: NetworkSettings, x: torch.Tensor) -> torch.Tensor:
    """The network's output as the benchmark computes it: every edge of every cell, zeros for `none`."""
    state = model.state_dict()

    def conv_norm(x, conv, norm, stride=1, rectify=True):
        weight = state[f"{conv}.weight"]
        x = F.conv2d(F.relu(x) if rectify else x, weight, stride=stride, padding=weight.shape[-1] // 2)
        return normed(x, norm)

    def normed(x, name):
        mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return F.batch_norm(x, mean, var, state[f"{name}.weight"], state[f"{name}.bias"])

    def edge(x, op, name):
        if op == space.NONE:
            return torch.zeros_like(x)
        if op == space.SKIP_CONNECT:
            return x
        if op == space.AVG_POOL_3X3:  # the mean of those of the nine pixels that are in the image
            return F.avg_pool2d(x, 3, 1, 1) / F.avg_pool2d(torch.ones_like(x), 3, 1, 1)
        return conv_norm(x, f"{name}.conv", f"{name}.bn")

    x = conv_norm(x, "stem.0", "stem.1", rectify=False)
    for number in range(shape.stacks * shape.cells_per_stack):
        stack, place = divmod(number, shape.cells_per_stack)
        if stack and place == 0:
            block = f"reductions.{stack - 1}"
            y = conv_norm(x, f"{block}.conv_a.conv", f"{block}.conv_a.bn", stride=2)
            y = conv_norm(y, f"{block}.conv_b.conv", f"{block}.conv_b.bn")
            x = y + F.conv2d(F.avg_pool2d(x, 2), state[f"{block}.shortcut.weight"])
        nodes = [x]
        for target in (1, 2, 3):
            terms = [
                edge(nodes[i], ops[e], f"cells.{number}.operations.{e}")
                for e, (i, j) in enumerate(space.EDGES)
                if j == target
            ]
            nodes.append(sum(terms))
        x = nodes[3]
    return F.linear(
        F.relu(normed(x, "last.0")).mean((2, 3)), state["classifier.weight"], state["classifier.bias"]
    )


def test_outputs_are_those_of_plain_arithmetic(some_cells):
    images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    for i in range(len(some_cells)):
        model = unsettled(build_network(some_cells[i], SMALL, 3, 7)).eval()
        with torch.no_grad():
            ours, theirs = model(images), reference(model, some_cells.ops[i].tolist(), SMALL, images)
            assert torch.equal(model.classifier(model.features(images)), ours)
        scale = theirs.abs().max()
        assert (ours - theirs).abs().max() < 1e-4 * scale, some_cells.ops[i]
        assert ours.shape == (4, 7)


def test_parameters_agree_with_the_costs_edge_by_edge(some_cells):
    for shape, channels, classes in ((SMALL, 1, 4), (BENCHMARK, 3, 10)):
        size = shape.model_dump(exclude={"layers"})
        totals = space.params(some_cells, **size, in_channels=channels, classes=classes)
        by_edge = space.op_params(some_cells, **size)
        for i in range(len(some_cells)):
            with torch.device("meta"):
                model = build_network(some_cells[i], shape, channels, classes)
            assert sum(p.numel() for p in model.parameters()) == totals[i]
            owned = model.vertex_parameters()
            assert [sum(p.numel() for _, p in of_edge) for of_edge in owned] == by_edge[i].tolist()
            named = dict(model.named_parameters())
            names = [name for of_edge in owned for name, _ in of_edge]
            assert len(set(names)) == len(names)
            assert all(named[name] is p for of_edge in owned for name, p in of_edge)


def outputs_of(modules: list[nn.Module], model: nn.Module, images: torch.Tensor) -> list[tuple]:
    """(module, output) of each of the modules that is run, in the order of running."""
    seen = []
    for module in modules:
        module.register_forward_hook(lambda m, _, output: seen.append((m, output)))
    model(images)
    return seen


@pytest.mark.parametrize("size", [8, 9])
def test_flops_are_the_multiply_accumulates_done(size):
    archs = cells("341222", "323332", "000000", "204131")  # all that is counted reaches the output
    shape = SMALL.model_dump(exclude={"layers"})
    counted = space.flops(archs, **shape, in_channels=2, classes=6, image_size=size)
    for i in range(len(archs)):
        model = build_network(archs[i], SMALL, 2, 6).eval()
        layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
        outputs = outputs_of(layers, model, torch.zeros(1, 2, size, size))
        assert sum(m.weight[0].numel() * output.numel() for m, output in outputs) == counted[i]


def test_rectified_modules_put_out_what_a_relu_did(some_cells):
    generator = torch.Generator().manual_seed(2)
    for i in range(len(some_cells)):
        model = unsettled(build_network(some_cells[i], SMALL, 3, 7))
        rectified = model.rectified()
        outputs = outputs_of(rectified, model, torch.randn(2, 3, 8, 8, generator=generator))
        assert {module for module, _ in outputs} == set(rectified)  # each is really computed
        assert all(output.min() >= 0 for _, output in outputs)
        convolutions = (space.reaches_output(some_cells[i]) & (space.op_params(some_cells[i]) > 0)).sum()
        assert len(rectified) == 6 * convolutions + 2 * 2 + 1  # cells, residual blocks, last


@pytest.mark.parametrize("code", SPECIAL)
def test_every_cell_can_be_trained(code):
    torch.manual_seed(0)
    model = build_network(cells(code), SMALL, 3, 4, batch_norm_momentum=0.2, batch_norm_eps=1e-3)
    assert {(m.momentum, m.eps) for m in model.modules() if isinstance(m, nn.BatchNorm2d)} == {(0.2, 1e-3)}
    images, labels = torch.randn(8, 3, 8, 8), torch.tensor([0, 1, 2, 2] * 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(6):
        loss = F.cross_entropy(model(images), labels)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0]
    reached, passes = space.reaches_output(cells(code))[0], space.on_path(cells(code)).any()
    for edge, of_edge in enumerate(model.vertex_parameters()):
        for name, parameter in of_edge:  # if nothing passes through a cell, only the last one matters
            matters = reached[edge] and (passes or name.startswith("cells.5."))
            assert (parameter.grad is not None) == matters
    model.eval()
    assert torch.isfinite(model(images)).all()


def test_a_cell_that_puts_out_nothing_learns_only_in_the_classifier():
    model = build_network(cells("333000"), SMALL, 3, 4)
    F.cross_entropy(model(torch.randn(6, 3, 8, 8)), torch.tensor([0, 1, 2, 2, 2, 2])).backward()
    moved = [name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0]
    assert moved == ["classifier.bias"]  # its weights see zeros


def test_one_cell_at_a_time():
    with pytest.raises(ValueError, match="takes one cell, got 2"):
        build_network(cells("000000", "111111"), SMALL, 3, 10)
