"""How well the regressor of info-NAS predicts, on each named part of the labelled data.

The parts: the five sets of the thesis' table 3.4, and `unseen_images`, which two of them make up.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pipeline.autoencoders.labelled import Labelled
from pipeline.autoencoders.measures import embed
from pipeline.io_dataset.subsets import SUBSETS, THESIS_SETS

IMAGES_AT_ONCE = 64  # of 32x32 at width 128, a layer's output takes 32 MB
HALVES = ("unseen_images_valid", "unseen_images_test")
PARTS = (*SUBSETS, *HALVES)
KINDS = ("l1", "mse")


def loss_of(predicted: Tensor, target: Tensor, kind: str) -> Tensor:
    """Return the mean loss of predictions; kind: "l1" or "mse"."""
    difference = predicted - target
    return difference.abs().mean() if kind == "l1" else difference.square().mean()


def io_losses(model, labelled: Labelled, settings) -> dict[str, float]:
    """Return the regressor's losses, from mu, on each part that holds pairs. model: `InfoNas`.

    For a part P: io_loss_P, the mean over pairs of the configured loss; its io_loss_P_median and
    io_loss_P_std over batches of pairs, network by network, of the training batches' size; the median over
    networks io_loss_P_network_median and the deviation io_loss_P_network_std; io_l1_P and io_mse_P,
    the mean of either loss, whichever is trained on. One batch or network has no deviation: it is left out.
    """
    found = {}
    for name, losses in of_parts(Predictions(model, labelled), labelled, settings).items():
        of_loss, networks = losses[settings.loss], losses[settings.loss].mean(axis=1)
        batches = in_batches(of_loss, settings.labelled_batch_size)
        found[f"io_loss_{name}"] = float(of_loss.mean())
        for kind, values in (("", batches), ("network_", networks)):
            found[f"io_loss_{name}_{kind}median"] = median(values)
            if len(values) > 1:
                found[f"io_loss_{name}_{kind}std"] = deviation(values)
        found |= {f"io_{kind}_{name}": float(losses[kind].mean()) for kind in KINDS}
    return found


def of_parts(predictions, labelled: Labelled, settings) -> dict[str, dict[str, np.ndarray]]:
    """Return {part: `pair_losses`}; parts without pairs are left out."""
    found = {name: pair_losses(predictions, labelled, settings, name) for name in THESIS_SETS.values()}
    halves = [found[name] for name in HALVES if found[name] is not None]
    if halves:
        found["unseen_images"] = {kind: np.concatenate([half[kind] for half in halves]) for kind in KINDS}
    return {name: found[name] for name in PARTS if found.get(name) is not None}


def pair_losses(predictions, labelled: Labelled, settings, name: str) -> dict[str, np.ndarray] | None:
    """Return {"l1", "mse": float64 (networks, images), the mean loss of each pair} of a part.

    predictions: `of_network(network, images) -> (images, F)` on the device. None if there are no pairs.
    """
    networks, images = labelled.subset(name, settings.n_measured_images)
    if not len(networks) or not len(images):
        return None
    losses = {kind: np.empty((len(networks), len(images))) for kind in KINDS}
    for row, network in enumerate(networks):
        targets = torch.from_numpy(labelled.targets.of_network(network)[images])
        wrong = predictions.of_network(network, images) - targets.to(labelled.images.device)
        losses["l1"][row] = wrong.abs().mean(dim=1).cpu().numpy()
        losses["mse"][row] = wrong.square().mean(dim=1).cpu().numpy()
    return losses


class Predictions:
    """What the model predicts, from mu, of a network for images; each image is looked at once."""

    def __init__(self, model, labelled: Labelled):
        model.eval()
        self.model = model
        with torch.inference_mode():
            self.z = labelled.graphs.joined(embed(model.vae, labelled.graphs)).to(labelled.images.device)
            self.seen = torch.cat([model.see(part) for part in labelled.images.split(IMAGES_AT_ONCE)])

    def of_network(self, network: int, images: np.ndarray) -> Tensor:
        """Return the predictions for rows of images, float32 (images, F)."""
        rows = torch.as_tensor(images, device=self.z.device)
        with torch.inference_mode():
            parts = [
                self.model.predict(self.z[int(network)].expand(len(part), -1, -1), self.seen[part])
                for part in rows.split(self.model.regressor.PAIRS_AT_ONCE)
            ]
        return torch.cat(parts)


def in_batches(losses: np.ndarray, size: int) -> np.ndarray:
    """Return the mean of each batch of pairs, taken network by network; a last short batch is left out.

    losses: (networks, images). If there is not one whole batch, all pairs are one.
    """
    flat = losses.reshape(-1)
    whole = len(flat) // size * size
    return flat[:whole].reshape(-1, size).mean(axis=1) if whole else flat.mean(keepdims=True)


def median(values: np.ndarray) -> float:
    """Return the median."""
    return float(np.median(values))


def deviation(values: np.ndarray) -> float:
    """Return the (n - 1) standard deviation; NaN for one value, which says nothing of spread."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
