"""Train one child network.

The image set is on the device from the start, as bytes. SGD or TensorFlow's RMSProp, a cosine of learning
rates, gradient clip; validation and test images are looked at every so many epochs. What a network comes
out as depends on the seed, the images, the recipe and the cell alone: not on the chunk, the strategy, the
order of training, what is trained beside it, or on how often it was interrupted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from pipeline import spaces
from pipeline.children.arithmetic import compiled, uses_bf16
from pipeline.children.checkpoint import load_checkpoint, save_checkpoint
from pipeline.children.device_images import DeviceImages
from pipeline.children.interleaved import alone
from pipeline.children.narrow_layers import make_fast
from pipeline.children.rmsprop import RMSPropTF
from pipeline.children.settings import NetworkSettings, TrainingSettings
from pipeline.images.sets import ImageSet
from pipeline.randomness import seed_torch, torch_generator
from pipeline.settings import canonical_json
from pipeline.spaces.archs import Archs
from pipeline.staleness.fingerprint import closure, digest

CURVES = ("train_loss", "train_acc", "val_acc", "test_acc")
TOP5_CURVES = ("val_top5", "test_top5")  # where there are many classes
MANY_CLASSES = 11


@dataclass(frozen=True)
class ChildResult:
    """A trained network. curves: `curve_names` -> float32 (epochs,); state: parameters and buffers by name.

    status: "ok", or "failed" when the loss or an output became NaN or infinite; from that epoch on its
    curves are NaN, and its state is empty. Accuracies are also NaN in epochs that they were not measured
    in. train_acc is what the network scored on training images while it learned from them. epoch_seconds:
    spent on each epoch, before a kill too, without what was trained beside it (on a GPU, whose work goes on
    while nobody waits for it, waiting counts for the network that waits).
    """

    cell: str
    status: str
    reason: str
    params: int
    curves: dict[str, np.ndarray]
    state: dict[str, np.ndarray]
    epoch_seconds: list[float]

    def last(self, curve: str) -> float:
        """Return a curve's value after the last epoch."""
        return float(self.curves[curve][-1])

    @property
    def seconds(self) -> float:
        """Return the time that all epochs took."""
        return float(sum(self.epoch_seconds))


@dataclass
class UnderWay:
    """A network under way, and all that its next step depends on.

    forward: the model, or the same one compiled. chance: of batches and augmentation. bf16: whether matrix
    products are in bfloat16.
    """

    model: nn.Module
    forward: nn.Module
    optimizer: torch.optim.Optimizer
    chance: torch.Generator
    data: DeviceImages
    recipe: TrainingSettings
    bf16: bool

    def logits(self, x: torch.Tensor, forward: nn.Module) -> torch.Tensor:
        """Return float32 (B, classes), of images (B, C, H, W)."""
        with torch.autocast(self.data.device.type, torch.bfloat16, enabled=self.bf16):
            return forward(x).float()


def curve_names(classes: int) -> tuple[str, ...]:
    """Return what is measured in each epoch, for so many classes."""
    return CURVES + TOP5_CURVES if classes >= MANY_CLASSES else CURVES


def identity(
    images: ImageSet, network: NetworkSettings, training: TrainingSettings, seed: int, space: str
) -> str:
    """Return a digest of all that a network's result depends on, but for its cell and the kind of device.

    Checkpoints and kept networks carry it; those of another identity are never used.
    """
    entries = ("pipeline.children.training", *spaces.code(space, "hashing", "keys", "network"))
    settings = canonical_json(
        [network.model_dump(mode="json"), training.model_dump(mode="json"), seed, space]
    )
    facts = {"settings": settings, "images": f"{images.name} {images.digest}", "torch": torch.__version__}
    return digest({"code": digest(closure(entries)), **facts})


def train_network(*arguments, **options) -> ChildResult:
    """Train one network to its end: see `network_training`."""
    return alone(network_training(*arguments, **options))


def network_training(
    arch: Archs,
    images: ImageSet,
    network: NetworkSettings,
    training: TrainingSettings,
    seed: int,
    device="cpu",
    checkpoint: Path | None = None,
    on_device: DeviceImages | None = None,
) -> Generator[None, None, ChildResult]:
    """Train the network of the one cell in `arch`, a step at a time; return its curves and weights.

    checkpoint: written after each epoch; if it is there and of the same identity, cell and kind of device,
    training goes on from it, to the same bytes as without a stop. It stays: remove it once the result is
    kept. on_device: the images, if they are there already. Same arguments, same bytes on the CPU.
    Raises ConfigError if the network is to be compiled and cannot be.
    """
    cell, kind = spaces.load(arch.space).cell_ids(arch)[0], torch.device(device).type
    stream = (seed, "child", images.name, cell)
    data = on_device or DeviceImages.of(images, training.shift, device)
    model = initial_network(arch, images, network, training, stream).to(
        device, memory_format=torch.channels_last
    )
    now = begin(model, data, training, torch_generator(*stream, "batches"))
    curves = {n: np.full(training.epochs, np.nan, np.float32) for n in curve_names(len(images.classes))}
    mark = f"{identity(images, network, training, seed, arch.space)} {cell} {kind}"
    seconds = load_checkpoint(checkpoint, mark, model, now.optimizer, now.chance, curves)
    status, reason = "ok", ""
    for epoch in range(len(seconds), training.epochs):
        values, spent = yield from timed(train_epoch(now, epoch))
        if (epoch + 1) % training.evaluate_every == 0 or epoch + 1 == training.epochs:
            measured, more = yield from timed(evaluate(now))
            values, spent = values | measured, spent + more
        seconds.append(spent)
        if not np.isfinite(list(values.values())).all():
            status, reason = "failed", f"the loss is not finite in epoch {epoch + 1} of {training.epochs}"
            break
        for name, value in values.items():
            curves[name][epoch] = value
        if checkpoint is not None:
            save_checkpoint(checkpoint, mark, model, now.optimizer, now.chance, curves, seconds)
    return ChildResult(
        cell=cell,
        status=status,
        reason=reason,
        params=sum(p.numel() for p in model.parameters()),
        curves=curves,
        state=weights_of(model) if status == "ok" else {},
        epoch_seconds=seconds,
    )


