"""What generated cells are like, beside those of the benchmark: table 4 and figures 2 to 5 of SemiGAN-NAD.

Every measure is a share. Rows are (part, name, detail): validity, accuracy above a bound, how often the best
cells have an edge or an operation at a place, how many cells contain an operation, how long the shortest
path from input to output is.
"""

from __future__ import annotations

import numpy as np

from pipeline import spaces
from pipeline.encodings.flat import feature_names, flat_features
from pipeline.spaces.archs import Archs

Shares = dict[tuple[str, str, str], float]


def above(accuracies: np.ndarray, bounds, which: str) -> Shares:
    """Return the share of cells above each accuracy (table 4); NaN if no accuracy is known."""
    known = accuracies[~np.isnan(accuracies)]
    return {
        ("accuracy", which, f"> {bound:g}"): float((known > bound).mean()) if len(known) else np.nan
        for bound in bounds
    }


def places(archs: Archs) -> Shares:
    """Return how often cells have each edge and each operation at each place (figures 2 and 3).

    Operations on nodes: edges between slots, and operations of the interior slots. Operations on edges:
    those of each edge, of each cell.
    """
    space, found = spaces.load(archs.space), {}
    if space.OPERATIONS_ON == "nodes":
        for i, j in zip(*np.triu_indices(space.V, 1), strict=True):
            found["edge", f"{i}-{j}", ""] = float(archs.adj[:, i, j].mean())
        for slot in range(1, space.V - 1):
            for code in space.INTERIOR_OPS:
                name = space.OP_NAMES[code]
                found["operation", f"vertex {slot}", name] = float((archs.ops[:, slot] == code).mean())
        return found
    ops = archs.ops.reshape(len(archs), space.N_CELLS, len(space.EDGES))
    for cell in range(space.N_CELLS):
        prefix = f"{space.CELL_NAMES[cell]} " if space.N_CELLS > 1 else ""
        for k, (source, target) in enumerate(space.EDGES):
            for code, name in enumerate(space.OP_NAMES):
                share = float((ops[:, cell, k] == code).mean())
                found["operation", f"{prefix}{source}-{target}", name] = share
    return found


def contents(archs: Archs) -> Shares:
    """Return how many cells contain each operation, and the lengths of shortest paths (figures 4 and 5)."""
    space = spaces.load(archs.space)
    ops = archs.ops.reshape(len(archs), -1)
    codes = space.INTERIOR_OPS if space.OPERATIONS_ON == "nodes" else range(space.N_OPS)
    found: Shares = {
        ("contains", space.OP_NAMES[code], ""): float((ops == code).any(axis=1).mean()) for code in codes
    }
    if space.OPERATIONS_ON == "nodes":
        column = feature_names(archs.space).index("shortest path")
        lengths = flat_features(archs)[:, column]
        for length in range(1, space.V):
            found["shortest path", str(length), ""] = float((lengths == length).mean())
    return found


def mean_shares(runs: list[Shares]) -> tuple[Shares, Shares]:
    """Return mean and (n - 1) standard deviation over runs of each share; NaN without two runs."""
    mean, deviation = {}, {}
    for key in runs[0]:
        values = np.array([run[key] for run in runs])
        known = values[~np.isnan(values)]
        mean[key] = float(known.mean()) if len(known) else np.nan
        deviation[key] = float(known.std(ddof=1)) if len(known) > 1 else np.nan
    return mean, deviation
