"""Joint training of info-NAS: the autoencoder and the regressor, labelled and unlabelled steps in turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.autoencoders.io_losses import io_losses, loss_of
from pipeline.autoencoders.measures import reconstruction
from pipeline.autoencoders.regressor import InfoNas
from pipeline.autoencoders.training import Task, batches, learning_rate, run_epochs, take_step
from pipeline.autoencoders.vae import Graphs
from pipeline.io_dataset.reading import IoDataset


@dataclass(frozen=True)
class Pairs:
    """The labelled data: graphs (N) and images (I, C, H, W) on the device, targets (N, I, F) in `io`."""

    io: IoDataset
    graphs: Graphs
    images: Tensor

    def targets(self, batches: list[tuple[Tensor, Tensor]]) -> Iterator[Tensor]:
        """Yield the targets (B, F) of each batch of (rows of networks, rows of images), on the device."""
        for found in self.io.targets.ahead(batches):
            yield torch.from_numpy(found).to(self.images.device)


def train(model: InfoNas, pairs: Pairs, task: Task) -> list[dict[str, float]]:
    """Train jointly on the task's cells and on `pairs`; return one dict of losses and measures an epoch.

    Two Adam optimisers share the autoencoder's weights: one for unlabelled steps (autoencoder alone), one
    for labelled steps (autoencoder and regressor), as the authors do. When one kind of batch runs out in
    an epoch, the other goes on to its end.
    """
    s, cells = task.settings, task.cells
    alone = torch.optim.Adam(model.vae.parameters(), lr=s.lr)
    jointly = torch.optim.Adam(model.parameters(), lr=s.lr)
    networks, images = (torch.as_tensor(rows) for rows in pairs.io.subset("train"))
    device = cells.ops.device

    def one_epoch(epoch: int) -> dict[str, float]:
        model.train()
        labelled, unlabelled = labelled_batches(networks, images, s), batches(cells.n_archs, s.batch_size)
        vae_total, io_total, targets = 0.0, 0.0, pairs.targets(labelled)
        for kind, i in turns(len(labelled), len(unlabelled), s.labelled_run, s.unlabelled_run):
            steps = len(labelled if kind == "labelled" else unlabelled)
            rate = learning_rate(s, epoch * steps + i, s.epochs * steps)
            if kind == "labelled":
                loss, io_loss = _joint_loss(model, pairs, *labelled[i], next(targets), s)
                take_step(loss, jointly, rate, s.gradient_clip)
                io_total += io_loss.detach() / steps
            else:
                loss, _ = model.vae.loss(cells.take(unlabelled[i].to(device)))
                take_step(loss.total, alone, rate, s.gradient_clip)
                vae_total += loss.total.detach() / steps
        measured = {f"io_loss_{name}": value for name, value in io_losses(model, pairs, s.loss).items()}
        totals = {"vae_loss": float(vae_total), "io_loss": float(io_total)}
        return {**totals, **measured, **reconstruction(model.vae, task.held_out)}

    optimisers = {"alone": alone, "jointly": jointly}
    return run_epochs({"model": model}, optimisers, task, one_epoch)


def labelled_batches(networks: Tensor, images: Tensor, s) -> list[tuple[Tensor, Tensor]]:
    """Return every (network, image) pair once, in random order, as batches of (rows, rows).

    A batch pairs each of a few networks with each of `labelled_batch_images` images, so that a network or
    an image goes through its branch once for many pairs; with 0, pairs are drawn one by one.
    """
    if s.labelled_batch_images == 0:
        rows = batches(len(networks) * len(images), s.labelled_batch_size)
        return [(networks[r // len(images)], images[r % len(images)]) for r in rows]
    n_networks = max(1, s.labelled_batch_size // s.labelled_batch_images)
    some_networks = networks[torch.randperm(len(networks))].split(n_networks)
    some_images = images[torch.randperm(len(images))].split(s.labelled_batch_images)
    order = torch.randperm(len(some_networks) * len(some_images)).tolist()
    grids = [divmod(k, len(some_images)) for k in order]
    return [tuple(torch.cartesian_prod(some_networks[a], some_images[b]).T) for a, b in grids]


def turns(
    n_labelled: int, n_unlabelled: int, labelled_run: int, unlabelled_run: int
) -> Iterator[tuple[str, int]]:
    """Yield ("labelled" | "unlabelled", number of the batch) in the order of training."""
    done = {"labelled": 0, "unlabelled": 0}
    left = {"labelled": n_labelled, "unlabelled": n_unlabelled}
    runs = {"labelled": labelled_run, "unlabelled": unlabelled_run}
    while done != left:
        for kind, run in runs.items():
            for i in range(done[kind], min(done[kind] + run, left[kind])):
                yield kind, i
            done[kind] = min(done[kind] + run, left[kind])


def _joint_loss(
    model: InfoNas, pairs: Pairs, networks: Tensor, images: Tensor, targets: Tensor, s
) -> tuple[Tensor, Tensor]:
    """Loss of a labelled batch: (weighted sum, the regressor's part). targets: (B, F) of its pairs.

    Each network and image of the batch goes through its branch once; pairs share the results.
    """
    device = pairs.images.device
    some_networks, network_of = (t.to(device) for t in torch.unique(networks, return_inverse=True))
    some_images, image_of = (t.to(device) for t in torch.unique(images, return_inverse=True))
    loss, z = model.vae.loss(pairs.graphs.take(some_networks))
    z = pairs.graphs.joined(z)  # (networks, cells * V, latent)
    predicted = model.regressor(z[network_of], pairs.images[some_images], image_of)  # (B, F)
    io_loss = loss_of(predicted, targets, s.loss)
    return s.vae_weight * loss.total + s.io_weight * io_loss, io_loss
