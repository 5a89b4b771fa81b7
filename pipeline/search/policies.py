"""One recurrent Gaussian policy a run, all runs in one batch, trained by REINFORCE (Williams 1992)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.randomness import torch_generator


class Policies:
    """An LSTM cell and a linear layer a run: state -> mean of the action. R runs, D dimensions, H hidden.

    No run's policy depends on another's. Weights start as torch starts those of its own layers: uniform
    within +- 1/sqrt(H).
    """

    def __init__(self, seeds: Sequence[int], dim: int, hidden: int, lr: float, device="cpu"):
        shapes = {"from_state": (4 * hidden, dim), "from_hidden": (4 * hidden, hidden)}
        shapes |= {"gate_bias": (2, 4 * hidden), "to_mean": (dim, hidden), "mean_bias": (dim,)}
        streams = [torch_generator(seed, "policy") for seed in seeds]
        self.weight = {}
        for name, shape in shapes.items():
            drawn = torch.stack([torch.rand(shape, generator=stream) for stream in streams])  # (R, *shape)
            self.weight[name] = ((2 * drawn - 1) * hidden**-0.5).to(device).requires_grad_()
        self.optimiser = torch.optim.Adam(self.weight.values(), lr=lr)
        self._nothing = torch.zeros(len(streams), hidden, device=device)
        self.forget()

    def forget(self) -> None:
        """Begin a new episode: nothing remembered, nothing to learn from."""
        self.memory = self.hidden = self._nothing
        self.means: list[Tensor] = []

    def means_at(self, states: Tensor) -> Tensor:
        """Advance all runs by a step from `states` (R, D); return the means of their actions, (R, D)."""
        w = self.weight
        gates = torch.einsum("rgd,rd->rg", w["from_state"], states) + w["gate_bias"].sum(1)
        gates = gates + torch.einsum("rgh,rh->rg", w["from_hidden"], self.hidden)
        let_in, keep, new, out = gates.chunk(4, dim=1)  # each (R, H)
        self.memory = keep.sigmoid() * self.memory + let_in.sigmoid() * new.tanh()
        self.hidden = out.sigmoid() * self.memory.tanh()
        self.means.append(torch.einsum("rdh,rh->rd", w["to_mean"], self.hidden) + w["mean_bias"])
        return self.means[-1].detach()

    def learn(self, actions: Tensor, advantages: Tensor, deviation: float) -> None:
        """Take one step of Adam on the episode's mean of -advantage * log density; begin a new episode.

        actions: (T, R, D), drawn with this deviation around the means of the last T steps. advantages:
        (T, R).
        """
        log_density = -(actions - torch.stack(self.means)).square().sum(2) / (2 * deviation**2)  # + constant
        loss = -(advantages * log_density).mean(0).sum()  # a run's gradient has no part in another's
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.forget()
