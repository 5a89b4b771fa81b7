"""The reference of info-NAS: plain arch2vec, trained beside it (thesis, section 4.2.3)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from pipeline.autoencoders.training import take_step
from pipeline.autoencoders.vae import Arch2Vec, Graphs


class Reference:
    """A copy of an autoencoder with an Adam of its own, to which every batch is an unlabelled one.

    It makes the same random draws as the step that it stands beside, so it differs from info-NAS only by
    what info-NAS learns, and info-NAS comes out the same with it and without it.
    """

    def __init__(self, vae: Arch2Vec, lr: float):
        self.vae = copy.deepcopy(vae)
        self.adam = torch.optim.Adam(self.vae.parameters(), lr=lr)

    def step(self, graphs: Graphs, rate: float, clip: float, state: Tensor) -> Tensor:
        """Learn from a batch with the random draws that followed `state`; return the loss (scalar)."""
        with replayed(state, graphs.ops.device):
            loss, _ = self.vae.loss(graphs)
        take_step(loss.total, self.adam, rate, clip)
        return loss.total.detach()


def random_state(device: torch.device) -> Tensor:
    """Return the state of torch's global generator of a device."""
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


@contextmanager
def replayed(state: Tensor, device: torch.device) -> Iterator[None]:
    """Draw once more what was drawn after `state`; afterwards, go on as if nothing had been drawn."""
    now = random_state(device)
    _set(state, device)
    try:
        yield
    finally:
        _set(now, device)


def _set(state: Tensor, device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)
