"""One zero-shot score as it is: the baseline that learns nothing (synflow, parameters, …).

What a predictor adds to it is what its labels are worth (Abdelfattah et al. 2021).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from pipeline import settings as base
from pipeline.predictors.on_scores import open_scores
from pipeline.predictors.resources import Resources
from pipeline.spaces.archs import Archs


class Settings(base.Settings):
    """Which score."""

    zeroshot: str = Field(description="which of zeroshot.metrics ranks the cells")
    sign: Literal[1, -1] = Field(1, description="1: higher is better; -1: lower is better")


class Predictor:
    """A cell's place among all scored cells; `fit` and `predict` as in scikit-learn."""

    def __init__(self, settings: Settings, resources: Resources, seed: int = 0, device="cpu"):
        self.settings = settings
        self.stored = open_scores(resources)
        scores = settings.sign * self.stored.column(settings.zeroshot)
        self._sorted = np.sort(scores[~np.isnan(scores)])

    def fit(self, archs: Archs, scores, unlabelled: Archs | None = None) -> Predictor:
        """Learn nothing: the order is the score's."""
        return self

    def predict(self, archs: Archs) -> np.ndarray:
        """Return the share of scored cells that are no better, float32 (N,); 0 where the score is missing.

        Raises DataError for a cell that was not scored at all.
        """
        scores = self.settings.sign * self.stored.arch(archs, [self.settings.zeroshot])[:, 0]
        place = np.searchsorted(self._sorted, scores, side="right") / max(len(self._sorted), 1)
        return np.where(np.isnan(scores), 0.0, place).astype(np.float32)
