"""Train one child network.

The whole image set is on the device from the start, normalised once. SGD with momentum, cosine learning
rate, gradient clip; validation and test images are looked at once an epoch. What a network comes out as
depends on the seed, the images, the recipe and the cell alone: not on the chunk, the strategy, the order
of training, or on how often it was interrupted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline import spaces
from pipeline.children.checkpoint import load_checkpoint, save_checkpoint
from pipeline.children.settings import NetworkSettings, TrainingSettings
from pipeline.fingerprint import closure, digest
from pipeline.images.sets import ImageSet
from pipeline.randomness import seed_torch, torch_generator
from pipeline.settings import canonical_json
from pipeline.spaces.archs import Archs

CURVES = ("train_loss", "train_acc", "val_acc", "test_acc")
EVALUATION_BATCH = 2048  # images; bounds memory where validation and test images are many


@dataclass(frozen=True)
class ChildResult:
    """A trained network. curves: `CURVES` -> float32 (epochs,); state: parameters and buffers by name.

    status: "ok", or "failed" when the loss or an output became NaN or infinite; from that epoch on its
    curves are NaN, and its state is empty. train_acc is what the network scored on training images while
    it learned from them. seconds: spent on its epochs, before a kill too.
    """

    cell: str
    status: str
    reason: str
    params: int
    curves: dict[str, np.ndarray]
    state: dict[str, np.ndarray]
    seconds: float

    def last(self, curve: str) -> float:
        """Return a curve's value after the last epoch."""
        return float(self.curves[curve][-1])


