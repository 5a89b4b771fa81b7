"""Subspace 2 of NAS-Bench-1Shot1 (Zela et al. 2020): 7,773 NAS-Bench-101 cells.

Four interior vertices with 1, 1, 2 and 2 parents, and an output with 3.
The parts in which it differs from NAS-Bench-101 are in `pipeline.spaces.nasbench1shot1`.
"""

from __future__ import annotations

from pipeline import spaces
from pipeline.spaces.nasbench1shot1.subspace import Subspace

NAME = "nasbench1shot1_2"
SIZE = 7_773  # unique cells
PARENTS = (1, 1, 2, 2, 3)  # of vertices 1, 2, … and of the output

_subspace = Subspace(NAME, PARENTS)


def __getattr__(name: str):
    """What the subspace does not have of its own is NAS-Bench-101's."""
    return getattr(_subspace if hasattr(_subspace, name) else spaces.load(spaces.base(NAME)), name)
