"""Pairwise losses over all pairs of a batch, without a number for each pair in memory.

Source: ReNAS, equation 3, with its hinge and its logistic function. A pair counts if its accuracies differ;
a loss is the mean over pairs. B cells, in each of R rows (replicates, or anchors of the continuity term).

The hinge needs O(B log B) steps and O(B) memory: its sum over pairs follows from how many cells each cell
has within the margin, on its wrong side. These numbers come from a wavelet matrix (Claude, Navarro and
Ordonez 2015): one stable partition for each bit of the ranks. The logistic function has no such form: its
pairs are gone through in blocks, and the gradient is made on the way.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK = 1 << 18  # pairs in memory at once, a megabyte


def hinge_of_all_pairs(score: Tensor, truth: Tensor, margin: float) -> Tensor:
    """Return the mean of max(0, margin - (better - worse)) over pairs: float (R, B), (R, B) -> (R,)."""
    known = score.detach()
    rank = _dense_ranks(truth)
    # each cell as the better one of its pairs, then as the worse one, which is the same with all signs turned
    both, ranks = torch.cat([known, -known]), torch.cat([rank, rank.max() - rank])
    pairs, too_close = _lower_ones(both, ranks, margin)
    as_better, as_worse = too_close.to(score.dtype).chunk(2)
    total = margin * as_better.sum(dim=1) + (score * (as_worse - as_better)).sum(dim=1)
    return total / pairs[: len(score)].sum(dim=1).clamp(min=1)


def _dense_ranks(truth: Tensor) -> Tensor:
    """Return int64 (R, B): how many distinct lower values a row has, for each of its values."""
    values, order = truth.sort(dim=1)
    steps = F.pad((values.diff(dim=1) > 0).long(), (1, 0)).cumsum(dim=1)
    return torch.empty_like(steps).scatter_(1, order, steps)


def _lower_ones(score: Tensor, rank: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """Count, for each cell, those of lower rank, and those of them with a score above its own - margin.

    score (R, B), rank int64 (R, B) -> int64 (R, B) each.
    """
    ordered, order = score.sort(dim=1)
    below = torch.searchsorted(ordered, score - margin, right=True)  # how many scores are far enough down
    lower = torch.searchsorted(rank.sort(dim=1).values, rank)
    return lower, lower - _lower_in_prefix(rank.gather(1, order), below, rank)


def _lower_in_prefix(values: Tensor, prefix: Tensor, bar: Tensor) -> Tensor:
    """Return how many of values[r, :prefix[r, q]] are below bar[r, q], int64 (R, B) each.

    A bit at a time from the highest: values are parted stably into those without the bit and those with it,
    and begin and end of what is still equal to the bar move along.
    """
    place = torch.arange(values.shape[1], device=values.device).expand_as(values)
    begin, end, found = torch.zeros_like(prefix), prefix, torch.zeros_like(prefix)
    for bit in range(int(values.max()).bit_length() - 1, -1, -1):
        has = (values >> bit) & 1
        zeros = F.pad((1 - has).cumsum(dim=1), (1, 0))  # (R, B + 1): how many lack the bit before a place
        n_zeros, zeros_before = zeros[:, -1:], zeros[:, :-1]
        begin_0, end_0 = zeros.gather(1, begin), zeros.gather(1, end)
        wanted = ((bar >> bit) & 1).bool()
        found = found + torch.where(wanted, end_0 - begin_0, 0)
        begin = torch.where(wanted, n_zeros + begin - begin_0, begin_0)
        end = torch.where(wanted, n_zeros + end - end_0, end_0)
        target = torch.where(has.bool(), n_zeros + place - zeros_before, zeros_before)
        values = torch.empty_like(values).scatter_(1, target, values)
    return found


def logistic_of_all_pairs(score: Tensor, truth: Tensor) -> Tensor:
    """Return the mean of log(1 + exp(-(better - worse))) over pairs: float (R, B), (R, B) -> (R,)."""
    return _Logistic.apply(score, truth)


class _Logistic(torch.autograd.Function):
    """The logistic loss, whose gradient is known when its value is."""

    @staticmethod
    def forward(ctx, score: Tensor, truth: Tensor) -> Tensor:
        """Sum over blocks of pairs; in the order of the truth, the better one of a pair comes later."""
        order = truth.argsort(dim=1)
        score, truth = score.gather(1, order), truth.gather(1, order)
        replicates, batch = score.shape
        slope = torch.zeros_like(score)
        total, count = slope[:, 0].clone(), slope[:, 0].clone()
        rows = max(1, BLOCK // (replicates * batch))
        for start in range(0, batch, rows):
            stop = min(start + rows, batch)
            counts = truth[:, start:stop, None] > truth[:, None, :stop]
            loss = F.softplus(score[:, None, :stop] - score[:, start:stop, None]) * counts
            total += loss.sum(dim=(1, 2))
            count += counts.sum(dim=(1, 2))
            wrong = -torch.expm1(-loss)  # the logistic function, 0 where a pair does not count
            slope[:, start:stop] -= wrong.sum(dim=2)
            slope[:, :stop] += wrong.sum(dim=1)
        count = count.clamp(min=1)
        ctx.save_for_backward(torch.empty_like(slope).scatter_(1, order, slope / count[:, None]))
        return total / count

    @staticmethod
    def backward(ctx, upstream: Tensor):
        """Scale the gradient that `forward` found."""
        (slope,) = ctx.saved_tensors
        return upstream[:, None] * slope, None
