"""The cells of a search's domain as points of an autoencoder's latent space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from pydantic import Field

from pipeline.errors import ConfigError
from pipeline.predictors.resources import Resources
from pipeline.randomness import rng
from pipeline.search.context import Context
from pipeline.settings import Settings
from pipeline.spaces.archs import Archs
from pipeline.spaces.lookup import KeyIndex

EMBEDDED_AT_ONCE = 16_384

Embed = Callable[[Archs], np.ndarray]  # cells -> float32 (N, D)


class LatentSettings(Settings):
    """What strategies that move in a latent space have in common."""

    latents: str = Field(
        description="which of `autoencoders` embeds the cells: NAME, or NAME/3 for its third run"
    )
    point: Literal["mean", "flat"] = Field(
        "mean", description="a cell's point: mean of its vertices' latents (thesis), or all of them in a row"
    )
    n_drawn: int = Field(
        100_000,
        ge=2,
        le=10_000_000,
        description="cells drawn to move among, where the space is too large to be listed (darts)",
    )


class LatentCells:
    """The cells that a strategy moves among, and which of them each run has seen.

    archs: N cells. points: float32 (N, D). embed: gives the points of other cells, too.
    """

    def __init__(self, space, archs: Archs, points: np.ndarray, embed: Embed, n_runs: int, device="cpu"):
        import torch

        self.archs, self.embed, self.device = archs, embed, device
        self.points = torch.as_tensor(points, device=device)
        self._squares = self.points.square().sum(1)  # (N,)
        self._key = space.cell_key
        self._index = KeyIndex(self._key(archs))
        self._seen: list[list[int]] = [[] for _ in range(n_runs)]

    @classmethod
    def of(cls, context: Context, settings: LatentSettings) -> LatentCells:
        """Embed all cells of the domain, once; where they cannot be listed, a draw that all runs share.

        Raises UserError if the autoencoder was not given, ConfigError if the draw is less than the budget.
        """
        archs = context.space.cells
        if archs is None:
            if settings.n_drawn < context.budget:
                raise ConfigError(
                    f"strategies: n_drawn is {settings.n_drawn}, less than search.budget = {context.budget}; "
                    "raise n_drawn"
                )
            archs = context.space.draw(settings.n_drawn, rng(context.common_seed, "latent cells"))
        embed = embedding(context, settings)
        return cls(context.space, archs, embed(archs), embed, context.n_runs, context.device)

    def rows(self, archs: Archs) -> np.ndarray:
        """Return int64 (n,): the row of each architecture, -1 for those that are not among the cells."""
        return self._index.rows(self._key(archs))

    def visit(self, runs: np.ndarray, archs: Archs) -> None:
        """Remember that each of `runs` has seen its architecture."""
        for run, row in zip(runs.tolist(), self.rows(archs).tolist(), strict=True):
            if row >= 0:
                self._seen[run].append(row)

    def at(self, archs: Archs):
        """Return the points of architectures, float32 tensor (n, D); those outside are embedded now."""
        import torch

        rows = self.rows(archs)
        found = self.points[torch.as_tensor(np.maximum(rows, 0), device=self.device)]
        outside = np.flatnonzero(rows < 0)
        if len(outside):
            found[outside] = torch.as_tensor(self.embed(archs[outside]), device=self.device)
        return found

    def nearest(self, runs: np.ndarray, points, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Return the `k` nearest cells (by Euclidean distance) that each run has not seen, nearest first.

        runs: int (R,), none twice. points: float32 tensor (R, D). Returns (runs, rows), both int64 (n,), run
        after run; n is less than R * k where fewer cells are left.
        """
        import torch

        k, found_runs, found_rows = min(k, len(self.archs)), [], []
        for run, point in zip(
            runs.tolist(), points, strict=True
        ):  # one by one, so that runs are apart to the bit
            distance = self._squares - 2 * (self.points @ point)  # (N,), less the point's own square
            distance[self._seen[run]] = torch.inf
            value, row = distance.topk(k, largest=False)
            row = row[torch.isfinite(value)]
            found_runs.append(np.full(len(row), run))
            found_rows.append(row.cpu().numpy())
        return np.concatenate(found_runs), np.concatenate(found_rows)


def embedding(context: Context, settings: LatentSettings) -> Embed:
    """Return what embeds cells by the autoencoder that the settings name, a block of cells at a time."""
    from pipeline.autoencoders.reading import load_latents

    name = settings.latents
    encoder = load_latents(name, Resources(context.latents).autoencoder(name), context.device)
    width = encoder.vae.fc_mu.out_features

    def embed(archs: Archs) -> np.ndarray:
        parts = []
        for start in range(0, len(archs), EMBEDDED_AT_ONCE):
            mu = encoder.embed(archs[start : start + EMBEDDED_AT_ONCE])  # (n, vertices * width)
            if settings.point == "mean":
                mu = mu.reshape(len(mu), -1, width).mean(axis=1)
            parts.append(mu)
        return np.concatenate(parts)

    return embed
