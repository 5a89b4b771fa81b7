"""Architectures as feature tensors of ReNAS: a layer of operation types, and two for each cell of a network.

Source: ReNAS, section 3.2 and figure 2. Entry (i, j) of a layer is zero where no edge runs from node i to
node j. For operations on nodes it is a number of node j: its type, or the FLOPs or parameters of what it
stands for in one cell of the network; for operations on edges it is that number of the edge. The cells'
layers follow from input to output, FLOPs before parameters. NAS-Bench-101: 19 x 7 x 7, its 9 cells.
NAS-Bench-201: 31 x 4 x 4, its 15 cells. Unused nodes stand before the output, as in the paper.

What the paper does not say: FLOPs are multiply-accumulates, in units of 10^7, and parameters (batch
normalisation included) in units of 10^5, so that both are of the size of 1 to 10; an operation's type is its
number in `op_numbers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from pipeline import spaces
from pipeline.encodings.op_numbers import op_numbers
from pipeline.errors import ConfigError
from pipeline.spaces.archs import Archs

Layers = Literal["all", "types"]
CANONICAL = (
    "the tensor of a cell's representative, so that isomorphic cells have one; in NAS-Bench-201 it leaves "
    "out what the output does not depend on"
)
FLOPS_UNIT, PARAMS_UNIT = 1e7, 1e5
AT_ONCE = 4096  # cells whose costs are in memory at once
CELLS = {"nasbench101": 9, "nasbench201": 15}  # of the benchmark's networks


def tensor_size(space, layers: Layers = "all", one_hot: bool = False) -> tuple[int, int, int]:
    """Return (layers, V, V). one_hot: as from `one_hot_types`.

    Raises ConfigError for a space whose cells are not encoded so.
    """
    if space.NAME not in CELLS:
        raise ConfigError(
            f"the tensor of ReNAS is one of {' and '.join(CELLS)}, not of {space.NAME}; use the method gates"
        )
    nodes = space.V if space.OPERATIONS_ON == "nodes" else space.N_NODES
    types = len(_types_of_edges(space)) if one_hot else 1
    return types + 2 * CELLS[space.NAME] * (layers == "all"), nodes, nodes


def renas_tensor(
    archs: Archs,
    layers: Layers = "all",
    units: tuple = (FLOPS_UNIT, PARAMS_UNIT),
    op_order: Sequence[str] | None = None,
) -> np.ndarray:
    """Return float32 (N, layers, V, V).

    layers: "types" leaves FLOPs and parameters out. units: of FLOPs and of parameters. op_order: of types,
    see `op_numbers`.
    Raises ConfigError for a space whose cells are not encoded so, and for an order of other operations.
    """
    space = spaces.load(archs.space)
    tensor = np.zeros((len(archs), *tensor_size(space, layers)), np.float32)
    type_of = op_numbers(archs.space, op_order).astype(np.float32)
    for start in range(0, len(archs), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        of_slots = _numbers(archs[part], space, layers, units, type_of)
        if space.OPERATIONS_ON == "nodes":
            np.multiply(of_slots[:, :, None, :], archs.adj[part, None], out=tensor[part])
        else:
            sources, targets = zip(*space.EDGES, strict=True)
            tensor[part][:, :, sources, targets] = of_slots
    return tensor


def one_hot_types(tensor: np.ndarray, space) -> np.ndarray:
    """Return the tensor with a layer of zeros and ones for each type in place of the layer of types.

    float32 (N, layers, V, V) -> (N, layers - 1 + types, V, V). Not of the paper: numbers of types say that
    one operation is more than another.
    """
    shown = tensor[:, :1] == np.array(_types_of_edges(space), np.float32)[:, None, None]
    return np.concatenate([shown.astype(np.float32), tensor[:, 1:]], axis=1)


def _types_of_edges(space) -> range:
    """Return the types that an entry may have: none and "input" are at the end of no edge."""
    return range(2 if space.OPERATIONS_ON == "nodes" else 1, space.N_OPS)


def _numbers(archs: Archs, space, layers: Layers, units: tuple, type_of: np.ndarray) -> np.ndarray:
    """Return float32 (N, layers, nodes or edges): type, then FLOPs and parameters in each cell."""
    types = type_of[archs.ops][:, None]
    if layers == "types":
        return types
    numbers = np.empty((len(archs), 1 + 2 * CELLS[space.NAME], archs.ops.shape[1]), np.float32)
    numbers[:, :1] = types
    for first, unit, costs in zip((1, 2), units, space.op_costs_by_cell(archs), strict=True):
        np.divide(costs, unit, out=numbers[:, first::2], casting="same_kind")
    return numbers
