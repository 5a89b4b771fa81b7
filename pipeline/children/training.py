"""Train one child network.

The whole image set is on the device from the start. What a network comes out as depends on the seed,
the images, the recipe and the cell alone: not on the chunk, the strategy or the order of training.
"""

from __future__ import annotations

import importlib
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pipeline.artifacts import replacing
from pipeline.children.settings import NetworkSettings, TrainingSettings
from pipeline.fingerprint import closure, digest
from pipeline.images.sets import ImageSet
from pipeline.randomness import seed_torch
from pipeline.settings import canonical_json
from pipeline.spaces import load
from pipeline.spaces.archs import Archs

CURVES = ("train_loss", "train_acc", "val_acc", "test_acc")


@dataclass(frozen=True)
class ChildResult:
    """A trained network. curves: `CURVES` -> float32 (epochs,); state: parameters and buffers by name.

    status: "ok", or "failed" when the loss became NaN or infinite; then its accuracies are NaN.
    train_acc is what the network scored on training images while it learned from them.
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
    """An image set on the device, normalised: training part, and validation + test part together."""

    x: Tensor  # (train, C, H, W)
    y: Tensor  # (train,)
    x_eval: Tensor  # (valid + test, C, H, W)
    y_eval: Tensor
    n_valid: int

    @classmethod
    def of(cls, images: ImageSet, device) -> DeviceImages:
        """Copy an image set to the device."""
        parts = {name: images.part(name) for name in ("train", "valid", "test")}
        x = {name: torch.as_tensor(images.normalised(pixels)) for name, (pixels, _) in parts.items()}
        y = {name: torch.as_tensor(labels.astype(np.int64)) for name, (_, labels) in parts.items()}
        both = torch.cat([x["valid"], x["test"]]), torch.cat([y["valid"], y["test"]])
        tensors = (t.to(device) for t in (x["train"], y["train"], *both))
        return cls(*tensors, n_valid=len(y["valid"]))


def identity(images: ImageSet, network: NetworkSettings, training: TrainingSettings, seed: int, space: str) -> str:
    """Return a digest of all that a network's result depends on, but for its cell.

    Checkpoints and cached results carry it; those of another identity are never used.
    """
    code = digest(closure(["pipeline.children.training", f"pipeline.spaces.{space}.network", f"pipeline.spaces.{space}.hashing"]))
    settings = canonical_json([network.model_dump(mode="json"), training.model_dump(mode="json"), seed, space])
    return digest({"code": code, "settings": settings, "images": images.checksum})


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

    checkpoint: written after each epoch; if it is there and of the same identity and cell, training goes
    on from it, to the same bytes as without a stop. on_device: the images, if they are there already.
    """
    started = time.perf_counter()
    cell = load(arch.space).cell_ids(arch)[0]
    data = on_device or DeviceImages.of(images, device)
    build_network = importlib.import_module(f"pipeline.spaces.{arch.space}.network").build_network
    seed_torch(seed, "child", images.name, cell)
    norm = training.batch_norm_momentum, training.batch_norm_eps
    model = build_network(arch, network, images.shape[0], len(images.classes), *norm).to(device)
    optimiser = torch.optim.SGD(
        model.parameters(), lr=training.lr, momentum=training.momentum, weight_decay=training.weight_decay
    )
    mark = f"{identity(images, network, training, seed, arch.space)} {cell}"
    curves, spent = _restore(checkpoint, mark, model, optimiser)
    reason = ""
    for epoch in range(len(curves["train_loss"]), training.epochs):
        values = _one_epoch(model, optimiser, data, training, epoch)
        for name in CURVES:
            curves[name].append(values[name])
        if not math.isfinite(values["train_loss"]):
            reason = f"the loss became {values['train_loss']} in epoch {epoch + 1}"
            break
        _save(checkpoint, mark, model, optimiser, curves, spent + time.perf_counter() - started)
    gone = math.nan if reason else None
    arrays = {name: np.full(training.epochs, np.nan, np.float32) for name in CURVES}
    for name, values in curves.items():
        arrays[name][: len(values)] = values
        if gone is not None:
            arrays[name][-1] = gone
    return ChildResult(
        cell=cell,
        status="failed" if reason else "ok",
        reason=reason,
        params=sum(p.numel() for p in model.parameters()),
        curves=arrays,
        state={name: value.detach().cpu().numpy().copy() for name, value in model.state_dict().items()},
        seconds=spent + time.perf_counter() - started,
    )


def _one_epoch(model, optimiser, data: DeviceImages, training: TrainingSettings, epoch: int) -> dict[str, float]:
    n = len(data.y)
    batches = [b for b in torch.randperm(n).to(data.y.device).split(training.batch_size) if len(b) > 1]
    loss_sum, right, seen = torch.zeros((), device=data.y.device), torch.zeros((), device=data.y.device), 0
    model.train()
    for i, rows in enumerate(batches):
        step, steps = epoch * len(batches) + i, training.epochs * len(batches)
        for group in optimiser.param_groups:
            group["lr"] = training.lr * 0.5 * (1 + math.cos(math.pi * step / steps))
        x, y = moved(data.x[rows], training.shift), data.y[rows]
        logits = model(x)
        loss = F.cross_entropy(logits, y)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), training.gradient_clip)
        optimiser.step()
        loss_sum += loss.detach() * len(y)
        right += (logits.detach().argmax(1) == y).sum()
        seen += len(y)
    hits = evaluate(model, data)
    return {
        "train_loss": float(loss_sum) / seen,
        "train_acc": float(right) / seen,
        "val_acc": float(hits[: data.n_valid].float().mean()),
        "test_acc": float(hits[data.n_valid :].float().mean()),
    }


def evaluate(model, data: DeviceImages, at_once: int = 2048) -> Tensor:
    """Return for each validation and test image whether the network is right, bool (valid + test,)."""
    model.eval()
    with torch.inference_mode():
        return torch.cat(
            [model(x).argmax(1) == y for x, y in zip(data.x_eval.split(at_once), data.y_eval.split(at_once), strict=True)]
        )


def moved(x: Tensor, shift: int) -> Tensor:
    """Move each image by up to `shift` pixels in both directions, at random; what enters is zero. (B, C, H, W)."""
    if shift == 0:
        return x
    batch, _, height, width = x.shape
    padded = F.pad(x, (shift,) * 4)
    down, right = torch.randint(2 * shift + 1, (2, batch))
    rows = (down[:, None] + torch.arange(height)).to(x.device)  # (B, H)
    columns = (right[:, None] + torch.arange(width)).to(x.device)  # (B, W)
    some = torch.arange(batch, device=x.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[some, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


def _save(checkpoint: Path | None, mark: str, model, optimiser, curves, seconds: float) -> None:
    if checkpoint is None:
        return
    state = {"mark": mark, "model": model.state_dict(), "optimiser": optimiser.state_dict(), "curves": curves}
    state |= {"seconds": seconds, "cpu": torch.get_rng_state()}
    state["cuda"] = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    with replacing(checkpoint) as temporary:
        torch.save(state, temporary)


def _restore(checkpoint: Path | None, mark: str, model, optimiser) -> tuple[dict[str, list[float]], float]:
    """Continue from a checkpoint if there is one of this very network; return its curves and seconds."""
    nothing = {name: [] for name in CURVES}, 0.0
    if checkpoint is None or not checkpoint.exists():
        return nothing
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception:  # cut short, or something else: the network is trained from its beginning
        return nothing
    if not isinstance(state, dict) or state.get("mark") != mark:
        return nothing
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    torch.set_rng_state(state["cpu"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
    return state["curves"], state["seconds"]
