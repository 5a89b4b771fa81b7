"""DARTS cells as plain Python, for tests: wiring by wiring, without the package's arrays."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.darts import EDGES, NAME

Cell = dict[int, dict[int, int]]  # node -> {source: operation code}


def from_cells(*pairs: tuple[Cell, Cell]) -> Archs:
    """Return the architectures with these (normal, reduction) cells."""
    ops = np.zeros((len(pairs), 2, len(EDGES)), dtype=np.uint8)
    for row, pair in enumerate(pairs):
        for kind, cell in enumerate(pair):
            for node, sources in cell.items():
                for source, code in sources.items():
                    ops[row, kind, EDGES.index((source, node))] = code
    return Archs(NAME, ops)


def to_cells(archs: Archs) -> list[tuple[Cell, Cell]]:
    """Return the (normal, reduction) cells of each architecture."""
    pairs = []
    for row in archs.ops:
        cells: list[Cell] = [{2: {}, 3: {}, 4: {}, 5: {}} for _ in row]
        for kind, edge in zip(*np.nonzero(row), strict=True):
            source, node = EDGES[edge]
            cells[kind][node][source] = int(row[kind, edge])
        pairs.append(tuple(cells))
    return pairs


def renamed(cell: Cell) -> list[Cell]:
    """Return the cell under every order of its intermediate nodes that keeps its edges forward."""
    found = []
    for order in permutations((2, 3, 4, 5)):
        name = {0: 0, 1: 1, **dict(zip((2, 3, 4, 5), order, strict=True))}
        new = {name[node]: {name[s]: op for s, op in sources.items()} for node, sources in cell.items()}
        if all(source < node for node, sources in new.items() for source in sources):
            found.append(new)
    return found


def form(cell: Cell) -> tuple:
    """Return what two cells have in common exactly if they are isomorphic."""
    return min(tuple((v, *sorted(new[v].items())) for v in sorted(new)) for new in renamed(cell))
