"""How well the regressor of info-NAS predicts outputs, on each named part of the data set.

The parts: the five sets of the thesis' table 3.4, and `unseen_images`, which two of them make up.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pipeline.autoencoders.measures import embed
from pipeline.io_dataset.reading import IoDataset
from pipeline.io_dataset.subsets import SUBSETS, THESIS_SETS

PAIRS_AT_ONCE = 8192
IMAGES_AT_ONCE = 64  # of 32x32 at width 128, a layer's output takes 32 MB
HALVES = ("unseen_images_valid", "unseen_images_test")


def loss_of(predicted: Tensor, target: Tensor, kind: str) -> Tensor:
    """Return the mean loss of predictions; kind: "l1" or "mse"."""
    difference = predicted - target
    return difference.abs().mean() if kind == "l1" else difference.square().mean()


def io_losses(model, pairs, kind: str) -> dict[str, float]:
    """Return the regressor's loss, from mu, on each part. model: `InfoNas`. pairs: `joint.Pairs`.

    Each image goes through its branch once; targets are read a few networks at a time.
    """
    model.eval()
    with torch.inference_mode():
        mu = embed(model.vae, pairs.graphs).to(pairs.images.device)
        parts = pairs.images.split(IMAGES_AT_ONCE)
        seen = torch.cat([model.regressor.see(part) for part in parts])  # (I, 4 * image_width)
        sums = {name: _sum(model, mu, seen, pairs.io, name, kind) for name in THESIS_SETS.values()}
    sums["unseen_images"] = tuple(map(sum, zip(*(sums[half] for half in HALVES), strict=True)))
    return {
        name: sums[name][0] / sums[name][1] if sums[name][1] else float("nan") for name in (*SUBSETS, *HALVES)
    }


def _sum(model, mu: Tensor, seen: Tensor, io: IoDataset, name: str, kind: str) -> tuple[float, int]:
    """Return (sum of losses, how many numbers) of one part."""
    networks, images = io.subset(name)
    if not len(networks) or not len(images):
        return 0.0, 0
    seen, total, count = seen[torch.as_tensor(images, device=seen.device)], 0.0, 0
    step = max(1, PAIRS_AT_ONCE // len(images))
    for part in (networks[start : start + step] for start in range(0, len(networks), step)):
        z = mu[torch.as_tensor(part, device=mu.device)].repeat_interleave(len(images), dim=0)
        target = np.concatenate([io.targets.of_network(n)[images] for n in part])
        predicted = model.regressor.join(z, seen.repeat(len(part), 1))
        total += float(loss_of(predicted, torch.from_numpy(target).to(mu.device), kind)) * target.size
        count += target.size
    return total, count


def mean_baseline(io: IoDataset, kind: str) -> dict[str, float]:
    """Return the loss of always predicting the training targets' mean, on each part.

    The thesis' reference (chapter 4, "Reference") is the mean of the part itself, which no model can know
    for unseen networks; here it comes as `own_<part>`.
    """
    found, of_train = {}, _mean(io, "train")
    for name in (*SUBSETS, *HALVES):
        means, (networks, images) = {"": of_train, "own_": _mean(io, name)}, io.subset(name)
        losses = {prefix: [] for prefix in means}
        for n in networks:
            values = io.targets.of_network(n)[images]
            for prefix, mean in means.items():
                losses[prefix].append(_difference(values - mean, kind))
        for prefix, of_networks in losses.items():
            found[prefix + name] = float(np.mean(of_networks)) if of_networks else float("nan")
    return found


def _mean(io: IoDataset, name: str) -> np.ndarray:
    """Mean target of a part, float32 (F,), network by network."""
    networks, images = io.subset(name)
    means = [io.targets.of_network(n)[images].mean(axis=0, dtype=np.float64) for n in networks]
    return np.mean(means, axis=0).astype(np.float32) if means else np.float32(np.nan)


def _difference(values: np.ndarray, kind: str) -> float:
    return float(np.abs(values).mean() if kind == "l1" else np.square(values).mean())
