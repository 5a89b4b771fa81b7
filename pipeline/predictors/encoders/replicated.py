"""What encoders of R replicates share: parameters with a leading axis of R, and the head that scores.

Replicate r's parameters are drawn from generators[r] alone, so a replicate is the same network whether it
is built with others or by itself. R replicates, B cells, h widths.

An encoder has `embed(*views) -> (R, B, h)`; what it is given is the plug-in's business. Parameters and
persistent buffers belong to the replicates, buffers that are not persistent are shared.
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


def dense(generators: list[torch.Generator], widths: Sequence[int]) -> nn.ParameterList:
    """Draw fully connected layers, weight (R, a, b) and bias (R, 1, b) in turn."""
    layers = nn.ParameterList()
    for a, b in zip(widths[:-1], widths[1:], strict=True):
        layers += [uniform(generators, a, b, fan=a), uniform(generators, 1, b, fan=a)]
    return layers


def through(layers: nn.ParameterList, x: Tensor) -> Tensor:
    """Send x (R, B, a) through `dense` layers, ReLU between them and none in the end."""
    for k, (w, b) in enumerate(zip(layers[::2], layers[1::2], strict=True)):
        x = torch.baddbmm(b, x.relu() if k else x, w)
    return x


class Replicated(nn.Module):
    """An encoder with a head of fully connected layers."""

    def build_head(self, width: int, shape, generators) -> None:
        """Add layers width -> shape.mlp -> 1; shape.dropout is that after each hidden layer.

        With shape.loss "pairwise_comparator" the head takes two embeddings (GATES, section 4.4).
        """
        self.dropout = shape.dropout
        pair = 2 if shape.loss == "pairwise_comparator" else 1
        self.head = dense(generators, [pair * width, *shape.mlp, 1])

    def build_auxiliary(self, width: int, hidden: Sequence[int], n: int, generators) -> None:
        """Add a head width -> hidden -> n that describes embeddings (GATES, equation 13)."""
        self.auxiliary = dense(generators, [width, *hidden, n])

    def calibrate(self, *views: Tensor) -> None:
        """Take from the training cells, (R, n, …) each, what the inputs are scaled by."""

    def forward(self, *views: Tensor, generators: list[torch.Generator] | None = None) -> Tensor:
        """Score cells (R, B). generators: one a replicate, for dropout; None switches dropout off."""
        return self.score(self.embed(*views), generators)

    def score(self, z: Tensor, generators: list[torch.Generator] | None = None) -> Tensor:
        """Score embeddings, (R, B, h) -> (R, B)."""
        return self._finish(torch.baddbmm(self.head[1], z, self.head[0]), generators)

    def sides(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return what a cell adds to a comparison as its first and as its second, (R, B, h) -> (R, B, h1)."""
        first, second = self.head[0].chunk(2, dim=1)
        return torch.bmm(z, first), torch.bmm(z, second)

    def compare(self, first: Tensor, second: Tensor, generators=None) -> Tensor:
        """Compare pairs by their `sides`, (R, P, h1) each -> (R, P); positive: the first one is better."""
        return self._finish(first + second + self.head[1], generators)

    def describe(self, z: Tensor) -> Tensor:
        """Return what the auxiliary head says of embeddings, (R, B, h) -> (R, B, n)."""
        return through(self.auxiliary, z)

    def stretch(self, low: Tensor, high: Tensor) -> None:
        """Make the head's scores from 0 to 1 those from `low` to `high`, (R, 1) each."""
        with torch.no_grad():
            self.head[-2].mul_((high - low)[:, :, None])
            self.head[-1].mul_((high - low)[:, :, None]).add_(low[:, :, None])

    def only(self, replicate: int) -> Self:
        """Return replicate `replicate` as a network of its own (R = 1)."""
        single, state = copy.deepcopy(self), self.state_dict()
        for name, mine in [*single.named_parameters(), *single.named_buffers()]:
            if name in state:
                mine.data = state[name][replicate : replicate + 1].clone()
        return single

    def _finish(self, x: Tensor, generators: list[torch.Generator] | None) -> Tensor:
        """Go on in the head from what its first layer puts out, (R, N, h1) -> (R, N)."""
        for w, b in zip(self.head[2::2], self.head[3::2], strict=True):
            x = x.relu()
            if generators and self.dropout:
                keep = torch.stack([torch.rand(x.shape[1:], generator=g) for g in generators]) >= self.dropout
                x = x * keep.to(x.device) / (1 - self.dropout)
            x = torch.baddbmm(b, x, w)
        return x.squeeze(2)
