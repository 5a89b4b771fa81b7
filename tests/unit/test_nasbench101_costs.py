"""Channels, parameters and FLOPs of NAS-Bench-101's cells: hand counts and the networks themselves."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.spaces import nasbench101 as space
from pipeline.spaces.nasbench101 import CONV3X3, MAXPOOL3X3
from tests.unit.nasbench101_cells import cell


def test_channels_are_shared_and_passed_back():
    three = cell([CONV3X3] * 3, [(0, 1), (0, 2), (0, 3), (1, 6), (2, 6), (3, 6)])
    assert space.vertex_channels(three.adj, 64, 128).tolist() == [[64, 43, 43, 42, 0, 0, 128]]
    # 1 feeds 2 (42 channels) and 3 (43): it takes the wider of the two
    fan = cell([CONV3X3] * 4, [(0, 1), (1, 2), (1, 3), (1, 4), (3, 6), (2, 6), (4, 6)])
    assert space.vertex_channels(fan.adj, 64, 127).tolist() == [[64, 43, 43, 42, 42, 0, 127]]
    assert space.vertex_channels(three.adj[:0], 64, 128).shape == (0, 7)
    with pytest.raises(ValueError, match="2 channels cannot be shared by 3 vertices"):
        space.vertex_channels(three.adj, 2, 2)


def test_params_and_flops_by_hand():
    arch = cell([CONV3X3, MAXPOOL3X3], [(0, 1), (1, 2), (2, 6), (0, 6)])
    # one cell, 16 channels: conv3x3 with its projection, pool, projection to the output
    assert space.op_params(arch, 16, 1, 1).tolist() == [
        [0, 9 * 16 * 16 + 32 + 16 * 16 + 32, 0, 0, 0, 0, 16 * 16 + 32]
    ]
    assert space.params(arch, 16, 1, 1, in_channels=1, classes=5).tolist() == [
        2624 + 288 + (9 * 16 + 32) + (5 * 17)
    ]
    # two stacks on 9x9 pixels, the second one on 5x5 with 32 channels
    first, second = 81 * (9 + 1) * 16 * 16, 25 * (9 * 32 * 32 + 16 * 32)
    assert space.op_flops(arch, 16, 2, 1, image_size=9).tolist() == [
        [0, first + second, 0, 0, 0, 0, 81 * 16 * 16 + 25 * 16 * 32]
    ]
    stem_and_classifier = 81 * 9 * 3 * 16 + 10 * 32
    total = first + second + 81 * 16 * 16 + 25 * 16 * 32 + stem_and_classifier
    assert space.flops(arch, 16, 2, 1, image_size=9).tolist() == [total]


def test_params_are_those_of_the_built_network():
    from pipeline.spaces.nasbench101.network import build_network

    shape = SimpleNamespace(stem_channels=8, stacks=2, cells_per_stack=2)
    few = space.sample(20, np.random.default_rng(0))
    total = space.params(few, 8, 2, 2, in_channels=1, classes=4)
    by_vertex = space.op_params(few, 8, 2, 2)
    for i in range(len(few)):
        network = build_network(few[i], shape, in_channels=1, classes=4)
        assert sum(p.numel() for p in network.parameters()) == total[i]
        owned = [sum(p.numel() for _, p in vertex) for vertex in network.vertex_parameters()]
        assert owned == by_vertex[i].tolist()
