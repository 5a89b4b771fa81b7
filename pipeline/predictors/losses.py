"""Losses of predictors, for R replicates at once. score, truth: float (R, B) -> loss (R,).

Source: GATES, section 4.4: equation 7 (mse), equation 8 with two choices of phi (bce, hinge), equation 9
(comparator), equation 10 (listmle). ReNAS, section 3.3: equation 3 (hinge and bce over all pairs),
equation 4 (continuity).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from pipeline.predictors.all_pairs import hinge_of_all_pairs, logistic_of_all_pairs

COMPARED = 4.0  # pairs a training cell and step for the comparator, whose head sees each of them twice


def mse(score: Tensor, truth: Tensor, settings, generators) -> Tensor:
    """Mean squared error."""
    return (score - truth).square().mean(dim=1)


def pairwise_hinge(score: Tensor, truth: Tensor, settings, generators) -> Tensor:
    """max(0, margin - (better - worse)), a mean over drawn pairs (or all) with distinct accuracies."""
    if settings.max_compare_ratio is None:
        return hinge_of_all_pairs(score, truth, settings.margin)
    gap, sign = drawn_pairs(score, truth, settings.max_compare_ratio, generators)
    return _mean_over_pairs((settings.margin - sign * gap).clamp(min=0), sign)


def pairwise_bce(score: Tensor, truth: Tensor, settings, generators) -> Tensor:
    """log(1 + exp(-(better - worse))), a mean over drawn pairs (or all) with distinct accuracies."""
    if settings.max_compare_ratio is None:
        return logistic_of_all_pairs(score, truth)
    gap, sign = drawn_pairs(score, truth, settings.max_compare_ratio, generators)
    return _mean_over_pairs(F.softplus(-sign * gap), sign)


def listmle(score: Tensor, truth: Tensor, settings, generators) -> Tensor:
    """-log of the chance that the scores' Plackett-Luce model draws the true order, a mean over cells.

    The batch is cut into lists of settings.list_length cells, in the random order that it comes in; what is
    left over does not count. None, or a shorter batch: one list. Of equal accuracies the first goes first.
    """
    batch = score.shape[1]
    length = min(settings.list_length or batch, batch)
    lists = batch // length
    score, truth = (x[:, : lists * length].reshape(-1, lists, length) for x in (score, truth))
    order = truth.argsort(dim=2, descending=True, stable=True)
    score = score.gather(2, order)
    rest = score.flip(2).logcumsumexp(dim=2).flip(2)  # log sum of exp over a cell and all below it
    return (rest - score).mean(dim=(1, 2))


def pairwise_comparator(model, z: Tensor, truth: Tensor, settings, generators) -> Tensor:
    """max(0, margin - c(better, worse)) + max(0, margin + c(worse, better)), a mean over drawn pairs.

    z: embeddings (R, B, h), of which `model` makes c; see `encoders.replicated.Replicated.compare`.
    """
    i, j = drawn(z.shape[1], settings.max_compare_ratio or COMPARED, generators, z.device)
    sign = torch.sign(truth.gather(1, i) - truth.gather(1, j))
    better, worse = torch.where(sign > 0, i, j), torch.where(sign > 0, j, i)
    first, second = model.sides(z)
    right = model.compare(_rows(first, better), _rows(second, worse), generators)
    wrong = model.compare(_rows(first, worse), _rows(second, better), generators)
    both = (settings.margin - right).clamp(min=0) + (settings.margin + wrong).clamp(min=0)
    return _mean_over_pairs(both, sign)


LOSSES = {
    "mse": mse,
    "pairwise_hinge": pairwise_hinge,
    "pairwise_bce": pairwise_bce,
    "listmle": listmle,
}  # of scores; `pairwise_comparator` alone takes embeddings


def ranking_loss(model, z: Tensor, truth: Tensor, settings, generators) -> Tensor:
    """Return the loss that the settings name, of embeddings z (R, B, h) -> (R,)."""
    if settings.loss == "pairwise_comparator":
        loss = pairwise_comparator(model, z, truth, settings, generators)
    else:
        loss = LOSSES[settings.loss](model.score(z, generators), truth, settings, generators)
    if settings.continuity:
        loss = loss + settings.continuity * continuity(z, truth, settings, generators)
    return loss


def continuity(z: Tensor, truth: Tensor, settings, generators) -> Tensor:
    """max(0, margin - (farther - nearer)), a mean over triplets: a cell, and two others as seen from it.

    Of the two, the one whose accuracy differs more from the cell's is to be farther away in the space of
    embeddings z (R, B, h). `settings.anchors` cells, drawn anew in each step, are compared with all pairs of
    others. Returns (R,).
    """
    replicates, batch = truth.shape
    n = min(settings.anchors or batch, batch)
    anchors = torch.stack([torch.randperm(batch, generator=g)[:n] for g in generators]).to(z.device)
    others = torch.arange(batch - 1, device=z.device).expand(replicates, n, -1)
    others = others + (others >= anchors[:, :, None])  # all but the anchor itself
    differences = (truth.gather(1, anchors)[:, :, None] - truth[:, None]).abs().gather(2, others)
    distances = _distances(_rows(z, anchors), z).gather(2, others)
    loss = hinge_of_all_pairs(distances.flatten(0, 1), differences.flatten(0, 1), settings.margin)
    return loss.view(replicates, n).mean(dim=1)


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Return distances, (R, A, h), (R, B, h) -> (R, A, B); where they vanish, so does the gradient."""
    squares = a.square().sum(2)[:, :, None] + b.square().sum(2)[:, None] - 2 * a @ b.transpose(1, 2)
    return squares.clamp(min=1e-12).sqrt()


def auxiliary_loss(model, z: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error of what the auxiliary head says, over targets (R, B, n) that are no NaN -> (R,).

    Source: GATES, equation 13.
    """
    known = ~targets.isnan()
    error = torch.where(known, model.describe(z) - targets.nan_to_num(), 0).square()
    return error.sum(dim=(1, 2)) / known.sum(dim=(1, 2)).clamp(min=1)


def drawn(batch: int, ratio: float, generators, device) -> tuple[Tensor, Tensor]:
    """Draw ratio * batch random pairs a replicate, as positions in the batch: (R, P) each."""
    pairs = [torch.randint(batch, (2, max(int(ratio * batch), 1)), generator=g) for g in generators]
    i, j = torch.stack(pairs, dim=1).to(device)
    return i, j


def drawn_pairs(score: Tensor, truth: Tensor, ratio: float, generators) -> tuple[Tensor, Tensor]:
    """Draw ratio * B random pairs a replicate; return their differences of score, and signs of the truth's.

    Both (R, P); the sign is 0 where a pair's accuracies are equal, and such pairs do not count.
    """
    i, j = drawn(score.shape[1], ratio, generators, score.device)
    gap = score.gather(1, i) - score.gather(1, j)
    return gap, torch.sign(truth.gather(1, i) - truth.gather(1, j))


def _rows(x: Tensor, rows: Tensor) -> Tensor:
    """Return x[r, rows[r]] for each replicate r: (R, B, h), (R, P) -> (R, P, h)."""
    return x.gather(1, rows[:, :, None].expand(-1, -1, x.shape[2]))


def _mean_over_pairs(values: Tensor, sign: Tensor) -> Tensor:
    counted = (sign != 0).float()
    return (values * counted).sum(dim=1) / counted.sum(dim=1).clamp(min=1)
