"""The training loop that predictors share: R replicates, each on its own subset, as one batched model."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.predictors.encoders.replicated import Replicated
from pipeline.predictors.losses import auxiliary_loss, ranking_loss
from pipeline.progress import finish, say


def train(
    model: Replicated,
    views: Sequence[Tensor],
    truth: Tensor,
    settings,
    generators,
    targets: Tensor | None = None,
) -> None:
    """Minimise the loss of all replicates with Adam, in place.

    views: tensors (R, n, …), what the model takes of the training cells. truth: float (R, n). generators:
    one a replicate, on the CPU; they order batches and draw pairs and dropout, so that a replicate does not
    depend on which others are trained with it. settings: `ranking.TrainingSettings`. targets: (R, n, m),
    what the model's auxiliary head fits, NaN where unknown, weighted by settings.auxiliary_weight; or None.
    """
    n = truth.shape[1]
    optimiser = torch.optim.Adam(
        model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay, fused=True
    )
    model.calibrate(*views)
    model.train()
    for epoch in range(settings.epochs):
        say("epochs", epoch, settings.epochs)
        order = torch.stack([torch.randperm(n, generator=g) for g in generators]).to(truth.device)  # (R, n)
        for start in range(0, n, settings.batch_size):
            rows = order[:, start : start + settings.batch_size]
            if rows.shape[1] < 2:
                continue  # a single cell has nothing to be compared with
            z = model.embed(*(pick(view, rows) for view in views))
            loss = ranking_loss(model, z, pick(truth, rows), settings, generators)
            if targets is not None:
                loss = loss + settings.auxiliary_weight * auxiliary_loss(model, z, pick(targets, rows))
            optimiser.zero_grad(set_to_none=True)
            # a sum over replicates: their parameters are apart, so each gets the gradient of its own loss
            loss.sum().backward()
            optimiser.step()
    finish("epochs")
    model.eval()


def pick(view: Tensor, rows: Tensor) -> Tensor:
    """Return view[r, rows[r]] for each replicate r: (R, n, …), (R, B) -> (R, B, …)."""
    return view[torch.arange(len(view), device=view.device)[:, None], rows]
