"""What encoders of R replicates share: parameters with a leading axis of R, and the head that scores.

Replicate r's parameters are drawn from generators[r] alone, so a replicate is the same network whether it
is built with others or by itself. R replicates, B cells, h widths.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn


def uniform(generators: list[torch.Generator], *size: int, fan: int) -> nn.Parameter:
    """Draw (R, *size), uniform between -1/sqrt(fan) and 1/sqrt(fan)."""
    bound = fan**-0.5
    values = [torch.rand(size, generator=g).mul_(2 * bound).sub_(bound) for g in generators]
    return nn.Parameter(torch.stack(values))


def normal(generators: list[torch.Generator], *size: int) -> nn.Parameter:
    """Draw (R, *size), standard normal."""
    return nn.Parameter(torch.stack([torch.randn(size, generator=g) for g in generators]))


def zeros(generators: list[torch.Generator], *size: int) -> nn.Parameter:
    """Return zeros (R, *size)."""
    return nn.Parameter(torch.zeros(len(generators), *size))


class Replicated(nn.Module):
    """An encoder with a head of fully connected layers."""

    def build_head(self, width: int, hidden: Sequence[int], dropout: float, generators) -> None:
        """Add layers width -> hidden -> 1; dropout is that after each hidden layer."""
        self.dropout = dropout
        self.head = nn.ParameterList()
        for a, b in zip([width, *hidden], [*hidden, 1], strict=True):
            self.head += [uniform(generators, a, b, fan=a), uniform(generators, 1, b, fan=a)]

    def score(self, z: Tensor, generators: list[torch.Generator] | None) -> Tensor:
        """Score embeddings, (R, B, h) -> (R, B). generators: one a replicate, for dropout; None: none."""
        weights = list(zip(self.head[::2], self.head[1::2], strict=True))
        for w, b in weights[:-1]:
            z = torch.baddbmm(b, z, w).relu()
            if generators and self.dropout:
                keep = torch.stack([torch.rand(z.shape[1:], generator=g) for g in generators]) >= self.dropout
                z = z * keep.to(z.device) / (1 - self.dropout)
        w, b = weights[-1]
        return torch.baddbmm(b, z, w).squeeze(2)

    def only(self, replicate: int) -> Self:
        """Return replicate `replicate` as a network of its own (R = 1)."""
        single = copy.deepcopy(self)
        for mine, all_of_them in zip(single.parameters(), self.parameters(), strict=True):
            mine.data = all_of_them.data[replicate : replicate + 1].clone()
        return single
