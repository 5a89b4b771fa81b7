"""Bayesian optimisation: a Gaussian process over cells; the cell that promises most is asked for next.

Every cell of a space that can be listed is a candidate; in larger ones a draw, and in each step mutations of
the best cells so far. Cells are points: by default their own features (`pipeline.search.geometry`), or an
autoencoder's latents, as in arch2vec-BO (Yan et al. 2020), or zero-shot scores beside the features.

Accuracies of good cells lie close together and those of bad ones far away, so the process learns
-log(best + margin - accuracy), which spreads what matters. What is asked for has the highest expected
improvement on the best mean of what is known, since the best label may just be lucky.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator
from scipy.special import ndtri
from scipy.stats import rankdata

from pipeline import settings as base
from pipeline.errors import ConfigError
from pipeline.randomness import rng
from pipeline.search.context import Context
from pipeline.search.gaussian import Posterior, expected_improvement
from pipeline.search.geometry import feature_points, latent_points
from pipeline.spaces.archs import Archs
from pipeline.spaces.lookup import KeyIndex


class Settings(base.Settings):
    """Settings of Bayesian optimisation."""

    latents: str | None = Field(
        None, description="which of `autoencoders` embeds the cells; null: points are the cells' own features"
    )
    point: Literal["mean", "flat"] = Field(
        "flat", description="latents: all of a cell's vertices in a row, or their mean"
    )
    zeroshot: list[str] = Field([], description="scores of untrained networks beside the cells' own features")
    length: float = Field(
        3.0,
        gt=0,
        le=1000,
        description="of the kernel; two random cells are 1.4 apart in each group of features",
    )
    noise: float = Field(0.05, gt=0, le=10, description="variance of labels' noise; that of targets is 1")
    targets: Literal["log", "ranks"] = Field(
        "log", description="what is regressed: -log(best + margin - accuracy), or normal scores of ranks"
    )
    margin: float = Field(
        0.005, gt=0, le=1, description="differences of accuracy that hardly matter at the top"
    )
    batch: int = Field(1, ge=1, le=10_000, description="cells asked for before any of them is known")
    n_candidates: int = Field(
        50_000,
        ge=2,
        le=10_000_000,
        description="cells to choose among; a space of no more is taken whole (4 bytes for each, times "
        "`search.budget`, in each of five runs at a time)",
    )
    n_mutations: int = Field(
        500, ge=1, le=1_000_000, description="of the best cells, at each step, where not all are candidates"
    )

    @model_validator(mode="after")
    def _one_kind_of_points(self):
        if self.latents is not None and self.zeroshot:
            raise ValueError(
                "latents and zeroshot: scores stand beside the cells' own features; take one of both"
            )
        return self


class Strategy:
    """Bayesian optimisation, run by run (see `pipeline.search.loop` for the protocol)."""

    def __init__(self, settings: Settings, context: Context):
        """Make points of the candidates. Raises ConfigError if they are fewer than the budget."""
        self.settings, self.space = settings, context.space
        cells = context.space.cells
        self.all_there = cells is not None and len(cells) <= settings.n_candidates
        if not self.all_there:
            if settings.n_candidates < context.budget:
                raise ConfigError(
                    f"strategies: n_candidates is {settings.n_candidates}, less than search.budget = "
                    f"{context.budget}; raise n_candidates"
                )
            cells = context.space.draw(settings.n_candidates, rng(context.common_seed, "candidates"))
        self.candidates, self.keys = cells, context.space.cell_key(cells)
        self._index = KeyIndex(self.keys)
        if settings.latents is None:
            of = feature_points(context, cells, settings.zeroshot)
        else:
            of = latent_points(context, cells, settings)
        scale = np.float32(1 / settings.length)
        self.points = lambda archs: of(archs) * scale
        self.placed = self.points(cells)  # the candidates' points
        most = context.budget + settings.batch
        self.runs = [_Run(Posterior(self.placed, settings.noise, most)) for _ in range(context.n_runs)]
        self.rngs = context.generators("mutations")

    def ask(self, left: np.ndarray) -> tuple[np.ndarray, Archs]:
        """Propose, for each run, the cells that promise most."""
        runs = np.flatnonzero(left > 0)
        parts = [self._best(self.runs[run], run, min(self.settings.batch, int(left[run]))) for run in runs]
        return np.repeat(runs, [len(part) for part in parts]), Archs.concatenate(parts)

    def tell(self, runs: np.ndarray, archs: Archs, scores: np.ndarray) -> None:
        """Learn accuracies."""
        keys = self.space.cell_key(archs)
        rows = self._index.rows(keys)
        points = self.placed[np.maximum(rows, 0)]
        if (rows < 0).any():
            points[rows < 0] = self.points(archs[rows < 0])
        for i, run in enumerate(runs.tolist()):
            known = self.runs[run]
            known.posterior.add(points[i])
            known.cells.append(archs[i])
            known.scores.append(scores[i])
            known.keys.add(int(keys[i]))
            if rows[i] >= 0:
                known.rows.append(rows[i])

    def _best(self, known: _Run, run: int, n: int) -> Archs:
        """Return `n` different unseen cells. Each of a batch is chosen as if the others' means came true."""
        targets = self._targets(np.array(known.scores))
        bar = known.posterior.at_known(targets).max()
        mean, state = known.posterior.mean(targets), known.posterior.state()
        near = None if self.all_there else self._near(known, self.rngs[run])
        chosen: list[Archs] = []
        taken = set(known.keys)
        for _ in range(n):
            gain = expected_improvement(mean, known.posterior.variance, bar)
            gain[known.rows] = -np.inf
            best, most = self.candidates[int(gain.argmax())], gain.max()
            if near is not None and len(near):
                fresh = near[~np.isin(self.space.cell_key(near), np.array(sorted(taken), np.uint64))]
                if len(fresh):
                    also = expected_improvement(*known.posterior.at(self.points(fresh), targets), bar)
                    best = fresh[int(also.argmax())] if also.max() > most else best
            chosen.append(best)
            if len(chosen) < n:
                key = self.space.cell_key(best)
                taken.add(int(key[0]))
                known.rows += [row for row in self._index.rows(key).tolist() if row >= 0]
                known.posterior.add(self.points(best)[0])
        known.posterior.back_to(state)
        return Archs.concatenate(chosen)

    def _near(self, known: _Run, rng: np.random.Generator) -> Archs:
        """Return valid mutations of the ten best cells that the run has asked for."""
        order = np.argsort(-np.nan_to_num(known.scores, nan=-1.0), kind="stable")[:10]
        parents = Archs.concatenate([known.cells[i] for i in order])
        found = self.space.mutate(parents[rng.integers(len(parents), size=self.settings.n_mutations)], rng)
        return found[self.space.validate(found)]

    def _targets(self, scores: np.ndarray) -> np.ndarray:
        """Return targets, float64 (n,), mean 0 and variance 1; a failed network is as bad as the worst."""
        worst = np.nanmin(scores) if not np.isnan(scores).all() else 0.0
        scores = np.where(np.isnan(scores), worst, scores)
        if self.settings.targets == "ranks":
            targets = ndtri((rankdata(scores) - 0.5) / len(scores))
        else:
            targets = -np.log(scores.max() + self.settings.margin - scores)
        return (targets - targets.mean()) / (targets.std() or 1)


class _Run:
    """What one run knows. rows: candidates that it has asked for."""

    def __init__(self, posterior: Posterior):
        self.posterior = posterior
        self.cells: list[Archs] = []
        self.scores: list[float] = []
        self.keys: set[int] = set()
        self.rows: list[int] = []
