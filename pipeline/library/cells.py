"""Cells of a search space, spelled out or all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline import spaces
from pipeline.errors import ConfigError, DataError
from pipeline.spaces.archs import Archs


def parse_cells(space: str, **columns: Sequence[str]) -> Archs:
    """Return the cells that texts spell, in their order.

    columns: N texts each; nasbench101 and its subspaces: adjacency and ops; nasbench201: arch_str; darts:
    genotype, compact_arch or cell (docs/howto/benchmarks.md). Raises ConfigError for an unknown space,
    DataError for a text that spells no cell or one outside the space.
    """
    module, given = spaces.load(space), {name: list(texts) for name, texts in columns.items()}
    if not given or len({len(texts) for texts in given.values()}) > 1:
        raise DataError(f"{space}: expected columns of equal length that spell cells, got {_lengths(given)}")
    archs = spaces.load(spaces.base(space)).from_columns(given)
    wrong = np.flatnonzero(~module.validate(archs))
    if len(wrong):
        raise DataError(f"{space}: row {wrong[0]} is no cell of this space ({len(wrong)} such in all)")
    return archs


def all_cells(space: str) -> Archs:
    """Return every cell of a space once. Raises ConfigError for a space that is too large for that."""
    module = spaces.load(space)
    if space in spaces.UNLISTED:
        raise ConfigError(
            f"{space}: its cells are too many to be listed; draw some, with pipeline.spaces.{space}.sample"
        )
    return module.enumerate_cells()


def _lengths(given: dict[str, list]) -> str:
    return ", ".join(f"{name}: {len(texts)}" for name, texts in given.items()) or "none"
