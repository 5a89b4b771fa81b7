"""Epochs with a checkpoint after each: a killed training goes on to the same result as an unbroken one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pipeline.autoencoders.settings import GraphSettings
from pipeline.autoencoders.vae import Arch2Vec, Graphs
from pipeline.errors import UserError
from pipeline.progress import track
from pipeline.spaces.archs import Archs
from pipeline.storage.checkpoint_file import read_checkpoint, write_checkpoint

LOSSES = {"vae_loss", "io_loss", "reference_vae_loss"}  # of training


@dataclass(frozen=True)
class Task:
    """What a model is trained on, and where.

    cells, held_out: unlabelled cells to learn from, and to measure reconstruction on, each a graph of its
    own. checkpoint: file that each epoch is kept in (None: nowhere). identity: what a checkpoint must carry
    to be continued.
    io_dataset, images: files of the labelled data, where the model takes some. held_out_archs: the held-out
    cells as architectures. seed: of choices that all models and runs share.
    """

    settings: GraphSettings
    space: str
    cells: Graphs
    held_out: Graphs
    device: torch.device
    checkpoint: Path | None = None
    identity: str = ""
    io_dataset: Path | None = None
    images: Path | None = None
    held_out_archs: Archs | None = None
    seed: int = 0


@dataclass(frozen=True)
class Fitted:
    """A trained model.

    vae: the part that embeds cells. modules: all parts, by name. history: one dict an epoch.
    facts: further numbers. arrays: what else the artifact keeps, by path.
    """

    vae: Arch2Vec
    modules: dict[str, nn.Module]
    history: list[dict[str, float]]
    facts: dict[str, float] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def run_epochs(
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
    task: Task,
    one_epoch: Callable[[int], dict[str, float]],
) -> list[dict[str, float]]:
    """Call one_epoch(0), one_epoch(1), …; return what each returned.

    After each epoch the modules, optimisers, torch's random state and the history go to the task's
    checkpoint; one of the same identity that is there at the start is continued, any other is ignored.
    Raises UserError if the loss diverges.
    """
    parts = {**modules, **optimisers}
    history = _restore(parts, task)
    for epoch in track(range(len(history), task.settings.epochs), "epochs"):
        row = one_epoch(epoch)
        if not all(math.isfinite(row[name]) for name in LOSSES & row.keys()):
            raise UserError(
                f"autoencoders: training diverged in epoch {epoch + 1} (its loss is no number); lower lr"
            )
        history.append({"epoch": epoch + 1, **row})
        _save(parts, history, task)
    return history


def _save(parts, history, task: Task) -> None:
    if task.checkpoint is None:
        return
    state = {"identity": task.identity, "history": history, "cpu": torch.get_rng_state()}
    if task.device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(task.device)
    state["parts"] = {name: part.state_dict() for name, part in parts.items()}
    write_checkpoint(task.checkpoint, state)


def _restore(parts, task: Task) -> list[dict[str, float]]:
    state = read_checkpoint(task.checkpoint, "the autoencoder") if task.checkpoint is not None else None
    if state is None or state["identity"] != task.identity:
        return []
    for name, part in parts.items():
        part.load_state_dict(state["parts"][name])
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and task.device.type == "cuda":  # it may have begun on another kind of device
        torch.cuda.set_rng_state(state["cuda"], task.device)
    return state["history"]


def learning_rate(settings: GraphSettings, step: int, steps: int) -> float:
    """Return the rate of a step: rises over `warmup` of all steps, then falls to 0 by a cosine, or stays."""
    rise = max(settings.warmup * steps, 1)
    if step < rise:
        return settings.lr * (step + 1) / rise
    if settings.schedule == "constant":
        return settings.lr
    return settings.lr * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(steps - rise, 1)))


def take_step(loss, optimiser, rate: float, clip: float) -> None:
    """Minimise `loss` by one step of `optimiser` at the given rate, gradients clipped by their norm."""
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, clip)
    optimiser.step()


def batches(n: int, size: int) -> list[torch.Tensor]:
    """Return the rows 0 to n - 1 in random order, in batches; a last batch of one row is left out."""
    parts = torch.randperm(n).split(size)
    return [part for part in parts if len(part) > 1]
