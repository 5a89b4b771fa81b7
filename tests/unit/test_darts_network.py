"""Networks and costs of DARTS architectures, against plain arithmetic, hooks and a published table."""

from __future__ import annotations

import csv
import gzip
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.children.settings import NetworkSettings
from pipeline.spaces import darts, network
from pipeline.spaces.archs import Archs
from pipeline.spaces.darts.network import build_network
from pipeline.spaces.darts.skeleton import cell_places
from tests.unit.darts_cells import from_cells, to_cells

SMALL = NetworkSettings(stem_channels=5, stacks=3, cells_per_stack=2)
SKIPS = {v: {0: 3, 1: 3} for v in (2, 3, 4, 5)}
ONLY_FIRST = {2: {0: 4, 1: 1}, 3: {0: 5, 2: 6}, 4: {0: 7, 2: 2}, 5: {0: 3, 3: 4}}
CHAIN = {2: {0: 1, 1: 2}, 3: {1: 4, 2: 6}, 4: {2: 3, 3: 7}, 5: {3: 5, 4: 3}}
SHAPES = (  # stem_channels, stacks, cells_per_stack, layers, classes, channels and side of an image
    (5, 3, 2, None, 4, 1, 9),
    (4, 3, 2, 8, 10, 3, 16),
    (7, 2, 1, None, 3, 3, 7),
    (4, 1, 2, None, 2, 1, 8),
)
torch.set_num_threads(1)


def some(n: int) -> Archs:
    """Architectures with every special case in: skips that halve, chains, wide cells."""
    fixed = from_cells((SKIPS, SKIPS), (CHAIN, CHAIN), (ONLY_FIRST, CHAIN))
    return Archs.concatenate([fixed, darts.sample(n, np.random.default_rng(1))])


def test_parameters_and_flops_are_those_of_the_network_edge_by_edge():
    archs = some(5)
    for stem, stacks, cells, layers, classes, in_channels, side in SHAPES:
        size = {"stem_channels": stem, "stacks": stacks, "cells_per_stack": cells, "layers": layers}
        totals = darts.params(archs, **size, in_channels=in_channels, classes=classes)
        flops = darts.flops(archs, **size, in_channels=in_channels, classes=classes, image_size=side)
        by_edge = darts.op_params(archs, **size)
        edge_flops = darts.op_flops(archs, **size, image_size=side)
        assert by_edge.shape == edge_flops.shape == archs.ops.shape
        for i in range(len(archs)):
            model = build_network(archs[i], SimpleNamespace(**size), in_channels, classes)
            assert sum(p.numel() for p in model.parameters()) == totals[i]
            owned = model.vertex_parameters()
            assert [sum(p.numel() for _, p in edge) for edge in owned] == by_edge[i].ravel().tolist()
            named = dict(model.named_parameters())
            names = [name for edge in owned for name, _ in edge]
            assert len(set(names)) == len(names) and all(named[n] is p for edge in owned for n, p in edge)
            assert set(names) == {n for n in named if ".operations." in n}
            counted, of_edges = multiply_accumulates(model, torch.randn(2, in_channels, side, side))
            assert np.array_equal(of_edges, edge_flops[i])
            assert counted == flops[i]


def multiply_accumulates(model: nn.Module, images: Tensor) -> tuple[int, np.ndarray]:
    """Run the network; return what its layers multiply for one image, and by edge."""
    by_module: dict[nn.Module, int] = {}

    def count(module, inputs, output):
        by_module[module] = output[0].numel() * module.weight[0].numel()

    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(count)
    model.eval()
    model(images)
    by_edge = np.zeros((2, len(darts.EDGES)), dtype=np.int64)
    for cell in model.cells:
        for edge, operation in cell.operations.items():
            by_edge[cell.kind, int(edge)] += sum(by_module.get(m, 0) for m in operation.modules())
    return sum(by_module.values()), by_edge


