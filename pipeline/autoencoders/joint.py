"""Joint training of info-NAS: the autoencoder and the regressor, labelled and unlabelled steps in turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.autoencoders.measures import embed, reconstruction
from pipeline.autoencoders.regressor import InfoNas
from pipeline.autoencoders.training import Task, batches, learning_rate, run_epochs, take_step
from pipeline.autoencoders.vae import Graphs
from pipeline.io_dataset.reading import SUBSETS, IoDataset

PAIRS_AT_ONCE = 8192


@dataclass(frozen=True)
class Pairs:
    """The labelled data on the device: graphs (N), images (I, C, H, W), targets (N, I, F)."""

    io: IoDataset
    graphs: Graphs
    images: Tensor
    targets: Tensor


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
        labelled, unlabelled = labelled_batches(networks, images, s), batches(len(cells.ops), s.batch_size)
        vae_total = io_total = 0.0
        for kind, i in turns(len(labelled), len(unlabelled), s.labelled_run, s.unlabelled_run):
            steps = len(labelled if kind == "labelled" else unlabelled)
            rate = learning_rate(s, epoch * steps + i, s.epochs * steps)
            if kind == "labelled":
                loss, io_loss = _joint_loss(model, pairs, *labelled[i], s)
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


def _joint_loss(model: InfoNas, pairs: Pairs, networks: Tensor, images: Tensor, s) -> tuple[Tensor, Tensor]:
    """Loss of a labelled batch: (weighted sum, the regressor's part).

    Each network and image of the batch goes through its branch once; pairs share the results.
    """
    device = pairs.targets.device
    some_networks, network_of = (t.to(device) for t in torch.unique(networks, return_inverse=True))
    some_images, image_of = (t.to(device) for t in torch.unique(images, return_inverse=True))
    loss, z = model.vae.loss(pairs.graphs.take(some_networks))
    predicted = model.regressor(z[network_of], pairs.images[some_images], image_of)  # (B, F)
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
    """Return the loss of always predicting the training targets' mean, on each subset.

    The thesis' reference (chapter 4, "Reference") is the mean of the subset itself, which no model can
    know for unseen networks; here it comes as `own_<subset>`.
    """
    found = {}
    for name in SUBSETS:
        for prefix, source in (("", "train"), ("own_", name)):
            mean = _mean(io, source)
            losses = [_difference(io.targets[n][io.subset(name)[1]] - mean, kind) for n in io.subset(name)[0]]
            found[prefix + name] = float(np.mean(losses)) if losses else float("nan")
    return found


def _mean(io: IoDataset, name: str) -> np.ndarray:
    """Mean target of a subset, float32 (F,), network by network."""
    networks, images = io.subset(name)
    means = [io.targets[n][images].mean(axis=0, dtype=np.float64) for n in networks]
    return np.mean(means, axis=0).astype(np.float32) if means else np.float32(np.nan)


def _difference(values: np.ndarray, kind: str) -> float:
    return float(np.abs(values).mean() if kind == "l1" else np.square(values).mean())