@dataclass(frozen=True)
class DeviceImages:
    """An image set on the device: normalised float32, channels last; training images in a black border."""

    x: Tensor  # (train, H + 2 border, W + 2 border, C)
    y: Tensor  # (train,)
    x_eval: Tensor  # (valid + test, C, H, W)
    y_eval: Tensor  # (valid + test,)
    n_valid: int
    border: int

    @classmethod
    def of(cls, images: ImageSet, border: int, device) -> DeviceImages:
        """Copy an image set to the device. border: the largest shift of the augmentation, in pixels."""

        def pixels(part: np.ndarray) -> Tensor:
            return torch.as_tensor(images.normalised(part), device=device).permute(0, 2, 3, 1).contiguous()

        def targets(labels: np.ndarray) -> Tensor:
            return torch.as_tensor(labels, device=device).long()

        (train, y), (valid, y_valid), (test, y_test) = (
            images.part(name) for name in ("train", "valid", "test")
        )
        return cls(
            x=pixels(np.pad(train, ((0, 0), (0, 0), (border, border), (border, border)))),
            y=targets(y),
            x_eval=pixels(np.concatenate([valid, test])).permute(0, 3, 1, 2),
            y_eval=targets(np.concatenate([y_valid, y_test])),
            n_valid=len(y_valid),
            border=border,
        )

    def batches(self, size: int, flip: bool, chance: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield an epoch's (images (B, C, H, W), labels (B,)), shuffled, shifted and mirrored at random.

        Whole batches only: batch norm suffers from a small last one. What is left over waits an epoch.
        """
        n, (height, width) = len(self.y), self.x_eval.shape[2:]
        size = min(size, n)
        order = torch.randperm(n, generator=chance)
        corner = torch.randint(2 * self.border + 1, (n, 2), generator=chance)
        mirrored = torch.rand(n, 1, generator=chance) < 0.5 if flip else torch.zeros(n, 1, dtype=torch.bool)
        across = torch.arange(width)
        rows = corner[:, :1] + torch.arange(height)  # (n, H) of the bordered image
        columns = corner[:, 1:] + torch.where(mirrored, width - 1 - across, across)  # (n, W)
        order, rows, columns = (index.to(self.x.device) for index in (order, rows, columns))
        for start in range(0, n - size + 1, size):
            b = slice(start, start + size)
            if self.border or flip:
                x = self.x[order[b, None, None], rows[b, :, None], columns[b, None, :]]  # (B, H, W, C)
            else:
                x = self.x[order[b]]
            yield x.permute(0, 3, 1, 2), self.y[order[b]]


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


def train_network(
    arch: Archs,
    images: ImageSet,
    network: NetworkSettings,
    training: TrainingSettings,
    seed: int,
    device="cpu",
    checkpoint: Path | None = None,
    on_device: DeviceImages | None = None,
) -> ChildResult:
    """Train the network of the one cell in `arch`; return its curves and weights.

    checkpoint: written after each epoch; if it is there and of the same identity, cell and kind of device,
    training goes on from it, to the same bytes as without a stop. It stays: remove it once the result is
    kept. on_device: the images, if they are there already. Same arguments, same bytes on the CPU.
    """
    cell, kind = spaces.load(arch.space).cell_ids(arch)[0], torch.device(device).type
    stream = (seed, "child", images.name, cell)
    data = on_device or DeviceImages.of(images, training.shift, device)
    model = initial_network(arch, images, network, training, stream).to(
        device, memory_format=torch.channels_last
    )
    optimizer = torch.optim.SGD(
        model.parameters(), training.lr, training.momentum, weight_decay=training.weight_decay, fused=True
    )
    chance = torch_generator(*stream, "batches")
    curves = {name: np.full(training.epochs, np.nan, np.float32) for name in CURVES}
    mark = f"{identity(images, network, training, seed, arch.space)} {cell} {kind}"
    done, spent = load_checkpoint(checkpoint, mark, model, optimizer, chance, curves)
    status, reason = "ok", ""
    started = time.perf_counter() - spent
    for epoch in range(done, training.epochs):
        values = (*train_epoch(model, optimizer, data, training, epoch, chance), *evaluate(model, data))
        if not np.isfinite(values).all():
            status, reason = "failed", f"the loss is not finite in epoch {epoch + 1} of {training.epochs}"
            break
        for name, value in zip(CURVES, values, strict=True):
            curves[name][epoch] = value
        if checkpoint is not None:
            spent = time.perf_counter() - started
            save_checkpoint(checkpoint, mark, epoch + 1, model, optimizer, chance, curves, spent)
    return ChildResult(
        cell=cell,
        status=status,
        reason=reason,
        params=sum(p.numel() for p in model.parameters()),
        curves=curves,
        state=weights_of(model) if status == "ok" else {},
        seconds=time.perf_counter() - started,
    )


def initial_network(arch: Archs, images: ImageSet, network, training: TrainingSettings, stream) -> nn.Module:
    """Return the freshly initialised network; torch's global generator stays as it was."""
    build_network = spaces.network(arch.space).build_network
    norm = training.batch_norm_momentum, training.batch_norm_eps
    with torch.random.fork_rng(devices=[]):
        seed_torch(*stream, "weights")
        return build_network(arch, network, images.shape[0], len(images.classes), *norm)


def train_epoch(
    model: nn.Module,
    optimizer,
    data: DeviceImages,
    training: TrainingSettings,
    epoch: int,
    chance: torch.Generator,
) -> tuple[float, float]:
    """Train for one epoch; return the mean loss and accuracy over its batches."""
    parameters = list(model.parameters())
    steps = max(1, len(data.y) // training.batch_size)
    loss_sum = torch.zeros((), device=data.y.device)  # summed on the device: no waiting for it at each step
    right, seen = torch.zeros((), dtype=torch.long, device=data.y.device), 0
    model.train()
    for step, (x, y) in enumerate(data.batches(training.batch_size, training.flip, chance)):
        progress = (epoch + step / steps) / training.epochs
        optimizer.param_groups[0]["lr"] = training.lr * 0.5 * (1 + math.cos(math.pi * progress))
        logits = model(x)  # (B, classes)
        loss = F.cross_entropy(logits, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if training.gradient_clip is not None:
            nn.utils.clip_grad_norm_(parameters, training.gradient_clip, foreach=True)
        optimizer.step()
        loss_sum += loss.detach()
        right += (logits.detach().argmax(1) == y).sum()
        seen += len(y)
    return float(loss_sum) / steps, float(right) / seen


def evaluate(model: nn.Module, data: DeviceImages) -> tuple[float, float]:
    """Return the accuracy on validation and on test images; NaN for both if an output is not finite."""
    model.eval()
    with torch.inference_mode():
        logits = torch.cat([model(x) for x in data.x_eval.split(EVALUATION_BATCH)])  # (valid + test, classes)
        if not bool(torch.isfinite(logits).all()):
            return math.nan, math.nan
        right = (logits.argmax(1) == data.y_eval).double()
        return float(right[: data.n_valid].mean()), float(right[data.n_valid :].mean())


def weights_of(model: nn.Module) -> dict[str, np.ndarray]:
    """Return parameters and running statistics; loading does without the counts of batches."""
    tensors = model.state_dict().items()
    return {
        k: v.cpu().contiguous().numpy().copy() for k, v in tensors if not k.endswith("num_batches_tracked")
    }
