"""What random networks of a cell's shape compute: a description of cells that needs no training.

Each of many small networks draws a matrix for every operation and a vector for the input, and sends the
vector through the cell: a vertex takes the sum of what feeds it, a convolution is ReLU and a matrix, a
pooling a matrix without ReLU, a skip connection the identity, `none` nothing. Cells that compute alike get
outputs that are close, isomorphic cells the same, and what leads nowhere leaves no trace. Convolutions
have part of their matrix in common, as they have more in common with each other than with a pooling.

The features are the leading principal axes of the networks' outputs, with the outputs' signs kept and
their sizes as logarithms. Axes and scales are those of `reference.reference_cells`: no other cells have a
say in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from pipeline import spaces
from pipeline.encodings.graphs import graph_shape, to_graphs
from pipeline.encodings.reference import reference_cells
from pipeline.randomness import derive
from pipeline.spaces.archs import Archs

NETWORKS, WIDTH = 32, 24
COMMON = 0.8  # share of a convolution's variance that all convolutions of a network have in common
KEPT = 0.3  # how much of the identity a pooling is
AXES = 64  # features; more of the variance than this changes no distance that matters
CELLS_AT_ONCE = 16_384


def flow_features(archs: Archs) -> np.ndarray:
    """Return float32 (N, AXES): mean 0, on average deviation 1, over the reference cells."""
    base = _basis(archs.space)
    parts = [
        base.of(_outputs(archs[start : start + CELLS_AT_ONCE]))
        for start in range(0, len(archs), CELLS_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, base.axes.shape[1]), np.float32)


@dataclass(frozen=True)
class _Basis:
    mean: np.ndarray  # (D,)
    deviation: np.ndarray  # (D,), of outputs that do not differ infinite
    axes: np.ndarray  # (D, AXES)

    def of(self, outputs: np.ndarray) -> np.ndarray:
        return ((outputs - self.mean) / self.deviation @ self.axes).astype(np.float32)


@cache
def _basis(name: str) -> _Basis:
    """Return scales and principal axes of the space's reference cells."""
    from scipy.linalg import eigh

    outputs = _outputs(reference_cells(name)).astype(np.float64)
    mean, deviation = outputs.mean(axis=0), outputs.std(axis=0)
    deviation = np.where(deviation > 1e-6, deviation, np.inf)
    scaled = (outputs - mean) / deviation
    width = scaled.shape[1]
    leading = (width - AXES, width - 1)
    variances, axes = eigh(scaled.T @ scaled / len(scaled), subset_by_index=leading)
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])  # one of two signs
    axes = axes / np.sqrt(variances.mean())
    return _Basis(mean.astype(np.float32), deviation.astype(np.float32), axes.astype(np.float32))


def _outputs(archs: Archs) -> np.ndarray:
    """Return what comes out of all networks, float32 (N, cells * NETWORKS * WIDTH)."""
    if not len(archs):
        return np.zeros((0, graph_shape(archs.space).cells * NETWORKS * WIDTH), np.float32)
    ops, adj = to_graphs(archs)
    # equal graphs (isomorphic cells, normal and reduction cells) are sent through once
    rows = np.concatenate([ops, np.packbits(adj.reshape(len(adj), -1), axis=1)], axis=1)
    _, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    ops, adj = ops[first], adj[first].astype(np.float32)
    found = [_sent(ops, adj, _network(archs.space, k)) for k in range(NETWORKS)]
    outputs = np.concatenate(found, axis=1)
    outputs = np.sign(outputs) * np.log1p(np.abs(outputs))
    return outputs[inverse.reshape(-1)].reshape(len(archs), -1)


def _sent(ops: np.ndarray, adj: np.ndarray, network: dict[int, tuple[str, np.ndarray]]) -> np.ndarray:
    """Return what one network sends out of each graph, float32 (M, WIDTH).

    ops: (M, V). adj: float32 (M, V, V). network: code of an operation -> its kind and its matrix or vector.
    """
    m, v = ops.shape
    states = np.zeros((m, v, WIDTH), np.float32)
    for vertex in range(v):
        heard = (adj[:, None, :vertex, vertex] @ states[:, :vertex])[:, 0]  # (M, WIDTH)
        for code, (kind, weight) in network.items():
            here = ops[:, vertex] == code
            if kind == "input":
                states[here, vertex] = weight
            elif kind == "identity":
                states[here, vertex] = heard[here]
            elif here.any():
                taken = heard[here]
                if kind == "convolution":
                    taken = np.sqrt(np.float32(2)) * np.maximum(taken, 0)
                states[here, vertex] = taken @ weight
    output = max(code for code in network)  # the last code of every space's graphs is the output's
    return (states * (ops == output)[:, :, None]).sum(axis=1)


@cache
def _network(name: str, k: int) -> dict[int, tuple[str, np.ndarray]]:
    """Return {code: (kind, weight)} of the k-th random network; codes that do nothing are left out."""
    generator = np.random.default_rng(derive(0, "random flow network", name, k))
    common, network = _matrix(generator), {}
    for code, kind in enumerate(_kinds(name)):
        if kind == "input":
            weight = generator.normal(size=WIDTH)
        elif kind == "convolution":
            weight = np.sqrt(COMMON) * common + np.sqrt(1 - COMMON) * _matrix(generator)
        elif kind == "pooling":
            weight = KEPT * np.eye(WIDTH) + (1 - KEPT) * _matrix(generator)
        elif kind == "identity":
            weight = np.zeros(0)
        else:
            continue
        network[code] = kind, weight.astype(np.float32)
    return network


def _matrix(generator: np.random.Generator) -> np.ndarray:
    return generator.normal(size=(WIDTH, WIDTH)) / np.sqrt(WIDTH)


def _kinds(name: str) -> list[str]:
    """Return what each code of the space's graphs (`graphs.to_graphs`) does."""
    space = spaces.load(name)
    kinds = [_kind(operation) for operation in space.OP_NAMES]
    if space.OPERATIONS_ON == "edges":
        kinds += ["input"] * len(space.INPUT_NODES) + ["identity"]
    return kinds


def _kind(operation: str) -> str:
    if "conv" in operation:
        return "convolution"
    if "pool" in operation:
        return "pooling"
    return {"skip_connect": "identity", "output": "identity", "input": "input"}.get(operation, "nothing")
