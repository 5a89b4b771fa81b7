"""Predictor-guided search (GATES, algorithm 1): train a predictor, search under it, evaluate what it finds.

For every cell that is to be evaluated an inner search of its own spends `steps` predictions, and its best
unseen cell is taken. Inner searches: `evolution`, which ages (each step mutates the best of `parents` members
drawn from the latest `population` cells), `annealing` (a mutation that is worse is accepted with probability
exp(difference / temperature), the temperature falls step by step), or `sample`, the best of so many random
cells, as in section 6.6 of the paper.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from pipeline.search.context import Context
from pipeline.search.retraining import Retrained, RetrainedSettings
from pipeline.spaces.archs import Archs

SCORES_AT_ONCE = {"inner": "sample"}


class Settings(RetrainedSettings):
    """Settings of predictor-guided search; the defaults are those of the authors' inner searches."""

    inner: Literal["evolution", "annealing", "sample"] = Field(
        "evolution", description="how cells are looked for under a trained predictor"
    )
    steps: int = Field(200, ge=1, le=1_000_000, description="cells that are scored for one that is evaluated")
    population: int = Field(20, ge=1, le=100_000, description="evolution: latest cells that may be parents")
    parents: int = Field(5, ge=1, le=100_000, description="evolution: members drawn for one mutation")
    temperature: float = Field(
        1000.0, gt=0, le=1e9, description="annealing: at the start, in the score's unit"
    )
    cooling: float = Field(0.95, gt=0, le=1, description="annealing: factor of the temperature at each step")


class Strategy(Retrained):
    """Predictor-guided search (see `pipeline.search.loop` for the protocol)."""

    def __init__(self, settings: Settings, context: Context):
        super().__init__(settings, context)
        self.rngs = context.generators("inner search")

    def proposals(self, run: int, predictor, n: int) -> Archs:
        """Let `n` inner searches run side by side; return the best cell of each that no one has asked for."""
        rng = self.rngs[run]
        inner = {"evolution": self._evolved, "annealing": self._annealed, "sample": self._sampled}
        archs, scores = inner[self.settings.inner](n, predictor.predict, rng)  # steps * n, (steps, n)
        keys = self.space.cell_key(archs).reshape(scores.shape)
        measured = self.space.cell_key(self.evaluated(run)[0])
        taken, chosen = set(measured.tolist()), []
        for column in range(n):
            for step in np.argsort(-scores[:, column], kind="stable"):
                if int(keys[step, column]) not in taken:
                    taken.add(int(keys[step, column]))
                    chosen.append(step * n + column)
                    break
        return self.filled(archs[np.array(chosen, dtype=np.int64)], measured, n, rng)

    def _sampled(self, n: int, predict, rng: np.random.Generator) -> tuple[Archs, np.ndarray]:
        steps = min(self.settings.steps, self.space.size)
        drawn = Archs.concatenate([self.space.draw(steps, rng) for _ in range(n)])
        archs = drawn[np.arange(n * steps).reshape(n, steps).T.reshape(-1)]  # step by step
        return archs, _finite(predict(archs)).reshape(steps, n)

    def _evolved(self, n: int, predict, rng: np.random.Generator) -> tuple[Archs, np.ndarray]:
        s, chain = self.settings, np.arange(n)
        first = min(s.population, s.steps)
        steps, scores = [self._start(n, rng) for _ in range(first)], np.empty((s.steps, n))
        scores[:first] = _finite(predict(Archs.concatenate(steps))).reshape(first, n)
        for step in range(first, s.steps):
            drawn = rng.integers(step - first, step, size=(s.parents, n))
            best = drawn[scores[drawn, chain].argmax(axis=0), chain]
            parents = Archs.concatenate([steps[t][i] for i, t in enumerate(best)])
            steps.append(self.space.mutate(parents, rng))
            scores[step] = _finite(predict(steps[-1]))
        return Archs.concatenate(steps), scores

    def _annealed(self, n: int, predict, rng: np.random.Generator) -> tuple[Archs, np.ndarray]:
        s, steps = self.settings, [self._start(n, rng)]
        scores = [_finite(predict(steps[0]))]
        here, height, temperature = steps[0], scores[0], s.temperature
        for _ in range(1, s.steps):
            steps.append(self.space.mutate(here, rng))
            scores.append(_finite(predict(steps[-1])))
            accepted = np.log(rng.random(n)) * temperature < scores[-1] - height
            both = Archs.concatenate([here, steps[-1]])
            here = both[np.arange(n) + n * accepted]
            height = np.where(accepted, scores[-1], height)
            temperature *= s.cooling
        return Archs.concatenate(steps), np.stack(scores)

    def _start(self, n: int, rng: np.random.Generator) -> Archs:
        """Return `n` random cells, one a chain; they may be equal."""
        return Archs.concatenate([self.space.draw(1, rng) for _ in range(n)])


def _finite(scores: np.ndarray) -> np.ndarray:
    """Return float64 (n,); what is no number counts as the lowest score."""
    return np.nan_to_num(np.asarray(scores, np.float64), nan=-1e300, posinf=1e300, neginf=-1e300)