def plain(model: nn.Module, arch: Archs, reductions: set[int], images: Tensor) -> Tensor:
    """The features of the network, written down once more: from its tensors by name, in training mode."""
    tensors = dict(model.named_parameters())

    def norm(x, name):
        return F.batch_norm(x, None, None, tensors[f"{name}.weight"], tensors[f"{name}.bias"], training=True)

    def halved(x, name):
        x = x.relu()
        full = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        even, odd = tensors[f"{name}.even.weight"], tensors[f"{name}.odd.weight"]
        halves = [F.conv2d(x[:, :, ::2, ::2], even), F.conv2d(full[:, :, 1::2, 1::2], odd)]
        return norm(torch.cat(halves, dim=1), f"{name}.bn")

    def pointwise(x, name):
        return norm(F.conv2d(x.relu(), tensors[f"{name}.conv.weight"]), f"{name}.bn")

    def separable(x, name, kernel, stride, dilation):
        weight = tensors[f"{name}.depthwise.weight"]
        assert weight.shape[2:] == (kernel, kernel)
        padding = dilation * (kernel - 1) // 2
        x = F.conv2d(x.relu(), weight, None, stride, padding, dilation, groups=len(weight))
        return norm(F.conv2d(x, tensors[f"{name}.pointwise.weight"]), f"{name}.bn")

    def edge(op, x, name, stride):
        kernel = 5 if "5x5" in op else 3
        if op.startswith("sep"):
            return separable(separable(x, f"{name}.0", kernel, stride, 1), f"{name}.1", kernel, 1, 1)
        if op.startswith("dil"):
            return separable(x, name, kernel, stride, 2)
        if op == "max_pool_3x3":
            return F.max_pool2d(x, 3, stride, 1)
        if op == "avg_pool_3x3":
            inside = F.avg_pool2d(torch.ones_like(x), 3, stride, 1)
            return F.avg_pool2d(x, 3, stride, 1) / inside
        return x if stride == 1 else halved(x, name)

    before = x = norm(F.conv2d(images, tensors["stem.0.weight"], padding=1), "stem.1")
    for k in range(len(model.cells)):
        cell = to_cells(arch)[0][k in reductions]
        first = halved if k - 1 in reductions else pointwise
        nodes = [first(before, f"cells.{k}.inputs.0"), pointwise(x, f"cells.{k}.inputs.1")]
        for node in (2, 3, 4, 5):
            terms = []
            for source, code in cell[node].items():
                stride = 2 if k in reductions and source < 2 else 1
                name = f"cells.{k}.operations.{darts.EDGES.index((source, node))}"
                terms.append(edge(darts.OP_NAMES[code], nodes[source], name, stride))
            nodes.append(terms[0] + terms[1])
        before, x = x, torch.cat(nodes[2:], dim=1)
    return x.mean(dim=(2, 3))


@pytest.mark.parametrize(
    "shape, reductions",
    [
        ({"stacks": 3, "cells_per_stack": 2}, {2, 4}),
        ({"stacks": 3, "cells_per_stack": 2, "layers": 8}, {2, 5}),
        ({"stacks": 3, "cells_per_stack": 1}, {1, 2}),
        ({"stacks": 2, "cells_per_stack": 2}, {2}),
        ({"stacks": 1, "cells_per_stack": 2}, set()),
    ],
)
def test_networks_compute_what_is_written_down(shape, reductions):
    archs = some(4)
    images = torch.randn(3, 2, 13, 10, generator=torch.Generator().manual_seed(0))
    for i in range(len(archs)):
        torch.manual_seed(i)
        model = build_network(archs[i], SimpleNamespace(stem_channels=4, **shape), 2, 5).double()
        with torch.no_grad():
            for parameter in model.parameters():  # shifts and scales that show, and no image all zero
                parameter.add_(0.3 * torch.randn_like(parameter))
            features = model.features(images.double())
            expected = plain(model, archs[i], reductions, images.double())
        assert features.shape == (3, 4 * 4 * 2 ** len(reductions))
        assert torch.allclose(features, expected, rtol=1e-8, atol=1e-9), f"architecture {i}"


def test_depth_and_channels_are_those_of_darts():
    places = list(cell_places(36, 3, 3, layers=20))
    assert [k for k, place in enumerate(places) if place.kind] == [6, 13]
    assert [place.channels for place in places] == [36] * 6 + [72] * 7 + [144] * 7
    assert places[0].c_in == (108, 108) and places[1].c_in == (108, 144) and places[7].c_in == (144, 288)
    assert [k for k, place in enumerate(places) if place.after_reduction] == [7, 14]
    assert list(cell_places(8, 3, 4)) == list(cell_places(8, 1, 1, layers=12))
    # the network that Liu et al. 2019 trained from DARTS (second order) has 3.3 million parameters
    normal = {2: {0: 4, 1: 4}, 3: {0: 4, 1: 4}, 4: {0: 3, 1: 4}, 5: {0: 3, 2: 6}}
    reduction = {2: {0: 1, 1: 1}, 3: {1: 1, 2: 3}, 4: {0: 1, 2: 3}, 5: {1: 1, 2: 3}}
    assert round(darts.params(from_cells((normal, reduction)), 36, layers=20)[0] / 1e6, 1) == 3.3


