"""Predictor-based search: train a predictor on what was evaluated, evolve under it, evaluate the best.

The flow is algorithm 1 of GATES (section 3); the way in which the predictor proposes cells is the
evolution of ReNAS (algorithm 1), whose first parents are here the cells with the best measured accuracy.
`rounds` = 1 trains the predictor once, on the initial cells; more rounds share the budget evenly and
train it again on everything that the run has evaluated by then.

With few labels a predictor is right about cells like those that it has seen and wrong about its own
favourites: many generations find what it overrates, all of one kind. So one generation is the default.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from pipeline.search.context import Context
from pipeline.search.evolution import evolve, sort
from pipeline.search.retraining import Retrained, RetrainedSettings
from pipeline.spaces.archs import Archs

SCORES_AT_ONCE = {"generations": 0}


class Settings(RetrainedSettings):
    """Settings of predictor-based evolution."""

    population: int = Field(
        200,
        ge=2,
        le=1_000_000,
        description="random cells to start with, and how many of the fittest are parents",
    )
    generations: int = Field(
        1,
        ge=0,
        le=100_000,
        description="0: only random cells are ranked; 1: also children of the cells with the best measured "
        "accuracy; more: then children of those with the best predicted one",
    )
    tournament: int = Field(
        5, ge=1, le=100_000, description="parents drawn for one tournament, with replacement"
    )
    crossover: float = Field(
        0.5, ge=0, le=1, description="share of children that have two parents; others: mutation"
    )
    children: int | None = Field(
        None, ge=1, le=1_000_000, description="children a generation; null: as many as `population`"
    )
    parents: Literal["measured", "drawn"] = Field(
        "measured",
        description="of the first generation: the measured cells, or the best predicted of the random ones, "
        "as in ReNAS",
    )


class Strategy(Retrained):
    """Predictor-based evolution, all runs at once (see `pipeline.search.loop` for the protocol)."""

    def __init__(self, settings: Settings, context: Context):
        super().__init__(settings, context)
        self.rngs = context.generators("evolution")

    def proposals(self, run: int, predictor, n: int) -> Archs:
        """Evolve under a predictor; return `n` cells that the run has not asked for."""
        s, rng = self.settings, self.rngs[run]
        archs, scores = self.evaluated(run)
        measured = sort(archs, self.space.cell_key(archs), scores)
        drawn = self.space.draw(min(s.population, self.space.size), rng)
        how = (s.generations, s.population, s.tournament, s.crossover, s.children, s.parents == "measured")
        ranking = evolve(self.space, measured, drawn, predictor.predict, rng, *how)
        unseen = ~np.isin(ranking.keys, measured.keys)
        best = ranking.archs[np.flatnonzero(unseen)[:n]]
        return self.filled(best, measured.keys, n, rng)
