"""The numbers that stand for operations where a cell is written as a matrix of numbers.

A network that reads such a matrix takes one operation for more than another, so their order decides how well
it ranks. The papers do not tell theirs. By default an operation with more weights has the larger number,
which was chosen on validation cells of NAS-Bench-101 and 201 (docs/performance.md); DARTS' is by analogy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline import spaces
from pipeline.errors import ConfigError

FEWEST_WEIGHTS_FIRST = {
    "nasbench101": ("maxpool3x3", "conv1x1", "conv3x3"),
    "nasbench201": ("avg_pool_3x3", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"),
    "darts": (
        *("max_pool_3x3", "avg_pool_3x3", "skip_connect"),  # which has weights in a reduction cell
        *("dil_conv_3x3", "dil_conv_5x5", "sep_conv_3x3", "sep_conv_5x5"),
    ),
}
OpOrder = list[str] | None
ORDER = "operations from the smallest number on; null: those with fewest weights first"


def operation_codes(space) -> list[int]:
    """Return the codes of what a cell is made of: neither none nor the input nor the output."""
    if space.OPERATIONS_ON == "nodes":
        return list(space.INTERIOR_OPS)
    return [code for code in range(space.N_OPS) if code != space.NONE]


def op_numbers(name: str, order: Sequence[str] | None = None) -> np.ndarray:
    """Return uint8 (N_OPS,): the number of each code of the space `name`.

    None is 0, the input of a space with operations on nodes 1, its output the last number.
    order: the operations from the smallest number on. None: `FEWEST_WEIGHTS_FIRST`, or the space's own order.
    Raises ConfigError unless it names each operation of the space once.
    """
    space = spaces.load(name)
    own = [space.OP_NAMES[code] for code in operation_codes(space)]
    if order is None:
        order = FEWEST_WEIGHTS_FIRST.get(spaces.base(name), own)
    if sorted(order) != sorted(own):
        raise ConfigError(
            f"op_order: {', '.join(order) or 'nothing'}: "
            f"expected each operation of {name} once, in any order: {', '.join(own)}"
        )
    ends = ("input", *order, "output") if space.OPERATIONS_ON == "nodes" else order
    number = {op: place for place, op in enumerate(("none", *ends))}
    return np.array([number[op] for op in space.OP_NAMES], np.uint8)
