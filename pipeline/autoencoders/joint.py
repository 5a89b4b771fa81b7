"""Training of arch2vec by itself, and of info-NAS jointly with the regressor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.autoencoders.arch2vec import Arch2Vec, Graphs
from pipeline.autoencoders.infonas import InfoNas
from pipeline.autoencoders.measures import embed, reconstruction
from pipeline.autoencoders.training import batches, learning_rate, run_epochs, take_step
from pipeline.io_dataset.reading import SUBSETS, IoDataset

PAIRS_AT_ONCE = 8192


@dataclass(frozen=True)
class Pairs:
    """The labelled data on the device: graphs (N), images (I, C, H, W), targets (N, I, F)."""

    io: IoDataset
    graphs: Graphs
    images: Tensor
    targets: Tensor


def train_arch2vec(vae: Arch2Vec, cells: Graphs, held_out: Graphs, s, checkpoint: Path | None, identity: str):
    """Train on unlabelled `cells`; return one dict of losses and held-out measures an epoch."""
    optimiser = torch.optim.Adam(vae.parameters(), lr=s.lr)
    per_epoch = len(batches_like(len(cells.ops), s.batch_size))

    def one_epoch(epoch: int) -> dict[str, float]:
        vae.train()
        total = 0.0
        for i, rows in enumerate(batches(len(cells.ops), s.batch_size)):
            loss, _ = vae.loss(cells.take(rows.to(cells.ops.device)))
            rate = learning_rate(s, epoch * per_epoch + i, s.epochs * per_epoch)
            take_step(loss.total, optimiser, rate, s.gradient_clip)
            total += float(loss.total.detach())
        return {"vae_loss": total / per_epoch, **reconstruction(vae, held_out)}

    return run_epochs({"vae": vae}, {"adam": optimiser}, s.epochs, one_epoch, checkpoint, identity)


def batches_like(n: int, size: int) -> list[int]:
    """Return the sizes of what `batches` gives, without drawing anything."""
    sizes = [min(size, n - start) for start in range(0, n, size)]
    return [k for k in sizes if k > 1]


def train_infonas(model: InfoNas, cells: Graphs, held_out: Graphs, pairs: Pairs, s, checkpoint, identity: str):
    """Train jointly, labelled and unlabelled steps in turns; return one dict an epoch.

    Two Adam optimisers share the autoencoder's weights: one for unlabelled steps (autoencoder alone), one
    for labelled steps (autoencoder and regressor), as the authors do. When one kind of batch runs out in
    an epoch, the other goes on to its end.
    """
    alone = torch.optim.Adam(model.vae.parameters(), lr=s.lr)
    jointly = torch.optim.Adam(model.parameters(), lr=s.lr)
    networks, images = (torch.as_tensor(rows) for rows in pairs.io.subset("train"))
    n_pairs = len(networks) * len(images)
    labelled_steps = len(batches_like(n_pairs, s.labelled_batch_size))
    unlabelled_steps = len(batches_like(len(cells.ops), s.batch_size))

    def one_epoch(epoch: int) -> dict[str, float]:
        model.train()
        labelled = batches(n_pairs, s.labelled_batch_size)
        unlabelled = batches(len(cells.ops), s.batch_size)
        totals = {"vae_loss": 0.0, "io_loss": 0.0}
        for kind, i in turns(len(labelled), len(unlabelled), s.labelled_run, s.unlabelled_run):
            if kind == "labelled":
                rate = learning_rate(s, epoch * labelled_steps + i, s.epochs * labelled_steps)
                rows = labelled[i]
                loss, io_loss = _joint_loss(model, pairs, networks[rows // len(images)], images[rows % len(images)], s)
                take_step(loss, jointly, rate, s.gradient_clip)
                totals["io_loss"] += float(io_loss.detach()) / labelled_steps
            else:
                rate = learning_rate(s, epoch * unlabelled_steps + i, s.epochs * unlabelled_steps)
                loss, _ = model.vae.loss(cells.take(unlabelled[i].to(cells.ops.device)))
                take_step(loss.total, alone, rate, s.gradient_clip)
                totals["vae_loss"] += float(loss.total.detach()) / unlabelled_steps
        measured = {f"io_loss_{name}": value for name, value in io_losses(model, pairs, s.loss).items()}
        return {**totals, **measured, **reconstruction(model.vae, held_out)}

    optimisers = {"alone": alone, "jointly": jointly}
    return run_epochs({"model": model}, optimisers, s.epochs, one_epoch, checkpoint, identity)


def turns(n_labelled: int, n_unlabelled: int, labelled_run: int, unlabelled_run: int):
    """Yield ("labelled" | "unlabelled", number of the batch) in the order of training."""
    done = {"labelled": 0, "unlabelled": 0}
    left = {"labelled": n_labelled, "unlabelled": n_unlabelled}
    runs = {"labelled": labelled_run, "unlabelled": unlabelled_run}
    while done != left:
        for kind, run in runs.items():
            for i in range(done[kind], min(done[kind] + run, left[kind])):
                yield kind, i
            done[kind] = min(done[kind] + run, left[kind])


def _joint_loss(model: InfoNas, pairs: Pairs, networks: Tensor, images: Tensor, s) -> tuple[Tensor, Tensor]:
    """Loss of a labelled batch: (weighted sum, the regressor's part).

    Each network and image of the batch goes through its branch once; pairs share the results.
    """
    device = pairs.targets.device
    some_networks, network_of = torch.unique(networks, return_inverse=True)
    some_images, image_of = torch.unique(images, return_inverse=True)
    loss, z = model.vae.loss(pairs.graphs.take(some_networks.to(device)))
    predicted = model.regressor(z[network_of.to(device)], pairs.images[some_images.to(device)], image_of.to(device))
    io_loss = _loss(predicted, pairs.targets[networks.to(device), images.to(device)], s.loss)
    return s.vae_weight * loss.total + s.io_weight * io_loss, io_loss


def _loss(predicted: Tensor, target: Tensor, kind: str) -> Tensor:
    difference = predicted - target
    return difference.abs().mean() if kind == "l1" else difference.square().mean()


def io_losses(model: InfoNas, pairs: Pairs, kind: str) -> dict[str, float]:
    """Return the regressor's loss, from mu, on each of the four subsets (thesis, table 3.4)."""
    model.eval()
    mu = embed(model.vae, pairs.graphs).to(pairs.targets.device)
    found = {}
    with torch.inference_mode():
        for name in SUBSETS:
            networks, images = (torch.as_tensor(rows, device=mu.device) for rows in pairs.io.subset(name))
            step = max(1, PAIRS_AT_ONCE // max(len(images), 1))
            total = count = 0.0
            for part in networks.split(step):
                z = mu[part].repeat_interleave(len(images), dim=0)
                which = torch.arange(len(images), device=mu.device).repeat(len(part))
                predicted = model.regressor(z, pairs.images[images], which)
                target = pairs.targets[part][:, images].flatten(0, 1)
                total += float(_loss(predicted, target, kind)) * target.numel()
                count += target.numel()
            found[name] = total / count if count else float("nan")
    return found


def mean_baseline(io: IoDataset, kind: str) -> dict[str, float]:
    """Return the loss of always predicting the training targets' mean, on each subset."""
    networks, images = io.subset("train")
    mean = io.targets[np.ix_(networks, images)].reshape(-1, io.targets.shape[2]).mean(axis=0)
    found = {}
    for name in SUBSETS:
        networks, images = io.subset(name)
        difference = io.targets[np.ix_(networks, images)] - mean
        value = np.abs(difference).mean() if kind == "l1" else np.square(difference).mean()
        found[name] = float(value) if difference.size else float("nan")
    return found
