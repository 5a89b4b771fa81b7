"""arch2vec: the graph autoencoder trained by itself on unlabelled cells (thesis, section 2.2.1)."""

from __future__ import annotations

import torch

from pipeline.autoencoders.measures import reconstruction
from pipeline.autoencoders.training import Fitted, Task, batches, learning_rate, run_epochs, take_step
from pipeline.autoencoders.vae import Arch2Vec
from pipeline.encodings.graphs import graph_shape


def fit(task: Task) -> Fitted:
    """Train a new autoencoder from torch's global random state; one row of history an epoch."""
    vae = Arch2Vec(graph_shape(task.space).n_ops, task.settings).to(task.device)
    return Fitted(vae, {"vae": vae}, train(vae, task))


def train(vae: Arch2Vec, task: Task) -> list[dict[str, float]]:
    """Train on the task's cells; return one dict of loss and held-out measures an epoch."""
    s, cells = task.settings, task.cells
    optimiser = torch.optim.Adam(vae.parameters(), lr=s.lr)

    def one_epoch(epoch: int) -> dict[str, float]:
        vae.train()
        rows, total = batches(cells.n_archs, s.batch_size), 0.0
        for i, batch in enumerate(rows):
            loss, _ = vae.loss(cells.take(batch.to(task.device)))
            rate = learning_rate(s, epoch * len(rows) + i, s.epochs * len(rows))
            take_step(loss.total, optimiser, rate, s.gradient_clip)
            total += loss.total.detach() / len(rows)
        return {"vae_loss": float(total), **reconstruction(vae, task.held_out)}

    return run_epochs({"vae": vae}, {"adam": optimiser}, task, one_epoch)
