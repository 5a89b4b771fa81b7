"""The name of a cell: here the benchmark's own string, as there is no hash."""

from __future__ import annotations

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench201.official import to_official


def cell_ids(archs: Archs) -> list[str]:
    """Return the official string of each cell; isomorphic cells have different ones."""
    return to_official(archs)
