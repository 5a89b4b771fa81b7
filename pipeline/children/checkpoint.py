"""The state of a training that is under way, as a file: written whole or not at all after each epoch."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from pipeline.storage.checkpoint_file import read_checkpoint, write_checkpoint

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
    write_checkpoint(path, state)


def load_checkpoint(path: Path | None, mark: str, model, optimizer, chance, curves) -> list[float]:
    """Restore what `save_checkpoint` wrote; return the seconds spent on each of the epochs done.

    Nothing is returned and touched if there is no checkpoint, it is of something else, or it is damaged.
    """
    state = read_checkpoint(path, "this network") if path is not None else None
    if state is None:
        return []
    if state["mark"] != mark:
        log.info("%s: is of another training; this network is trained from its beginning", path)
        return []
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    chance.set_state(state["chance"])
    for name, curve in state["curves"].items():
        curves[name][:] = curve.numpy()
    return state["seconds"]
