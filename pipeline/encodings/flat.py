"""Architectures as rows of numbers, for models that take no graphs (trees, linear models).

Features are taken from the representative of an architecture's isomorphism class, so isomorphic
architectures have equal features. Their order, by space:
- operations on nodes: one-hot operation of every vertex, the upper triangle of the adjacency matrix, how
  often each operation occurs, the numbers of vertices and edges, and the length of the shortest and
  longest path from the input to the output;
- operations on edges: for each cell, one-hot operation of every possible edge, how often each operation
  occurs, the number of uses of every node, and the length of the longest path from an input node to each
  other node. "No edge" (or `none`) is a row of zeros.
"""

from __future__ import annotations

import numpy as np

from pipeline import spaces
from pipeline.spaces.archs import Archs
from pipeline.spaces.representatives import representatives

VERSION = 1  # of the features' order and meaning; stored with models that were trained on them


def flat_features(archs: Archs) -> np.ndarray:
    """Return float32 (N, F), the features that this module describes; F depends on the space alone."""
    space = spaces.load(archs.space)
    if not len(archs):
        return np.zeros((0, len(feature_names(archs.space))), np.float32)
    archs = representatives(archs)
    blocks = _of_nodes(space, archs) if space.OPERATIONS_ON == "nodes" else _of_edges(space, archs)
    return np.concatenate([block.reshape(len(archs), -1).astype(np.float32) for block in blocks], axis=1)


def feature_names(name: str) -> list[str]:
    """Return the name of each feature of a space, in order."""
    space = spaces.load(name)
    ops = [op for code, op in enumerate(space.OP_NAMES) if code != space.NONE]
    if space.OPERATIONS_ON == "nodes":
        v = space.V
        names = [f"vertex{i}:{op}" for i in range(v) for op in ops]
        names += [f"edge{i}-{j}" for i in range(v) for j in range(i + 1, v)]
        return [*names, *(f"n:{op}" for op in ops), "n:vertices", "n:edges", "shortest path", "longest path"]
    inner = [node for node in range(space.N_NODES) if node not in space.INPUT_NODES]
    cells = [f"cell{c}:" for c in range(space.N_CELLS)]
    names = [f"{cell}edge{a}-{b}:{op}" for cell in cells for a, b in space.EDGES for op in ops]
    names += [f"{cell}n:{op}" for cell in cells for op in ops]
    names += [f"{cell}uses of node {node}" for cell in cells for node in range(space.N_NODES)]
    return names + [f"{cell}longest path to node {node}" for cell in cells for node in inner]


def _one_hot(ops: np.ndarray, space) -> np.ndarray:
    """Return bool (..., operations but NONE)."""
    codes = [code for code in range(space.N_OPS) if code != space.NONE]
    return ops[..., None] == np.array(codes, dtype=np.uint8)


def _of_nodes(space, archs: Archs) -> list[np.ndarray]:
    v = archs.ops.shape[1]
    hot = _one_hot(archs.ops, space)  # (N, V, operations)
    upper = archs.adj[:, *np.triu_indices(v, 1)]
    sizes = np.stack([(archs.ops != space.NONE).sum(1), upper.sum(1)], axis=1)
    edges = [(i, j, archs.adj[:, i, j] != 0) for i in range(v) for j in range(i + 1, v)]
    longest = _path_lengths(edges, v, (0,), np.maximum)[:, -1]
    shortest = _path_lengths(edges, v, (0,), np.minimum)[:, -1]
    return [hot, upper, hot.sum(axis=1), sizes, np.stack([shortest, longest], axis=1)]


def _of_edges(space, archs: Archs) -> list[np.ndarray]:
    ops = archs.ops.reshape(len(archs) * space.N_CELLS, len(space.EDGES))
    hot = _one_hot(ops, space)  # (N * cells, edges, operations)
    uses = np.zeros((len(ops), space.N_NODES), np.int64)
    edges = []
    for k, (source, target) in enumerate(space.EDGES):
        there = ops[:, k] != space.NONE
        uses[:, source] += there
        edges.append((source, target, there))
    inner = [node for node in range(space.N_NODES) if node not in space.INPUT_NODES]
    longest = _path_lengths(edges, space.N_NODES, space.INPUT_NODES, np.maximum)[:, inner]
    return [hot, hot.sum(axis=1), uses, longest]


def _path_lengths(edges, n_nodes: int, starts, better) -> np.ndarray:
    """Return the length of the `better` (np.maximum or np.minimum) path from a start to each node.

    edges: (source, target, bool (M,) whether it is there), targets ascending. Returns int64 (M, nodes), -1
    for a node that no path reaches.
    """
    m = len(edges[0][2])
    lengths = np.full((m, n_nodes), -1, np.int64)
    lengths[:, list(starts)] = 0
    for source, target, there in sorted(edges, key=lambda edge: edge[1]):
        here = lengths[:, source] + 1
        known = lengths[:, target] >= 0
        better_one = np.where(known, better(lengths[:, target], here), here)
        lengths[:, target] = np.where(there & (here > 0), better_one, lengths[:, target])
    return lengths
