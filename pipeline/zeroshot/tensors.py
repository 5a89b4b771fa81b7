"""Scores by parameter tensor.

A "parameter" is one tensor of the network (a convolution's weight, a batch norm's scale, …): equation 11
of GATES++ (Ning et al., TPAMI 2023, section 5.1) takes norms and sums over its elements. A "weight" is the
weight of a convolution or linear layer: what the other metrics' authors add up over a network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn


@dataclass(frozen=True)
class TensorScores:
    """Scores by parameter. names: of P parameters; values: metric -> float64 (P,)."""

    names: list[str]
    values: dict[str, np.ndarray]


def weight_names(net: nn.Module) -> list[str]:
    """Return the names of the weights of all convolutions and linear layers, in the order of the network."""
    kinds = nn.Conv2d, nn.Linear
    return [f"{name}.weight" for name, module in net.named_modules() if isinstance(module, kinds)]
