"""Losses of predictors, for R replicates at once. score, truth: float (R, B) -> loss (R,).

Source: GATES, section 4.4: equation 7 (mse), equation 8 with two choices of phi (bce, hinge).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def mse(score: Tensor, truth: Tensor, settings, generators) -> Tensor:
    """Mean squared error."""
    return (score - truth).square().mean(dim=1)


def pairwise_hinge(score: Tensor, truth: Tensor, settings, generators) -> Tensor:
    """max(0, margin - (better - worse)), a mean over drawn pairs with distinct accuracies."""
    gap, sign = drawn_pairs(score, truth, settings.max_compare_ratio, generators)
    return _mean_over_pairs((settings.margin - sign * gap).clamp(min=0), sign)


def pairwise_bce(score: Tensor, truth: Tensor, settings, generators) -> Tensor:
    """log(1 + exp(-(better - worse))), a mean over drawn pairs with distinct accuracies."""
    gap, sign = drawn_pairs(score, truth, settings.max_compare_ratio, generators)
    return _mean_over_pairs(F.softplus(-sign * gap), sign)


LOSSES = {"mse": mse, "pairwise_hinge": pairwise_hinge, "pairwise_bce": pairwise_bce}


def drawn_pairs(score: Tensor, truth: Tensor, ratio: float, generators) -> tuple[Tensor, Tensor]:
    """Draw ratio * B random pairs a replicate; return their differences of score, and signs of the truth's.

    Both (R, P); the sign is 0 where a pair's accuracies are equal, and such pairs do not count.
    """
    batch = score.shape[1]
    drawn = [torch.randint(batch, (2, max(int(ratio * batch), 1)), generator=g) for g in generators]
    i, j = torch.stack(drawn, dim=1).to(score.device)  # (R, P) each
    gap = score.gather(1, i) - score.gather(1, j)
    return gap, torch.sign(truth.gather(1, i) - truth.gather(1, j))


def _mean_over_pairs(values: Tensor, sign: Tensor) -> Tensor:
    counted = (sign != 0).float()
    return (values * counted).sum(dim=1) / counted.sum(dim=1).clamp(min=1)
