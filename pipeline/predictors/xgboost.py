"""Gradient-boosted trees on the flat encoding of cells (`pipeline.encodings.flat`) and zero-shot scores.

A baseline of many comparisons (White et al. 2021, "How Powerful are Performance Predictors in NAS?"): what
counts and one-hot operations tell, without a learned view of graphs. Scores of untrained networks can be
features, too; where one is missing and `missing` is impute, each split learns which side such cells go to.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field
from scipy.stats import rankdata

from pipeline.benchmarks.boosting import fit_booster, predict
from pipeline.benchmarks.surrogate_settings import BoostingSettings
from pipeline.encodings.flat import flat_features
from pipeline.predictors.replicates import check_labels
from pipeline.predictors.resources import Resources
from pipeline.spaces.archs import Archs
from pipeline.zeroshot.features import ScoreFeatures, ScoreInputs


class Settings(BoostingSettings, ScoreInputs):
    """Settings of the trees. The defaults suit 100 to 1,000 training cells."""

    n_estimators: int = Field(500, ge=1, le=100_000, description="rounds of boosting")
    max_depth: int = Field(4, ge=1, le=20, description="splits between root and leaf")
    colsample_bytree: float = Field(0.5, gt=0, le=1, description="share of the features that a tree may use")
    min_child_weight: float = Field(2.0, ge=0, le=1e6, description="least number of cells in a leaf")
    targets: Literal["ranks", "accuracy"] = Field(
        "ranks",
        description="what the trees regress: ranks of the training cells, which a few cells that failed "
        "to train do not disturb, or their accuracies",
    )


class Predictor:
    """Ranks or accuracies regressed on the features; `fit` and `predict` as in scikit-learn."""

    def __init__(self, settings: Settings, resources: Resources, seed: int = 0, device="cpu"):
        self.settings, self.seed = settings, seed
        self.scores = ScoreFeatures(settings, resources)
        self.booster = None
        self.center, self.scale = 0.0, 1.0

    def fit(self, archs: Archs, scores, unlabelled: Archs | None = None) -> Predictor:
        """Train on `archs` with accuracies `scores`, float (N,). Unlabelled cells are not used."""
        scores = np.asarray(scores, np.float64)
        check_labels(scores, np.arange(len(archs))[None])
        if self.settings.targets == "ranks":
            targets = (2 * rankdata(scores) - 1) / len(scores) - 1  # from -1 to 1
        else:
            self.center, self.scale = float(scores.mean()), float(scores.std())
            targets = (scores - self.center) / self.scale
        self.scores.fit(archs)
        self.booster = fit_booster(self._features(archs), targets, self.settings, self.seed)
        return self

    def predict(self, archs: Archs) -> np.ndarray:
        """Return the score of each cell, float32 (N,), higher is better.

        It is the accuracy as a fraction where the targets are accuracies; else about -1 for the worst of the
        training cells and 1 for the best.
        """
        if self.booster is None:
            raise ValueError("xgboost: predict before fit")
        return (predict(self.booster, self._features(archs)) * self.scale + self.center).astype(np.float32)

    def _features(self, archs: Archs) -> np.ndarray:
        """Return float32 (N, F + M): the flat encoding, then the scores."""
        return np.concatenate([flat_features(archs), self.scores.of(archs)], axis=1)
