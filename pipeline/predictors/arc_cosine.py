"""The arc-cosine kernel: the covariance of a wide random network with ReLUs. It has no length to be fitted.

Source: Cho & Saul 2009, "Kernel Methods for Deep Learning", order 1, applied twice.
"""

from __future__ import annotations

import numpy as np

BIAS = 1.0  # of the first layer, against inputs whose mean square is about 1
LAYERS = 2


def inner_products(parts, others) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (x.x' (N, M), x.x (N,), x'.x' (M,)), float64, of rows that are given in parts.

    parts, others: (weight, rows) for each part; rows float (N, F) and (M, F). A part's inner products are
    divided by its number of features and multiplied by its weight, so that its width does not count.
    """
    n, m = len(parts[0][1]), len(others[0][1])
    total = [np.full((n, m), BIAS), np.full(n, BIAS), np.full(m, BIAS)]
    for (weight, rows), (_, other) in zip(parts, others, strict=True):
        if rows.shape[1]:
            rows, other, share = rows.astype(np.float64), other.astype(np.float64), weight / rows.shape[1]
            total[0] += share * (rows @ other.T)
            total[1] += share * (rows**2).sum(axis=1)
            total[2] += share * (other**2).sum(axis=1)
    return total[0], total[1], total[2]


def arc_cosine(parts, others) -> np.ndarray:
    """Return the kernel float64 (N, M) between rows given as in `inner_products`.

    A row's kernel with itself is its inner product with itself.
    """
    inner, own, other = inner_products(parts, others)
    lengths = np.sqrt(own[:, None] * other[None])
    for _ in range(LAYERS):
        cosine = np.clip(inner / lengths, -1, 1)
        angle = np.arccos(cosine)
        inner = lengths * (np.sqrt(1 - cosine**2) + (np.pi - angle) * cosine) / np.pi
    return inner
