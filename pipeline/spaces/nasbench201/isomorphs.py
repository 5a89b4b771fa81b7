"""All strings of NAS-Bench-201 that stand for a cell's computation: those with its canonical key."""

from __future__ import annotations

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench201.enumeration import enumerate_cells
from pipeline.spaces.nasbench201.keys import canonical_key, cell_key


def isomorphs(archs: Archs) -> tuple[Archs, np.ndarray]:
    """Return (all strings of the cells' classes, int64 (M,): the row of each one's cell).

    They come cell by cell, the cell as it is first, then the others in the order of `enumerate_cells`.
    """
    cells = enumerate_cells()
    classes = canonical_key(cells)
    order = np.argsort(classes, kind="stable")  # the members of a class, side by side
    keys = cell_key(archs)
    first = np.searchsorted(classes[order], classes[keys])
    size = np.searchsorted(classes[order], classes[keys], side="right") - first
    rows = np.repeat(np.arange(len(archs)), size)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(size) - size, size)
    members = order[first[rows] + within]
    itself_first = np.lexsort((members, members != keys[rows], rows))
    return cells[members[itself_first]], rows