def test_every_parameter_learns():
    for arch in (some(0)[1], some(0)[2]):
        model = build_network(arch, SMALL, 3, 10)
        model(torch.randn(4, 3, 12, 12)).square().sum().backward()
        gradients = {name: p.grad for name, p in model.named_parameters()}
        assert all(grad is not None and grad.isfinite().all() for grad in gradients.values())
        assert all(grad.abs().max() > 0 for name, grad in gradients.items() if name.endswith("bn.bias"))


def test_rectified_modules_and_the_classifier():
    model = build_network(some(0)[1], SMALL, 1, 6).eval()
    images = torch.randn(3, 1, 7, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model.classifier(model.features(images)), model(images))
    seen = []
    for module in model.rectified():
        module.register_forward_hook(lambda m, i, o: seen.append((m, o.min().item())))
    model(images)
    assert len(seen) == len(model.rectified()) == len({m for m, _ in seen})
    assert min(value for _, value in seen) == 0
    # per cell two inputs; CHAIN has two separable convolutions (two ReLUs) and two dilated ones
    assert len(seen) == len(model.cells) * (2 + 2 * 2 + 2)


def test_batch_norm_settings_hold_in_every_layer():
    model = network("darts").build_network(some(0)[0], SMALL, 1, 10, 0.003, 1e-3)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 1 + 6 * 2 + 2 * 8  # stem, inputs, eight skips that halve in two reduction cells
    assert {(m.momentum, m.eps) for m in norms} == {(0.003, 1e-3)}


def test_one_architecture_only():
    with pytest.raises(ValueError, match="one architecture"):
        build_network(some(0)[:2], SMALL, 3, 10)


def element_counts(archs: Archs) -> tuple[np.ndarray, np.ndarray]:
    """Return (batch norm parameters on edges, FLOPs that are no convolution) as NASLib's table has them."""
    norm_params, extra = (np.zeros(len(archs), dtype=np.int64) for _ in range(2))
    from_input = np.array([source < 2 for source, _ in darts.EDGES])
    for place in cell_places(32, 3, 3, layers=8):
        ops, out = archs.ops[:, place.kind], place.channels * place.size**2
        factor = np.where(from_input & (place.kind == 1), 4, 1)  # elements of an edge's input, in outputs
        separable = np.isin(ops, (darts.SEP_CONV_3X3, darts.SEP_CONV_5X5))
        dilated = np.isin(ops, (darts.DIL_CONV_3X3, darts.DIL_CONV_5X5))
        pools = np.isin(ops, (darts.MAX_POOL_3X3, darts.AVG_POOL_3X3))
        halved = (ops == darts.SKIP_CONNECT) & (factor == 4)
        norms = 2 * separable + dilated + halved
        norm_params += 2 * place.channels * norms.sum(axis=1)
        relus = separable * (factor + 1) + (dilated + halved) * factor
        extra += out * (norms + relus + 10 * pools).sum(axis=1)
        before = place.c_in[0] * (4 if place.after_reduction else 1) + place.c_in[1]
        extra += (before + 2 * 2 * place.channels) * place.size_in**2
    return norm_params, extra + 2 * 96 * 32**2 + 41_472


@pytest.mark.real_data
def test_costs_agree_with_all_rows_of_naslibs_table(data_dir):
    with gzip.open(data_dir / "nasbench301_surrogate_1218.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    archs = darts.from_columns({"compact_arch": [row["compact_arch"] for row in rows]})
    params, flops = (np.array([round(float(r[c]) * 1e6) for r in rows]) for c in ("params_M", "flops_M"))
    norm_params, extra = element_counts(archs)
    assert np.array_equal(darts.params(archs, 32, layers=8) - norm_params, params)
    assert np.array_equal(darts.flops(archs, 32, layers=8) + extra, flops)
