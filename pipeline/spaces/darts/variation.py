"""Drawing architectures at random, and changing them: sample, mutate, cross over. All rows at once."""

from __future__ import annotations

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.darts.codes import CHOICES, INTERMEDIATE, N_CELLS, NAME, SIZE
from pipeline.spaces.darts.keys import canonical_key, from_key
from pipeline.spaces.darts.layout import by_node, chosen_edges, from_edges
from pipeline.spaces.redraw import redraw


def sample(n: int, rng: np.random.Generator) -> Archs:
    """Return `n` architectures, no two of them isomorphic.

    Each is uniform over the `SIZE` spellings, as if both edges of every node and their operations were drawn
    independently; one that is isomorphic to an earlier one is drawn again.
    """
    archs = from_key(rng.integers(SIZE, size=n, dtype=np.uint64))
    while True:
        _, first = np.unique(canonical_key(archs), return_index=True)
        if len(first) == n:
            return archs
        fresh = from_key(rng.integers(SIZE, size=n - len(first), dtype=np.uint64))
        archs = Archs.concatenate([archs[np.sort(first)], fresh])


def mutate(archs: Archs, rng: np.random.Generator) -> Archs:
    """Return one neighbour of each architecture, never isomorphic to it.

    In one of the two cells, one edge has another operation or (equally likely) another source, all such
    changes of a kind alike; a change that gives an isomorphic architecture is drawn again. Raises ValueError
    for invalid architectures.
    """
    keys = canonical_key(archs)

    def draw(rows: np.ndarray) -> tuple[Archs, np.ndarray]:
        tried = _one_change(archs[rows], rng)
        return tried, canonical_key(tried) != keys[rows]

    return redraw(draw, archs)


def _one_change(archs: Archs, rng: np.random.Generator) -> Archs:
    sources, codes = chosen_edges(archs)
    kind, cell, edge = (rng.integers(k, size=len(archs)) for k in (2, N_CELLS, 2))

    rows = np.flatnonzero(kind == 0)  # another operation
    node = rng.integers(len(INTERMEDIATE), size=len(rows))
    at = rows, cell[rows], node, edge[rows]
    codes[at] = (codes[at] - 1 + rng.integers(1, CHOICES, size=len(rows))) % CHOICES + 1

    rows = np.flatnonzero(kind == 1)  # another source; node 2 has no choice
    node = _node_to_rewire(len(rows), rng)
    at = rows, cell[rows], node
    pair = sources[at]  # (n, 2), ascending
    fresh = rng.integers(node)  # node k counted from 0 has k+2 earlier nodes, two of them taken
    fresh += fresh >= pair[:, 0]
    fresh += fresh >= pair[:, 1]
    sources[*at, edge[rows]] = fresh
    return from_edges(sources, codes)


def _node_to_rewire(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return n nodes out of 1, 2, 3 (counted from 0), as likely as they have sources to choose from."""
    return np.array([1, 2, 2, 3, 3, 3])[rng.integers(6, size=n)]


def crossover(a: Archs, b: Archs, rng: np.random.Generator) -> Archs:
    """Return one child of each pair: every node of either cell, with its two edges, from either parent."""
    if len(a) != len(b):
        raise ValueError(f"crossover: {len(a)} and {len(b)} parents")
    from_b = rng.integers(2, size=(len(a), N_CELLS, len(INTERMEDIATE))).astype(bool)
    return Archs(NAME, np.where(by_node(from_b), b.ops, a.ops))
