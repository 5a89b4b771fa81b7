"""The state of a training that is under way, as a file: written whole or not at all after each epoch."""

from __future__ import annotations

import logging
from pathlib import Path
from pickle import UnpicklingError

import torch

from pipeline.artifacts import replacing

log = logging.getLogger("nasflow")


def save_checkpoint(path: Path, mark: str, model, optimizer, chance, curves, seconds: list[float]) -> None:
    """Write everything that the next epoch depends on, and what was measured so far.

    mark: what the training is of. chance: the generator of batches and augmentation. curves: name ->
    float32 (epochs,). seconds: spent on each of the epochs done.
    """
    state = {
        "mark": mark,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "chance": chance.get_state(),
        "curves": {name: torch.from_numpy(curve) for name, curve in curves.items()},
        "seconds": seconds,
    }
    with replacing(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: Path | None, mark: str, model, optimizer, chance, curves) -> list[float]:
    """Restore what `save_checkpoint` wrote; return the seconds spent on each of the epochs done.

    Nothing is returned and touched if there is no checkpoint, it is of something else, or it is damaged.
    """
    if path is None:
        return []
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = state["mark"]
    except FileNotFoundError:
        return []
    except (OSError, EOFError, RuntimeError, ValueError, UnpicklingError, LookupError, TypeError):
        log.warning("%s: cannot be read; this network is trained from its beginning", path)
        return []
    if found != mark:
        log.info("%s: is of another training; this network is trained from its beginning", path)
        return []
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    chance.set_state(state["chance"])
    for name, curve in state["curves"].items():
        curves[name][:] = curve.numpy()
    return state["seconds"]
