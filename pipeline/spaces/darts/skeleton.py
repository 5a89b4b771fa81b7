"""How DARTS cells are stacked into a network: channels and size of every cell.

The network for CIFAR of Liu et al. 2019 (section 3.2; appendix A.1.2): a 3x3 convolution to three times
`stem_channels` channels with batch norm, the cells, global average pooling, a linear layer. A reduction cell
halves the image, rounding up, and doubles the channels C of its nodes; every cell puts out 4 C channels.

Depth is `layers` or, where that is None, `stacks` stacks of `cells_per_stack` cells.
- `layers` cells (DARTS' own way; NAS-Bench-301's networks have 8, of 32 channels): those at one and two
  thirds of the depth, `layers // 3` and `2 * layers // 3` counted from 0, are reduction cells.
- stacks: the first cell of each stack but the first is a reduction cell. With three stacks that is the same;
  fewer or more stacks reduce less or more often, so that `stacks` means the same in every space.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pipeline.spaces.darts.codes import INTERMEDIATE

STEM_FACTOR = 3  # the stem has this many times `stem_channels`


class CellPlace(NamedTuple):
    """One cell of a network."""

    kind: int  # 0 normal, 1 reduction
    after_reduction: bool  # the cell before it is a reduction cell, so that its two inputs differ in size
    c_in: tuple[int, int]  # channels of its two inputs: the output of the cell before the last, of the last
    channels: int  # of each of its nodes
    size_in: int  # side of its second input's image
    size: int  # side of its output's image

    @property
    def c_out(self) -> int:
        return len(INTERMEDIATE) * self.channels


def cell_places(
    stem_channels: int, stacks: int, cells_per_stack: int, layers: int | None = None, image_size: int = 32
) -> Iterator[CellPlace]:
    """Yield the place of each cell, from the stem to the classifier."""
    if layers is None:
        layers = stacks * cells_per_stack
        reductions = {stack * cells_per_stack for stack in range(1, stacks)}
    else:
        reductions = {layers // 3, 2 * layers // 3}
    channels, size, after_reduction = stem_channels, image_size, False
    c_in = (STEM_FACTOR * stem_channels, STEM_FACTOR * stem_channels)
    for layer in range(layers):
        size_in, reduces = size, layer in reductions
        if reduces:
            channels, size = 2 * channels, -(-size // 2)
        place = CellPlace(int(reduces), after_reduction, c_in, channels, size_in, size)
        yield place
        c_in, after_reduction = (c_in[1], place.c_out), reduces
