"""Choosing cells so that small and large networks are there alike, instead of at random.

Source: ReNAS, section 4.2: all cells are sorted by their networks' parameters (FLOPs) and taken at even
distances.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from pipeline import spaces
from pipeline.spaces.archs import Archs

Sampling = Literal["random", "params", "flops"]


def network_costs(archs: Archs, sampling: Sampling) -> np.ndarray | None:
    """Return what cells are sorted by, int64 (N,); None for "random". Networks have the benchmark's size."""
    if sampling == "random":
        return None
    space = spaces.load(archs.space)
    return space.params(archs) if sampling == "params" else space.flops(archs)


def drawn(n_cells: int, n: int, costs: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Draw `n` different rows of `n_cells`, int64 (n,), in random order.

    costs: number (n_cells,); the drawn ones are then at even distances in their order, from a random start;
    equals are in random order. None: each subset is equally likely.
    """
    order = rng.permutation(n_cells)
    if costs is None:
        return order[:n]
    order = order[np.argsort(np.asarray(costs)[order], kind="stable")]
    places = ((np.arange(n) + rng.random()) * (n_cells / n)).astype(np.int64)
    return rng.permutation(order[np.minimum(places, n_cells - 1)])
