"""Trainable parameters and FLOPs of DARTS networks, by edge and in all.

The network is that of `skeleton`, with its operations as `network` describes them. No convolution has a bias;
every convolution or pair of depthwise and pointwise convolution has a batch norm, two parameters a channel.
FLOPs are multiply-accumulates of convolutions and of the linear layer, for one image. What no edge owns: the
stem, the 1x1 convolutions of each cell's two inputs, and the linear layer.

Published tables count otherwise. NASLib's, for 1,218 architectures with 32 channels, `layers=8` and 10
classes, agrees exactly in all rows if what its networks and counter differ by is allowed for:
- its batch norms on edges have no parameters: `params_M` is `params` less two for each of their channels;
- its pools are followed by such a batch norm, and `flops_M` counts elements as well: one for each that a ReLU
  or such a batch norm takes, two for other batch norms, nine for each that a pool puts out. A constant 41,472
  is left; it must belong to what all networks share, but by which rule is not known.
"""

from __future__ import annotations

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.darts.codes import (
    DIL_CONV_3X3,
    DIL_CONV_5X5,
    EDGES,
    INPUT_NODES,
    N_CELLS,
    N_OPS,
    SEP_CONV_3X3,
    SEP_CONV_5X5,
    SKIP_CONNECT,
    SOURCE_OF_EDGE,
)
from pipeline.spaces.darts.skeleton import STEM_FACTOR, CellPlace, cell_places

# operation -> (size of its depthwise kernel, how many times depthwise, pointwise, batch norm)
_SEPARABLE = {SEP_CONV_3X3: (9, 2), SEP_CONV_5X5: (25, 2), DIL_CONV_3X3: (9, 1), DIL_CONV_5X5: (25, 1)}


def _weights(kind: int, channels: int) -> np.ndarray:
    """Return the weights of every operation's convolutions in one cell, int64 (14 edges, operations)."""
    weights = np.zeros((len(EDGES), N_OPS), dtype=np.int64)
    for op, (area, times) in _SEPARABLE.items():
        weights[:, op] = times * (area * channels + channels**2)
    if kind:  # in a reduction cell, a skip from an input is a factorised reduction
        weights[np.isin(SOURCE_OF_EDGE, INPUT_NODES), SKIP_CONNECT] = channels**2
    return weights


def _norms(kind: int, channels: int) -> np.ndarray:
    """Return the parameters of every operation's batch norms in one cell, int64 (14 edges, operations)."""
    norms = np.zeros((len(EDGES), N_OPS), dtype=np.int64)
    for op, (_, times) in _SEPARABLE.items():
        norms[:, op] = times * 2 * channels
    if kind:
        norms[np.isin(SOURCE_OF_EDGE, INPUT_NODES), SKIP_CONNECT] = 2 * channels
    return norms


def _looked_up(archs: Archs, tables: np.ndarray) -> np.ndarray:
    """Return int64 (N, 2, 14): what `tables` (2 cells, 14 edges, operations) says of every edge."""
    cells, edges = np.ogrid[:N_CELLS, : len(EDGES)]
    return tables[cells, edges, archs.ops]


def op_params(
    archs: Archs,
    stem_channels: int = 32,
    stacks: int = 3,
    cells_per_stack: int = 3,
    layers: int | None = None,
) -> np.ndarray:
    """Return the trainable parameters of each edge in all cells of its kind, int64 (N, 2, 14)."""
    tables = np.zeros((N_CELLS, len(EDGES), N_OPS), dtype=np.int64)
    for place in cell_places(stem_channels, stacks, cells_per_stack, layers):
        tables[place.kind] += _weights(place.kind, place.channels) + _norms(place.kind, place.channels)
    return _looked_up(archs, tables)


def op_flops(
    archs: Archs,
    stem_channels: int = 32,
    stacks: int = 3,
    cells_per_stack: int = 3,
    image_size: int = 32,
    layers: int | None = None,
) -> np.ndarray:
    """Return the multiply-accumulates of each edge in all cells of its kind, int64 (N, 2, 14).

    For one image of `image_size` x `image_size` pixels.
    """
    tables = np.zeros((N_CELLS, len(EDGES), N_OPS), dtype=np.int64)
    for place in cell_places(stem_channels, stacks, cells_per_stack, layers, image_size):
        # at the output's size also where an edge halves the image: its first convolution has the stride
        tables[place.kind] += _weights(place.kind, place.channels) * place.size**2
    return _looked_up(archs, tables)


def params(
    archs: Archs,
    stem_channels: int = 32,
    stacks: int = 3,
    cells_per_stack: int = 3,
    in_channels: int = 3,
    classes: int = 10,
    layers: int | None = None,
) -> np.ndarray:
    """Return each network's trainable parameters, int64 (N,), without an auxiliary head."""
    places = list(cell_places(stem_channels, stacks, cells_per_stack, layers))
    stem = STEM_FACTOR * stem_channels
    total = 9 * in_channels * stem + 2 * stem + classes * (_features(places, stem) + 1)
    total += sum(_input_weights(place) + 4 * place.channels for place in places)
    return op_params(archs, stem_channels, stacks, cells_per_stack, layers).sum(axis=(1, 2)) + total


def flops(
    archs: Archs,
    stem_channels: int = 32,
    stacks: int = 3,
    cells_per_stack: int = 3,
    in_channels: int = 3,
    classes: int = 10,
    image_size: int = 32,
    layers: int | None = None,
) -> np.ndarray:
    """Return each network's multiply-accumulates for one image, int64 (N,)."""
    places = list(cell_places(stem_channels, stacks, cells_per_stack, layers, image_size))
    stem = STEM_FACTOR * stem_channels
    total = 9 * in_channels * stem * image_size**2 + classes * _features(places, stem)
    # both inputs come out at the second one's size
    total += sum(_input_weights(place) * place.size_in**2 for place in places)
    edges = op_flops(archs, stem_channels, stacks, cells_per_stack, image_size, layers)
    return edges.sum(axis=(1, 2)) + total


def _input_weights(place: CellPlace) -> int:
    """Return the weights of the convolutions that bring a cell's two inputs to its channels."""
    return sum(place.c_in) * place.channels


def _features(places: list[CellPlace], stem: int) -> int:
    return places[-1].c_out if places else stem
