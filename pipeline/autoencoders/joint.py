"""Joint training of info-NAS: the autoencoder and the regressor, labelled and unlabelled steps in turns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import torch
from torch import Tensor

from pipeline.autoencoders.io_losses import io_losses, loss_of
from pipeline.autoencoders.labelled import Labelled
from pipeline.autoencoders.measures import reconstruction
from pipeline.autoencoders.reference import Reference, random_state
from pipeline.autoencoders.regressor import InfoNas
from pipeline.autoencoders.training import Task, batches, learning_rate, run_epochs, take_step

AUTO_SHARE = 0.33  # of the authors' rule for runs of unlabelled steps


class Steps:
    """Training steps of the joint model, and of the reference if there is one.

    Two Adam optimisers share the autoencoder's weights: one for unlabelled steps (autoencoder alone), one
    for labelled steps (autoencoder and regressor), as the authors do. A step takes a learning rate as the
    share of its highest, and returns unweighted losses, detached scalars by name.
    """

    def __init__(self, model: InfoNas, labelled: Labelled, task: Task, reference: Reference | None):
        s = task.settings
        self.model, self.data, self.task, self.reference = model, labelled, task, reference
        self.alone = torch.optim.Adam(model.vae.parameters(), lr=s.lr)
        self.jointly = torch.optim.Adam(model.parameters(), lr=s.highest_io_lr)

    def labelled(self, networks: Tensor, images: Tensor, targets: Tensor, share: float) -> dict[str, Tensor]:
        """Rows of B networks and images, and targets (B, F) of these pairs.

        Each network and image goes through its branch once; pairs share the results.
        """
        s, device = self.task.settings, self.task.device
        some_networks, network_of = (t.to(device) for t in torch.unique(networks, return_inverse=True))
        some_images, image_of = (t.to(device) for t in torch.unique(images, return_inverse=True))
        graphs, state = self.data.graphs.take(some_networks), random_state(device)
        loss, z = self.model.vae.loss(graphs)
        seen = self.model.see(self.data.images[some_images])
        predicted = self.model.predict(graphs.joined(z)[network_of], seen[image_of])  # (B, F)
        io_loss = loss_of(predicted, targets, s.loss)
        total = s.vae_weight * loss.total + s.io_weight * io_loss
        take_step(total, self.jointly, share * s.highest_io_lr, s.gradient_clip)
        losses = {"io_loss": io_loss.detach(), "vae_loss_labelled": loss.total.detach()}
        return losses | self._beside(graphs, share, state, "reference_vae_loss_labelled")

    def unlabelled(self, rows: Tensor, share: float) -> dict[str, Tensor]:
        """Rows of the task's cells."""
        s, device = self.task.settings, self.task.device
        graphs, state = self.task.cells.take(rows.to(device)), random_state(device)
        loss, _ = self.model.vae.loss(graphs)
        take_step(loss.total, self.alone, share * s.lr, s.gradient_clip)
        return {"vae_loss": loss.total.detach()} | self._beside(graphs, share, state, "reference_vae_loss")

    def _beside(self, graphs, share: float, state: Tensor, name: str) -> dict[str, Tensor]:
        if self.reference is None:
            return {}
        s = self.task.settings
        return {name: self.reference.step(graphs, share * s.lr, s.gradient_clip, state)}


def train(
    model: InfoNas, labelled: Labelled, task: Task, reference: Reference | None = None
) -> list[dict[str, float]]:
    """Train jointly on the task's cells and on `labelled`; return one dict of losses and measures an epoch.

    When one kind of batch runs out in an epoch, the other goes on to its end. Losses of training are means
    over the epoch's steps: vae_loss of unlabelled batches, vae_loss_labelled, io_loss; then what
    `io_losses` finds after the epoch, and the reconstruction of held-out cells (op_accuracy, …) and of the
    networks that are not trained on (…_labelled). The reference's have the prefix reference_.
    """
    s, steps = task.settings, Steps(model, labelled, task, reference)
    rows = [torch.as_tensor(part) for part in labelled.subset("train")]

    def one_epoch(epoch: int) -> dict[str, float]:
        for vae in (model, reference.vae) if reference else (model,):
            vae.train()
        ours = [batch for _ in range(s.labelled_passes) for batch in labelled_batches(*rows, s)]
        theirs = batches(task.cells.n_archs, s.batch_size)
        n = {"labelled": len(ours), "unlabelled": len(theirs)}
        targets, totals = labelled.ahead(ours), defaultdict(float)
        runs = s.labelled_run, unlabelled_run(len(theirs), len(rows[0]), s)
        for kind, i in turns(*n.values(), *runs):
            share = learning_rate(s, epoch * n[kind] + i, s.epochs * n[kind]) / s.lr
            if kind == "labelled":
                losses = steps.labelled(*ours[i], next(targets), share)
            else:
                losses = steps.unlabelled(theirs[i], share)
            for name, loss in losses.items():
                totals[name] += loss / n[kind]
        row = {name: float(total) for name, total in sorted(totals.items(), key=lambda item: item[0])}
        row |= io_losses(model, labelled, s)
        row |= reconstructions(model.vae, labelled, task)
        if reference:
            measured = reconstructions(reference.vae, labelled, task)
            row |= {f"reference_{name}": value for name, value in measured.items()}
        return row

    modules, optimisers = {"model": model}, {"alone": steps.alone, "jointly": steps.jointly}
    if reference:
        modules["reference"], optimisers["beside"] = reference.vae, reference.adam
    return run_epochs(modules, optimisers, task, one_epoch)


def reconstructions(vae, labelled: Labelled, task: Task) -> dict[str, float]:
    """Measure the reconstruction of held-out cells, and of the labelled networks not trained on."""
    found = reconstruction(vae, task.held_out)
    networks, _ = labelled.subset("unseen_networks")
    if len(networks):
        rows = torch.as_tensor(networks, device=labelled.graphs.ops.device)
        measured = reconstruction(vae, labelled.graphs.take(rows))
        found |= {f"{name}_labelled": value for name, value in measured.items()}
    return found


def labelled_batches(networks: Tensor, images: Tensor, s) -> list[tuple[Tensor, Tensor]]:
    """Return every (network, image) pair once, in random order, as batches of (rows, rows).

    A batch pairs each of a few networks with each of `labelled_batch_images` images, so that a network or
    an image goes through its branch once for many pairs; with 0, pairs are drawn one by one.
    """
    if s.labelled_batch_images == 0:
        rows = batches(len(networks) * len(images), s.labelled_batch_size)
        return [(networks[r // len(images)], images[r % len(images)]) for r in rows]
    n_images = min(s.labelled_batch_images, len(images))
    n_networks = max(1, s.labelled_batch_size // n_images)
    some_networks = networks[torch.randperm(len(networks))].split(n_networks)
    some_images = images[torch.randperm(len(images))].split(n_images)
    order = torch.randperm(len(some_networks) * len(some_images)).tolist()
    grids = [divmod(k, len(some_images)) for k in order]
    return [tuple(torch.cartesian_prod(some_networks[a], some_images[b]).T) for a, b in grids]


def unlabelled_run(n_unlabelled: int, n_networks: int, s) -> int:
    """Return how many unlabelled steps are taken in a row, of n_unlabelled in an epoch.

    auto: 0.33 of them, divided by the number of batches that the networks by themselves would make (206 for
    608 networks and all of NAS-Bench-101 in batches of 32), and at least one.
    """
    if s.unlabelled_run != "auto":
        return s.unlabelled_run
    return max(1, int(AUTO_SHARE * n_unlabelled) // max(1, n_networks // s.labelled_batch_size))


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
