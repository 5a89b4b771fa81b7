"""Architectures as sequences of tokens, for encoders that read them one after another.

The sequence depends on how a cell is spelt: isomorphic cells differ. By space:
- NAS-Bench-101: the 21 bits of the adjacency's upper triangle, row by row, then the 7 operations (as Wang et
  al. 2018, "AlphaX", have it);
- NAS-Bench-201: its 6 operations, in the order of the official string;
- DARTS: for each cell, the 8 sources of its edges, then their 8 operations (as Luo et al. 2018, "NAO").
A token is unique: no operation has the number of a bit or of a source.
"""

from __future__ import annotations

import numpy as np

from pipeline import spaces
from pipeline.spaces.archs import Archs


def sequence(archs: Archs) -> np.ndarray:
    """Return int64 (N, T), tokens from 0 to `vocabulary(space) - 1`; T depends on the space alone."""
    space = spaces.load(archs.space)
    if space.OPERATIONS_ON == "nodes":
        bits = archs.adj[:, *np.triu_indices(space.V, 1)]
        return np.concatenate([bits, 2 + archs.ops.astype(np.int64)], axis=1)
    if space.N_CELLS == 1:
        return archs.ops.astype(np.int64)
    sources, codes = space.chosen_edges(archs)  # (N, cells, nodes, 2)
    tokens = np.stack([sources, space.N_NODES + codes], axis=2)  # (N, cells, 2, nodes, 2)
    return tokens.reshape(len(archs), -1)


def vocabulary(space) -> int:
    """Return how many tokens the sequences of a space are made of."""
    if space.OPERATIONS_ON == "nodes":
        return 2 + space.N_OPS
    return space.N_OPS if space.N_CELLS == 1 else space.N_NODES + space.N_OPS


def length(space) -> int:
    """Return how many tokens a sequence has."""
    if space.OPERATIONS_ON == "nodes":
        return space.V * (space.V - 1) // 2 + space.V
    if space.N_CELLS == 1:
        return len(space.EDGES)
    return space.N_CELLS * 2 * 2 * len(space.INTERMEDIATE)  # source and operation of two edges a node
