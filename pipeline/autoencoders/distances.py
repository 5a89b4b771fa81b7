"""How far cells are from each other in a latent space: any two, and neighbours (thesis, section 4.2.3)."""

from __future__ import annotations

import numpy as np
import torch

from pipeline.autoencoders.measures import embed
from pipeline.autoencoders.vae import Arch2Vec, Graphs
from pipeline.randomness import rng
from pipeline.spaces import load
from pipeline.spaces.archs import Archs


def distances(
    vaes: dict[str, Arch2Vec], cells: dict[str, Archs], n: int, seed: int, device
) -> dict[str, np.ndarray]:
    """Return latent distances (L2 between mu, flattened) of pairs of cells, float32, at most n of a kind.

    vaes, cells: by name. For cells C and model M: distances/C/random/M of two different cells drawn at
    random, distances/C/edit_1/M of a cell and one that differs from it by one operation or one edge (by
    one entry of its arrays, where a space has others), of the same space but not necessarily among C.
    The pairs are the same for all models.
    """
    arrays = {}
    for name, archs in cells.items():
        if n == 0 or len(archs) < 2:
            continue
        draw = rng(seed, "distances", name)
        for kind, pair in (("random", two_each(archs, n, draw)), ("edit_1", one_edit(archs, n, draw))):
            for model, vae in vaes.items() if len(pair[0]) else ():
                arrays[f"distances/{name}/{kind}/{model}"] = between(vae, *pair, device)
    return arrays


def two_each(archs: Archs, n: int, draw: np.random.Generator) -> tuple[Archs, Archs]:
    """Return n pairs of different rows."""
    first = draw.integers(len(archs), size=n)
    second = (first + draw.integers(1, len(archs), size=n)) % len(archs)
    return archs[first], archs[second]


def one_edit(archs: Archs, n: int, draw: np.random.Generator) -> tuple[Archs, Archs]:
    """Return at most n pairs of a cell and a mutation of it, where their arrays differ by one entry."""
    space = load(archs.space)
    cells = archs[draw.permutation(len(archs))[:n]]
    repeats = -(-n // len(cells))
    cells = cells[np.tile(np.arange(len(cells)), repeats)[:n]]
    others = space.mutate(cells, draw)
    edits = (cells.ops != others.ops).reshape(n, -1).sum(axis=1)
    if cells.adj is not None:
        edits += (cells.adj != others.adj).reshape(n, -1).sum(axis=1)
    return cells[edits == 1], others[edits == 1]


def between(vae: Arch2Vec, one: Archs, other: Archs, device) -> np.ndarray:
    """Return the distance of each pair, float32 (N,)."""
    ends = []
    for archs in (one, other):
        graphs = Graphs.of(archs, device)
        ends.append(graphs.joined(embed(vae, graphs)).flatten(1))
    return torch.linalg.vector_norm(ends[0] - ends[1], dim=1).numpy()
