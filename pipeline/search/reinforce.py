"""REINFORCE in the latent space of an autoencoder (Yan et al., arch2vec, 2020; info-NAS thesis, section 4.3).

A step: the policy reads where the run is, an action is drawn around its mean, and the unseen cell nearest to
the action is evaluated, which is where the run is then; its validation accuracy is the reward. After so many
steps the policy learns from them and begins again with an empty memory. A run starts at the best of its
initial cells.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from pipeline.search.context import Context
from pipeline.search.latent_cells import LatentCells, LatentSettings
from pipeline.spaces.archs import Archs

RUNS_AT_ONCE = 50


class Settings(LatentSettings):
    """Settings of REINFORCE. The defaults are those of the authors' experiments on NAS-Bench-101."""

    hidden: int = Field(128, ge=1, le=4096, description="width of the policy's LSTM cell")
    lr: float = Field(1e-2, gt=0, le=1, description="Adam's learning rate")
    steps: int = Field(16, ge=1, le=10_000, description="evaluated cells from one update to the next")
    deviation: float = Field(
        1.0, gt=0, le=1000, description="standard deviation of the action in each dimension"
    )
    baseline: float | None = Field(
        0.95,
        ge=0,
        le=1,
        description="accuracy that rewards are compared with; null: mean of what the run evaluated so far",
    )
    discount: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the next step's return in a step's; 0: its own reward alone, as the authors'",
    )


class Strategy:
    """REINFORCE, all runs at once (see `pipeline.search.loop` for the protocol)."""

    def __init__(self, settings: Settings, context: Context):
        import torch

        from pipeline.search.policies import Policies

        self.settings, self.device = settings, context.device
        self.cells = LatentCells.of(context, settings)
        dim = self.cells.points.shape[1]
        self.policies = Policies(context.seeds, dim, settings.hidden, settings.lr, context.device)
        self.rngs = context.generators("actions")
        self.state = torch.zeros(context.n_runs, dim, device=context.device)
        self.best = np.full(context.n_runs, -np.inf)  # of the initial cells
        self.total, self.count = np.zeros(context.n_runs), np.zeros(context.n_runs)
        self.actions: list = []  # of this episode: tensors (n_runs, D)
        self.rewards: list[np.ndarray] = []  # float64 (n_runs,); NaN for runs that are through

    def ask(self, left: np.ndarray) -> tuple[np.ndarray, Archs]:
        """Propose, for each run, the unseen cell nearest to an action of its policy."""
        import torch

        noise = np.stack([stream.standard_normal(self.state.shape[1], np.float32) for stream in self.rngs])
        noise = torch.as_tensor(noise, device=self.device)
        self.actions.append(self.policies.means_at(self.state) + self.settings.deviation * noise)
        runs = np.flatnonzero(left > 0)
        runs, rows = self.cells.nearest(runs, self.actions[-1][runs])
        return runs, self.cells.archs[rows]

    def tell(self, runs: np.ndarray, archs: Archs, scores: np.ndarray) -> None:
        """Go to the cells that were evaluated, and learn at the end of an episode."""
        rewards = np.where(np.isnan(scores), 0.0, scores)  # a network that failed is worth nothing
        self.cells.visit(runs, archs)
        np.add.at(self.total, runs, rewards)
        np.add.at(self.count, runs, 1)
        if not self.actions:
            self._start(runs, archs, rewards)
            return
        self.state = self.state.clone()  # the policy still needs the former one, to learn
        self.state[runs] = self.cells.at(archs)
        row = np.full(len(self.best), np.nan)
        row[runs] = rewards
        self.rewards.append(row)
        if len(self.rewards) == self.settings.steps:
            self._learn()

    def _start(self, runs: np.ndarray, archs: Archs, rewards: np.ndarray) -> None:
        points = self.cells.at(archs)
        for i, run in enumerate(runs.tolist()):
            if rewards[i] > self.best[run]:
                self.best[run], self.state[run] = rewards[i], points[i]

    def _learn(self) -> None:
        import torch

        s, rewards = self.settings, np.stack(self.rewards)  # (steps, n_runs)
        returns = rewards.copy()
        for step in reversed(range(len(returns) - 1)):
            returns[step] += s.discount * returns[step + 1]
        baseline = self.total / np.maximum(self.count, 1) if s.baseline is None else s.baseline
        advantages = torch.as_tensor(np.nan_to_num(returns - baseline), dtype=torch.float32)
        self.policies.learn(torch.stack(self.actions), advantages.to(self.device), s.deviation)
        self.actions, self.rewards = [], []
