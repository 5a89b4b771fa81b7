"""Trainable parameters and FLOPs of NAS-Bench-201's networks, by edge and in all.

The network (Dong & Yang 2020, section 2.1 and figure 1): a 3x3 convolution of `stem_channels` channels with
batch normalisation; `stacks` stacks of `cells_per_stack` cells; before each stack but the first a residual
block that halves the image (rounding up) and doubles the channels: 3x3 convolution of stride 2, 3x3
convolution, each with batch normalisation, and beside them 2x2 average pooling with a 1x1 convolution; in
the end batch normalisation, ReLU, global average pooling and a dense layer with bias. No convolution has a
bias. Every convolution on an edge is counted, also one that cannot reach the output: its weights are there.

The benchmark's own `params` is this number in millions, though called MB: 0.073306 for the cell without
any operation and 1.531546 for the one of 3x3 convolutions only, on CIFAR-10, come out exactly. Its `flop`
(7.78305 and 220.11969 million for these two) is the multiply-accumulates here plus one for each class,
the additions of the dense layer's bias; so it counts no batch normalisation, and no pooling in the residual
blocks (whether poolings on edges count, these two cells cannot tell: they have none). The same holds for
its extremes on CIFAR-100 (7.7889, 220.12554) and ImageNet16-120 (1.9534, 55.03756).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench201.codes import N_OPS, NOR_CONV_1X1, NOR_CONV_3X3

_KERNEL_AREA = np.zeros(N_OPS, dtype=np.int64)  # operation -> size of its kernel; 0 for no convolution
_KERNEL_AREA[NOR_CONV_1X1], _KERNEL_AREA[NOR_CONV_3X3] = 1, 9


def _stacks(stem_channels: int, stacks: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield (channels, side of the image) of each stack."""
    for stack in range(stacks):
        yield stem_channels * 2**stack, size
        size = -(-size // 2)


def op_params(archs: Archs, stem_channels: int = 16, stacks: int = 3, cells_per_stack: int = 5) -> np.ndarray:
    """Return the trainable parameters of each edge in all cells, int64 (N, 6), batch norm included."""
    per_area = sum(c * c for c, _ in _stacks(stem_channels, stacks, 0))
    norms = sum(2 * c for c, _ in _stacks(stem_channels, stacks, 0))
    of_op = cells_per_stack * (_KERNEL_AREA * per_area + (_KERNEL_AREA > 0) * norms)
    return of_op[archs.ops]


def op_flops(
    archs: Archs, stem_channels: int = 16, stacks: int = 3, cells_per_stack: int = 5, image_size: int = 32
) -> np.ndarray:
    """Return the FLOPs of each edge in all cells, int64 (N, 6).

    Counted as multiply-accumulates of convolutions for one image of `image_size` x `image_size` pixels.
    """
    per_area = sum((c * size) ** 2 for c, size in _stacks(stem_channels, stacks, image_size))
    return (cells_per_stack * _KERNEL_AREA * per_area)[archs.ops]


def op_costs_by_cell(
    archs: Archs, stem_channels: int = 16, stacks: int = 3, cells_per_stack: int = 5, image_size: int = 32
) -> tuple[np.ndarray, np.ndarray]:
    """Return (FLOPs, parameters) of each edge in each cell of the network, int64 (N, cells, 6).

    Their sums over cells are `op_flops` and `op_params`.
    """
    sizes = list(_stacks(stem_channels, stacks, image_size))
    c, size = np.repeat(np.array(sizes, dtype=np.int64), cells_per_stack, axis=0).T[:, :, None]  # (cells, 1)
    flops = _KERNEL_AREA * (c * size) ** 2
    params = _KERNEL_AREA * c**2 + (_KERNEL_AREA > 0) * 2 * c
    return flops.T[archs.ops].transpose(0, 2, 1), params.T[archs.ops].transpose(0, 2, 1)


def params(
    archs: Archs,
    stem_channels: int = 16,
    stacks: int = 3,
    cells_per_stack: int = 5,
    in_channels: int = 3,
    classes: int = 10,
) -> np.ndarray:
    """Return each network's trainable parameters, int64 (N,). The defaults are the benchmark's."""
    total = 9 * in_channels * stem_channels + 2 * stem_channels
    widths = [c for c, _ in _stacks(stem_channels, stacks, 0)]
    for c in widths[1:]:
        total += _residual_weights(c) + 4 * c
    total += 2 * widths[-1] + classes * (widths[-1] + 1)
    return op_params(archs, stem_channels, stacks, cells_per_stack).sum(axis=1) + total


def flops(
    archs: Archs,
    stem_channels: int = 16,
    stacks: int = 3,
    cells_per_stack: int = 5,
    in_channels: int = 3,
    classes: int = 10,
    image_size: int = 32,
) -> np.ndarray:
    """Return each network's multiply-accumulates for one image, int64 (N,): convolutions and dense layer."""
    sizes = list(_stacks(stem_channels, stacks, image_size))
    total = 9 * in_channels * stem_channels * image_size**2 + classes * sizes[-1][0]
    total += sum(_residual_weights(c) * size**2 for c, size in sizes[1:])
    return op_flops(archs, stem_channels, stacks, cells_per_stack, image_size).sum(axis=1) + total


def _residual_weights(channels: int) -> int:
    """Return the weights of the convolutions in the block that doubles to `channels` channels."""
    half = channels // 2
    return 9 * half * channels + 9 * channels * channels + half * channels
