"""Adjacency matrix and one-hot operations: the view that graph encoders take."""

from __future__ import annotations

import numpy as np

from pipeline.spaces import Archs, load


def one_hot(archs: Archs, padding: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return (adj float32 (N, V, V), ops float32 (N, V, K)) of architectures of any space.

    V is the number of nodes in the space's node view and K its number of operations. Code 0 of every
    space marks an unused node: such a node's row is all zeros, or, with `padding`, column 0 says so
    (then K is one more). NAS-Bench-101: V = 7, K = 5 (input, conv3x3, conv1x1, maxpool3x3, output) or 6.
    """
    space = load(archs.space)
    adj, codes = space.node_view(archs)
    eye = np.eye(space.N_OPS, dtype=np.float32)
    return adj, (eye if padding else eye[:, 1:])[codes]
