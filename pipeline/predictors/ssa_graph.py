"""The similarity graph of the semi-supervised assessor: distances, weights, degrees (equations 3 and 4)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from pipeline.errors import UserError


def placed(z: Tensor, normalisation: str, centre: Tensor | None = None) -> Tensor:
    """Return the embeddings z (N, h) as points between which distances are taken.

    none: as they are; l2: of length 1; centred: of length 1 as seen from `centre` (h,), or else their mean.
    """
    if normalisation == "none":
        return z
    if normalisation == "centred":
        z = z - (z.mean(dim=0) if centre is None else centre)
    return F.normalize(z, dim=1)


def distances(a: Tensor, b: Tensor, distance: str) -> Tensor:
    """Return the distances (N, M) of points a (N, h) from b (M, h).

    euclidean; squared; mean_squared: the squared distance divided by h, so a mean over coordinates.
    """
    squares = -_minus_squares(a, b)
    if distance == "euclidean":
        return squares.clamp(min=1e-12).sqrt()  # a root has no gradient at zero
    return squares.clamp(min=0) / (a.shape[1] if distance == "mean_squared" else 1)


def similarities(a: Tensor, b: Tensor, settings) -> Tensor:
    """Return the weights (N, M) of the graph: exp(-d / 2 sigma^2), zero where it does not exceed tau."""
    double = 2 * settings.sigma**2
    if settings.distance == "euclidean":
        exponents = distances(a, b, settings.distance) / -double
    else:  # points are scaled, which are fewer numbers than pairs
        scale = (double * (a.shape[1] if settings.distance == "mean_squared" else 1)) ** -0.5
        exponents = _minus_squares(a * scale, b * scale)
    # what is no edge anyway must not become a subnormal number, whose exp takes ten times as long
    exponents = exponents.clamp(min=math.log(settings.tau) - 1)
    return F.threshold(exponents.exp_(), settings.tau, 0.0)


def _minus_squares(a: Tensor, b: Tensor) -> Tensor:
    """Return -|a - b|^2, (N, M), as one product of matrices; rounding may leave it above zero."""
    of_a, of_b = a.square().sum(dim=1, keepdim=True), b.square().sum(dim=1, keepdim=True)
    left = torch.cat([2 * a, -of_a, torch.full_like(of_a, -1)], dim=1)
    return left @ torch.cat([b, torch.ones_like(of_b), of_b], dim=1).T


class Graph:
    """The graph of n cells: weights A (n, n) with a diagonal of 1, and its use as D^-1/2 A D^-1/2.

    The product is not made: what is to be gathered is scaled before and after, which is far less work.
    """

    def __init__(self, points: Tensor, settings):
        # rounding leaves a cell a little off itself
        self.weights = similarities(points, points, settings).fill_diagonal_(1.0)
        self.root = self.weights.sum(dim=1).rsqrt()[:, None]

    def __matmul__(self, x: Tensor) -> Tensor:
        """Return D^-1/2 A D^-1/2 x, x: (n, h); D the sums of A's rows."""
        return self.root * (self.weights @ (self.root * x))

    def density(self) -> float:
        """Return the share of pairs of different cells that are connected."""
        n = len(self.weights)
        return float((torch.count_nonzero(self.weights) - n) / max(n * (n - 1), 1))


def check_density(share: float, settings, when: str) -> None:
    """Refuse a graph that connects no pair, or every one: it says nothing about which cells are alike."""
    if 0 < share < 1:
        return
    reach = 2 * settings.sigma**2 * math.log(1 / settings.tau)
    where = f"sigma {settings.sigma:g} and tau {settings.tau:g} connect cells at distances below {reach:.2g}"
    if share:
        raise UserError(
            f"ssa: {when}, the similarity graph connects every pair of cells ({where}); lower sigma, raise "
            "tau, or set graph: none"
        )
    remedy = "raise sigma or lower tau, or set graph: none"
    if settings.normalisation == "none" or settings.distance != "mean_squared":
        remedy = "raise sigma, or set normalisation: l2 and distance: mean_squared"
    raise UserError(f"ssa: {when}, the similarity graph connects no two cells ({where}); {remedy}")
