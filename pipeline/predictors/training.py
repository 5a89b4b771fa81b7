"""The training loop that predictors share: R replicates, each on its own subset, as one batched model."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.predictors.losses import LOSSES


def train(model: nn.Module, views: tuple[Tensor, ...], truth: Tensor, settings, generators) -> None:
    """Minimise the loss of all replicates with Adam, in place.

    model(*views, generators) -> scores (R, B). views: tensors (R, n, …), what the model takes of the
    training cells. truth: float (R, n). generators: one a replicate, on the CPU; they order batches and
    draw pairs and dropout, so that a replicate does not depend on which others are trained with it.
    settings: epochs, batch_size, lr, weight_decay, loss and what that loss takes.
    """
    n = truth.shape[1]
    loss_of = LOSSES[settings.loss]
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    for _ in range(settings.epochs):
        order = torch.stack([torch.randperm(n, generator=g) for g in generators]).to(truth.device)  # (R, n)
        for start in range(0, n, settings.batch_size):
            rows = order[:, start : start + settings.batch_size]
            if rows.shape[1] < 2:
                continue  # a single cell has nothing to be compared with
            batch = [pick(view, rows) for view in views]
            score = model(*batch, generators)
            # a sum over replicates: their parameters are apart, so each gets the gradient of its own loss
            loss = loss_of(score, pick(truth, rows), settings, generators).sum()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()


def pick(view: Tensor, rows: Tensor) -> Tensor:
    """Return view[r, rows[r]] for each replicate r: (R, n, …), (R, B) -> (R, B, …)."""
    return view[torch.arange(len(view), device=view.device)[:, None], rows]
