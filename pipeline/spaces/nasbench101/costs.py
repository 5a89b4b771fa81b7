"""Channels, trainable parameters and FLOPs of NAS-Bench-101's networks, by vertex and in all.

The network (Ying et al. 2019, section 2.2 and appendix A): a 3x3 stem; `stacks` stacks of
`cells_per_stack` cells; before each stack but the first, a 2x2 max pool halves the image (rounding
up) and the channels double; at the end a global average pool and a dense layer with bias.
In a cell, every convolution is followed by batch normalisation (two parameters a channel) and has no
bias. The input reaches each interior vertex and the output through a 1x1 convolution of their own;
interior vertices are truncated to the channels of the vertex that they feed, and those that feed the
output are concatenated there.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101.codes import CONV1X1, CONV3X3, V

_KERNEL_AREA = {CONV3X3: 9, CONV1X1: 1}


def vertex_channels(adj: np.ndarray, in_channels: int, out_channels: int) -> np.ndarray:
    """Return how many channels each vertex puts out, int64 (N, 7); 0 for unused slots.

    adj: (N, 7, 7), valid cells. The vertices that feed the output share `out_channels`, the first ones
    taking one more each if it does not divide; every other takes the most that a vertex fed by it has
    (appendix A). Raises ValueError if `out_channels` does not give every one of them a channel.
    """
    adj = np.asarray(adj).astype(bool)
    channels = np.zeros((len(adj), V), dtype=np.int64)
    feeds = adj[:, 1:-1, -1]  # (N, 5)
    count = np.maximum(feeds.sum(axis=1), 1)
    if len(adj) and out_channels < count.max():
        raise ValueError(f"{out_channels} channels cannot be shared by {count.max()} vertices")
    rank = np.cumsum(feeds, axis=1) - 1  # place among those that feed the output
    share = out_channels // count[:, None] + (rank < (out_channels % count)[:, None])
    channels[:, 1:-1] = np.where(feeds, share, 0)
    for v in range(V - 3, 0, -1):
        widest = np.where(adj[:, v, v + 1 : -1], channels[:, v + 1 : -1], 0).max(axis=1)
        channels[:, v] = np.where(adj[:, v, -1], channels[:, v], widest)
    channels[:, 0], channels[:, -1] = in_channels, out_channels
    return channels


def _cells(
    stem_channels: int, stacks: int, cells_per_stack: int, size: int
) -> Iterator[tuple[int, int, int]]:
    """Yield (channels in, channels out, side of the image) of each cell of the network."""
    channels_in = channels = stem_channels
    for stack in range(stacks):
        if stack:
            channels, size = channels * 2, -(-size // 2)
        for _ in range(cells_per_stack):
            yield channels_in, channels, size
            channels_in = channels


def _convolutions(archs: Archs, c_in: int, c_out: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (weights, output channels) of the convolutions that each vertex stands for, int64 (N, 7)."""
    channels = vertex_channels(archs.adj, c_in, c_out)
    projected = archs.adj[:, 0, :].astype(np.int64)  # (N, 7): fed by the input
    weights = projected * c_in * channels
    outputs = projected * channels
    for op, area in _KERNEL_AREA.items():
        weights += (archs.ops == op) * area * channels**2
        outputs += (archs.ops == op) * channels
    return weights, outputs


def op_params(
    archs: Archs, stem_channels: int = 128, stacks: int = 3, cells_per_stack: int = 3
) -> np.ndarray:
    """Return the trainable parameters that each vertex stands for in all cells, int64 (N, 7).

    A vertex stands for its operation and for the 1x1 projection of the cell's input that feeds it, batch
    normalisation included; the output vertex for the projection from the input, the input for nothing.
    """
    total = np.zeros((len(archs), V), dtype=np.int64)
    for c_in, c_out, _ in _cells(stem_channels, stacks, cells_per_stack, 0):
        weights, outputs = _convolutions(archs, c_in, c_out)
        total += weights + 2 * outputs
    return total


def op_flops(
    archs: Archs, stem_channels: int = 128, stacks: int = 3, cells_per_stack: int = 3, image_size: int = 32
) -> np.ndarray:
    """Return the FLOPs that each vertex stands for (see `op_params`), int64 (N, 7).

    Counted as multiply-accumulates of convolutions for one image of `image_size` x `image_size` pixels.
    """
    total = np.zeros((len(archs), V), dtype=np.int64)
    for c_in, c_out, size in _cells(stem_channels, stacks, cells_per_stack, image_size):
        total += _convolutions(archs, c_in, c_out)[0] * size**2
    return total


def op_costs_by_cell(
    archs: Archs, stem_channels: int = 128, stacks: int = 3, cells_per_stack: int = 3, image_size: int = 32
) -> tuple[np.ndarray, np.ndarray]:
    """Return (FLOPs, parameters) of each vertex in each cell of the network, int64 (N, cells, 7).

    Their sums over cells are `op_flops` and `op_params`.
    """
    flops, params = [], []
    for c_in, c_out, size in _cells(stem_channels, stacks, cells_per_stack, image_size):
        weights, outputs = _convolutions(archs, c_in, c_out)
        flops.append(weights * size**2)
        params.append(weights + 2 * outputs)
    return np.stack(flops, axis=1), np.stack(params, axis=1)


def params(
    archs: Archs,
    stem_channels: int = 128,
    stacks: int = 3,
    cells_per_stack: int = 3,
    in_channels: int = 3,
    classes: int = 10,
) -> np.ndarray:
    """Return each network's trainable parameters, int64 (N,).

    The defaults are the networks of NAS-Bench-101's own table. Vertices that feed the output differ by
    a channel if they do not divide it, so isomorphic cells may differ by some parameters.
    """
    stem = 9 * in_channels * stem_channels + 2 * stem_channels
    last = stem_channels * 2 ** (stacks - 1)
    vertices = op_params(archs, stem_channels, stacks, cells_per_stack).sum(axis=1)
    return vertices + stem + classes * (last + 1)


def flops(
    archs: Archs,
    stem_channels: int = 128,
    stacks: int = 3,
    cells_per_stack: int = 3,
    in_channels: int = 3,
    classes: int = 10,
    image_size: int = 32,
) -> np.ndarray:
    """Return each network's multiply-accumulates for one image, int64 (N,): convolutions and dense layer."""
    stem = 9 * in_channels * stem_channels * image_size**2
    last = stem_channels * 2 ** (stacks - 1)
    vertices = op_flops(archs, stem_channels, stacks, cells_per_stack, image_size).sum(axis=1)
    return vertices + stem + classes * last
