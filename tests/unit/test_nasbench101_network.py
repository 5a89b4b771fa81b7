"""Networks of NAS-Bench-101 cells, against the benchmark's numbers and another implementation."""

from __future__ import annotations

import csv
import gzip

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.children.settings import NetworkSettings
from pipeline.spaces import load
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101 import CONV1X1, CONV3X3, MAXPOOL3X3, NONE, op_params, params
from pipeline.spaces.nasbench101.network import build_network
from tests.unit.nasbench101_cells import cell

SMALL = NetworkSettings(stem_channels=13, stacks=3, cells_per_stack=2)  # 13: channels do not divide evenly
PEER_OPS = {CONV3X3: "conv3x3-bn-relu", CONV1X1: "conv1x1-bn-relu", MAXPOOL3X3: "maxpool3x3"}
INPUT_ONLY = cell([], [(0, 6)])
FOUR_JOINED = cell(
    [CONV3X3, CONV1X1, MAXPOOL3X3, CONV3X3], [(0, v) for v in (1, 2, 3, 4)] + [(v, 6) for v in (1, 2, 3, 4)]
)
torch.set_num_threads(1)


def some_cells(n: int) -> Archs:
    sampled = load("nasbench101").sample(n, np.random.default_rng(3))
    return Archs.concatenate([INPUT_ONLY, FOUR_JOINED, sampled])


def unsettle(model: nn.Module) -> None:
    """Give every layer weights and statistics of its own, so that no mistake cancels out."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                tensor.normal_(generator=generator)
                if "running_var" in name or name.endswith("bn.weight"):
                    tensor.abs_().add_(0.5)


def as_peer(arch: Archs, model: nn.Module, network: NetworkSettings, classes: int) -> nn.Module:
    """The same network, with the same weights, from the package nasbench-pytorch."""
    from nasbench_pytorch.model import ModelSpec, Network

    slots = [v for v in range(7) if arch.ops[0, v] != NONE]
    ops = ["input", *(PEER_OPS[int(arch.ops[0, v])] for v in slots[1:-1]), "output"]
    spec = ModelSpec(arch.adj[0][np.ix_(slots, slots)].astype(int), ops)
    peer = Network(
        spec,
        num_labels=classes,
        in_channels=3,
        stem_out_channels=network.stem_channels,
        num_stacks=network.stacks,
        num_modules_per_stack=network.cells_per_stack,
    )
    copy_layer(model.stem, peer.layers[0])
    peer_cells = [peer.layers[i] for i in sorted(peer.cell_indices)]
    for ours, theirs in zip(model.cells, peer_cells, strict=True):
        for position, slot in enumerate(slots):
            for mine, its in ((ours.operations, theirs.vertex_op), (ours.projections, theirs.input_op)):
                if str(slot) in mine and not isinstance(mine[str(slot)], nn.MaxPool2d):
                    copy_layer(mine[str(slot)], its[position])
    peer.classifier.load_state_dict(model.classifier.state_dict())
    return peer.eval()


def copy_layer(ours: nn.Module, theirs: nn.Module) -> None:
    convolution = next(m for m in theirs.modules() if isinstance(m, nn.Conv2d))
    norm = next(m for m in theirs.modules() if isinstance(m, nn.BatchNorm2d))
    convolution.load_state_dict(ours.conv.state_dict())
    norm.load_state_dict(ours.bn.state_dict())


def test_same_outputs_as_an_independent_implementation():
    images = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    archs = some_cells(20)
    for i in range(len(archs)):
        model = build_network(archs[i], SMALL, 3, 7).eval()
        unsettle(model)
        peer = as_peer(archs[i], model, SMALL, 7)
        with torch.no_grad():
            ours, theirs = model(images), peer(images)
        scale = theirs.abs().max()
        assert scale > 0
        assert (ours - theirs).abs().max() < 1e-4 * scale, f"cell {i}: {archs[i].ops[0]}"


@pytest.mark.real_data
def test_parameters_are_the_benchmarks(data_dir):
    full = NetworkSettings(stem_channels=128, stacks=3, cells_per_stack=3)
    space = load("nasbench101")
    with gzip.open(data_dir / "nasbench101_validation_30001.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))[::600]
    assert len(rows) > 45
    for row in rows:
        n = int(row["num_vertices"])
        adjacency = row["adjacency"].zfill(n * n)
        names = [list(PEER_OPS.values())[int(op)] for op in row["ops"]]
        arch = space.from_official([adjacency], [",".join(["input", *names, "output"])])
        with torch.device("meta"):
            model = build_network(arch, full, 3, 10)
        assert sum(p.numel() for p in model.parameters()) == int(row["trainable_parameters"]), row["hash"]


def test_parameters_agree_with_the_spaces_arithmetic_vertex_by_vertex():
    archs = some_cells(30)
    size = SMALL.model_dump(exclude={"layers"})
    totals, by_vertex = params(archs, **size, in_channels=1, classes=4), op_params(archs, **size)
    for i in range(len(archs)):
        model = build_network(archs[i], SMALL, 1, 4)
        assert sum(p.numel() for p in model.parameters()) == totals[i]
        owned = model.vertex_parameters()
        assert [sum(p.numel() for _, p in of_vertex) for of_vertex in owned] == by_vertex[i].tolist()
        named = dict(model.named_parameters())
        names = [name for of_vertex in owned for name, _ in of_vertex]
        assert len(set(names)) == len(names)
        assert all(named[name] is p for of_vertex in owned for name, p in of_vertex)
        assert {n for n in named if n not in names} == {
            n for n in named if n.startswith(("stem.", "classifier."))
        }


def test_batch_norm_settings_hold_in_every_layer():
    model = build_network(FOUR_JOINED, SMALL, 1, 10, batch_norm_momentum=0.003, batch_norm_eps=1e-3)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 1 + 6 * (4 + 3)  # the stem; per cell 4 projections and 3 convolutions
    assert {(m.momentum, m.eps) for m in norms} == {(0.003, 1e-3)}


def test_features_feed_the_classifier_and_sizes_may_be_odd():
    model = build_network(FOUR_JOINED, SMALL, 1, 10).eval()
    images = torch.randn(3, 1, 7, 5, generator=torch.Generator().manual_seed(0))
    features = model.features(images)
    assert features.shape == (3, SMALL.stem_channels * 4)
    assert torch.equal(model.classifier(features), model(images))
    assert len(model.rectified()) == 1 + 6 * 7


def test_initial_weights_have_the_benchmarks_scale():
    torch.manual_seed(0)
    model = build_network(cell([CONV3X3], [(0, 1), (1, 6)]), NetworkSettings(stem_channels=64), 3, 10)
    weight = model.cells[1].operations["1"].conv.weight.detach()  # (128, 128, 3, 3)
    fan_in = 128 * 9
    assert weight.std().item() == pytest.approx(fan_in**-0.5, rel=0.02)
    assert weight.abs().max().item() <= 2 * fan_in**-0.5 / 0.8796 + 1e-6
    assert model.classifier.bias.abs().max().item() == 0


def test_one_cell_only():
    with pytest.raises(ValueError, match="one cell"):
        build_network(Archs.concatenate([INPUT_ONLY, FOUR_JOINED]), SMALL, 3, 10)