def initial_network(arch: Archs, images: ImageSet, network, training: TrainingSettings, stream) -> nn.Module:
    """Return the freshly initialised network; torch's global generator stays as it was."""
    build_network = spaces.network(arch.space).build_network
    norm = training.batch_norm_momentum, training.batch_norm_eps
    with torch.random.fork_rng(devices=[]):
        seed_torch(*stream, "weights")
        return build_network(arch, network, images.shape[0], len(images.classes), *norm)


def begin(model: nn.Module, data: DeviceImages, training: TrainingSettings, chance) -> UnderWay:
    """Return a network that is about to be trained; it must be on the device, channels last."""
    if data.device.type == "cpu" and not training.compile:
        make_fast(model)
    bf16 = uses_bf16(training, data.device)
    return UnderWay(
        model, compiled(model, training), optimizer_of(model, training), chance, data, training, bf16
    )


def optimizer_of(model: nn.Module, training: TrainingSettings) -> torch.optim.Optimizer:
    """Return the recipe's optimiser.

    Weight decay is on all parameters, those of batch norm and biases included: so do NAS-Bench-101 (L2 of
    all trainable variables in the loss) and the trainer that info-NAS used.
    """
    common = {"lr": training.lr, "momentum": training.momentum, "weight_decay": training.weight_decay}
    if training.optimizer == "rmsprop_tf":
        how = {"decay": training.rmsprop_decay, "eps": training.rmsprop_eps}
        return RMSPropTF(model.parameters(), **common, **how)
    return torch.optim.SGD(model.parameters(), **common, fused=True)


def train_epoch(now: UnderWay, epoch: int) -> Generator[None, None, dict[str, float]]:
    """Train for one epoch, stopping after each step; return the mean loss and accuracy over its batches."""
    recipe, data, parameters = now.recipe, now.data, list(now.model.parameters())
    size = data.batch_size(recipe.batch_size)
    steps = len(data.y) // size
    loss_sum = torch.zeros((), device=data.device)  # summed on the device: no waiting for it at each step
    right = torch.zeros((), dtype=torch.long, device=data.device)
    now.model.train()
    for step, (x, y) in enumerate(data.batches(recipe.batch_size, recipe.flip, now.chance)):
        progress = (epoch + step / steps) / recipe.epochs
        now.optimizer.param_groups[0]["lr"] = recipe.lr * 0.5 * (1 + math.cos(math.pi * progress))
        logits = now.logits(x, now.forward)  # (B, classes)
        loss = F.cross_entropy(logits, y)
        now.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if recipe.gradient_clip is not None:
            nn.utils.clip_grad_norm_(parameters, recipe.gradient_clip, foreach=True)
        now.optimizer.step()
        loss_sum += loss.detach()
        right += (logits.detach().argmax(1) == y).sum()
        yield
    return {"train_loss": float(loss_sum) / steps, "train_acc": float(right) / (steps * size)}


def timed(steps: Generator[None, None, dict]) -> Generator[None, None, tuple[dict, float]]:
    """Go through `steps`; return (what they return, seconds between their stops)."""
    seconds = 0.0
    while True:
        started = time.perf_counter()
        try:
            next(steps)
        except StopIteration as end:
            return end.value, seconds + time.perf_counter() - started
        seconds += time.perf_counter() - started
        yield


def evaluate(now: UnderWay) -> Generator[None, None, dict[str, float]]:
    """Measure on validation and test images, stopping after each batch; NaN if an output is not finite."""
    now.model.eval()
    parts, data = [], now.data
    for x in data.evaluation_batches():
        with torch.inference_mode():
            parts.append(now.logits(x, now.model))
        yield
    with torch.inference_mode():
        logits = torch.cat(parts)  # (valid + test, classes)
        names = curve_names(logits.shape[1])[2:]
        if not bool(torch.isfinite(logits).all()):
            return dict.fromkeys(names, math.nan)
        hits = [logits.argmax(1) == data.y_eval]
        if len(names) > 2:
            hits.append((logits.topk(5).indices == data.y_eval[:, None]).any(1))
        shares = [part.double().mean() for hit in hits for part in (hit[: data.n_valid], hit[data.n_valid :])]
        return dict(zip(names, map(float, shares), strict=True))


def weights_of(model: nn.Module) -> dict[str, np.ndarray]:
    """Return parameters and running statistics; loading does without the counts of batches."""
    tensors = model.state_dict().items()
    return {
        k: v.cpu().contiguous().numpy().copy() for k, v in tensors if not k.endswith("num_batches_tracked")
    }
