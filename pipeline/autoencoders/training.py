"""Epochs with a checkpoint after each: a killed training goes on to the same result as an unbroken one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from pipeline.artifacts import replacing
from pipeline.progress import track


def run_epochs(
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
    epochs: int,
    one_epoch: Callable[[int], dict[str, float]],
    checkpoint: Path | None,
    identity: str,
) -> list[dict[str, float]]:
    """Call one_epoch(0), one_epoch(1), …; return what each returned.

    After each epoch the modules, optimisers, torch's random state and the history go to `checkpoint`; a
    checkpoint of the same `identity` that is there at the start is continued, any other is ignored.
    """
    parts = {**modules, **optimisers}
    history = _restore(parts, checkpoint, identity)
    for epoch in track(range(len(history), epochs), "epochs"):
        history.append({"epoch": epoch + 1, **one_epoch(epoch)})
        _save(parts, history, checkpoint, identity)
    return history


def _save(parts, history, checkpoint: Path | None, identity: str) -> None:
    if checkpoint is None:
        return
    state = {"identity": identity, "history": history, "cpu": torch.get_rng_state()}
    state["cuda"] = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    state["parts"] = {name: part.state_dict() for name, part in parts.items()}
    with replacing(checkpoint) as temporary:
        torch.save(state, temporary)


def _restore(parts, checkpoint: Path | None, identity: str) -> list[dict[str, float]]:
    if checkpoint is None or not checkpoint.exists():
        return []
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception:  # damaged, or from elsewhere: begin again
        return []
    if not isinstance(state, dict) or state.get("identity") != identity:
        return []
    for name, part in parts.items():
        part.load_state_dict(state["parts"][name])
    torch.set_rng_state(state["cpu"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
    return state["history"]


def learning_rate(settings, step: int, steps: int) -> float:
    """Return the rate of a step: rises over `warmup` of all steps, then falls to 0 along a cosine."""
    rise = max(settings.warmup * steps, 1)
    if step < rise:
        return settings.lr * (step + 1) / rise
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
