"""Counted properties of a cell's graph, for each set of operations: what few labels suffice to learn from.

For every set of operations: how many there are, the length of the shortest path from an input to the
output that uses no others (one more than the graph's vertices if there is none), the most of them on any
path, how many hear from an input, and how many feed the output. All sets of a space of at most four
operations; else the single ones, the pairs, and all together. Then the edges, and the direct ones from an
input to the output. In NAS-Bench-201, where cells' operations are on edges, a path goes from edge to edge.

Such properties were proposed by Kadlecová et al. 2024 ("Surprisingly Strong Performance Prediction with
Neural Graph Features"); the set here is smaller. Isomorphic cells of NAS-Bench-101 and DARTS have equal
features, those of NAS-Bench-201 as far as edges that lie on no path are concerned.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from pipeline import spaces
from pipeline.encodings.graphs import graph_shape, to_graphs
from pipeline.encodings.op_numbers import operation_codes
from pipeline.spaces.archs import Archs

CELLS_AT_ONCE = 65_536
MOST_FOR_ALL_SETS = 4


def graph_features(archs: Archs) -> np.ndarray:
    """Return float32 (N, F), the properties that this module describes; F depends on the space alone."""
    if not len(archs):
        return np.zeros((0, len(graph_feature_names(archs.space))), np.float32)
    starts = range(0, len(archs), CELLS_AT_ONCE)
    return np.concatenate([_features(archs[start : start + CELLS_AT_ONCE]) for start in starts])


def graph_feature_names(name: str) -> list[str]:
    """Return the name of each feature of a space, in order."""
    space = spaces.load(name)
    _, operations, _ = _roles(space)
    names = []
    for chosen in _sets(operations):
        of = "+".join(space.OP_NAMES[code] for code in chosen)
        names += [
            f"{what}:{of}" for what in ("n", "shortest path", "most on a path", "after input", "to output")
        ]
    names += ["edges", "input to output"]
    cells = graph_shape(name).cells
    return names if cells == 1 else [f"cell{c}:{text}" for c in range(cells) for text in names]


def _features(archs: Archs) -> np.ndarray:
    space = spaces.load(archs.space)
    ops, adj = to_graphs(space.prune(archs) if hasattr(space, "prune") else archs)
    inputs, operations, output = _roles(space)
    started, ended = np.isin(ops, inputs), ops == output
    there = started | ended | np.isin(ops, operations)
    edges = (adj != 0) & there[:, :, None] & there[:, None, :]  # (M, V, V)
    columns = []
    for chosen in _sets(operations):
        members = np.isin(ops, chosen)
        weight = members.astype(np.int16)
        alone = members | ended
        shortest = _best_path(edges, weight, alone, started, np.minimum)[ended]
        most = _best_path(edges, weight, there, started, np.maximum)[ended]
        columns += [
            members.sum(axis=1),
            np.where(shortest < 0, ops.shape[1] + 1, shortest),
            most,
            (edges & started[:, :, None] & members[:, None, :]).sum(axis=(1, 2)),
            (edges & members[:, :, None] & ended[:, None, :]).sum(axis=(1, 2)),
        ]
    columns.append(edges.sum(axis=(1, 2)))
    columns.append((edges & started[:, :, None] & ended[:, None, :]).sum(axis=(1, 2)))
    return np.stack(columns, axis=1).astype(np.float32).reshape(len(archs), -1)


def _roles(space) -> tuple[list[int], list[int], int]:
    """Return (codes of inputs, codes of operations, code of the output) in `to_graphs`."""
    if space.OPERATIONS_ON == "nodes":
        return [space.INPUT], operation_codes(space), space.OUTPUT
    inputs = [space.N_OPS + k for k in range(len(space.INPUT_NODES))]
    return inputs, operation_codes(space), inputs[-1] + 1


def _sets(operations: list[int]) -> list[tuple[int, ...]]:
    n = len(operations)
    sizes = range(1, n + 1) if n <= MOST_FOR_ALL_SETS else (1, 2, n)
    return [chosen for size in sizes for chosen in combinations(operations, size)]


def _best_path(edges: np.ndarray, weight, allowed, started, better) -> np.ndarray:
    """Return the least or greatest weight of a path from a start to each vertex, int16 (M, V); -1: no path.

    edges: bool (M, V, V), i < j. weight: int16 (M, V), of the vertices on the path. allowed: bool (M, V),
    which vertices it may pass. better: np.minimum or np.maximum.
    """
    best = np.where(started, 0, -1).astype(np.int16)
    for target in range(1, edges.shape[1]):
        for source in range(target):
            here = edges[:, source, target] & allowed[:, target] & (best[:, source] >= 0)
            length = best[:, source] + weight[:, target]
            known = best[:, target] >= 0
            best[:, target] = np.where(
                here, np.where(known, better(best[:, target], length), length), best[:, target]
            )
    return best
