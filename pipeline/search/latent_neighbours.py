"""Local search in the latent space of an autoencoder: ask for the unseen cells nearest to the best one.

As soon as a better cell is found, its neighbours are next; while none is found, the circle widens.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from pipeline.search.context import Context
from pipeline.search.latent_cells import LatentCells, LatentSettings
from pipeline.spaces.archs import Archs

RUNS_AT_ONCE = 25


class Settings(LatentSettings):
    """Settings of local search."""

    # a mean over vertices makes neighbours of cells that have little in common
    point: Literal["mean", "flat"] = Field(
        "flat", description="a cell's point: all latents of its vertices in a row, or their mean"
    )
    neighbours: int = Field(
        1, ge=1, le=1_000_000, description="cells asked for around the best one before it is chosen anew"
    )


class Strategy:
    """Local search, all runs at once (see `pipeline.search.loop` for the protocol)."""

    def __init__(self, settings: Settings, context: Context):
        import torch

        self.settings = settings
        self.cells = LatentCells.of(context, settings)
        self.best = np.full(context.n_runs, -np.inf)
        shape = context.n_runs, self.cells.points.shape[1]
        self.centre = torch.zeros(shape, device=context.device)  # points of the best cells

    def ask(self, left: np.ndarray) -> tuple[np.ndarray, Archs]:
        """Propose, for each run, the unseen cells nearest to the best that it knows."""
        runs = np.flatnonzero(left > 0)
        runs, rows = self.cells.nearest(runs, self.centre[runs], self.settings.neighbours)
        return runs, self.cells.archs[rows]

    def tell(self, runs: np.ndarray, archs: Archs, scores: np.ndarray) -> None:
        """Move to better cells; a failed network is never better, unless there is no other."""
        self.cells.visit(runs, archs)
        points, scores = self.cells.at(archs), np.where(np.isnan(scores), -1.0, scores)
        for i, run in enumerate(runs.tolist()):
            if scores[i] > self.best[run]:
                self.best[run], self.centre[run] = scores[i], points[i]
