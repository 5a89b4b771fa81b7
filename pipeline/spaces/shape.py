"""What every space's networks are built from beside the cell."""

from __future__ import annotations

from typing import Protocol


class NetworkShape(Protocol):
    """What of a child network is configured beside its cell (see `pipeline.children.settings`).

    DARTS' may also have `layers`, the number of cells, which then takes the place of `stacks` and
    `cells_per_stack`.
    """

    stem_channels: int
    stacks: int
    cells_per_stack: int
