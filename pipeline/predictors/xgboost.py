"""Gradient-boosted trees on the flat encoding (`pipeline.encodings.flat`), latents and zero-shot scores.

On the flat encoding: a baseline of many comparisons (White et al. 2021, "How Powerful are Performance
Predictors in NAS?"), what counts and one-hot operations tell without a learned view of graphs. Latents and
scores of untrained networks can be features, too; where a score is missing and `missing` is impute, each
split learns which side such cells go to.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from pipeline.benchmarks.boosting import fit_booster, predict
from pipeline.benchmarks.surrogate_settings import BoostingSettings
from pipeline.encodings.flat import flat_features
from pipeline.predictors.on_latents import LatentNames, Latents, Regressor
from pipeline.predictors.on_scores import ScoreFeatures, ScoreInputs
from pipeline.predictors.resources import Resources
from pipeline.predictors.targets import Ranks, Standardised
from pipeline.spaces.archs import Archs

REGRESSES_ACCURACY = {"targets": "accuracy"}


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
    flat_encoding: bool = Field(True, description="whether the flat encoding is among the features")
    latents: LatentNames | None = Field(
        None, description="which of `autoencoders` add their latents to the features: a name, or a list"
    )

    @model_validator(mode="after")
    def _some_features(self):
        if not (self.flat_encoding or self.latents or self.zeroshot):
            raise ValueError("there are no features: flat_encoding is false; give latents or zeroshot")
        return self


class Features:
    """What the trees see of cells; the last cells' features are kept."""

    def __init__(self, settings: Settings, resources: Resources, device):
        self.flat = settings.flat_encoding
        self.latents = Latents(settings.latents, resources, device) if settings.latents else None
        self.scores = ScoreFeatures(settings, resources)
        self._last: tuple[Archs, np.ndarray] | None = None

    def of(self, archs: Archs) -> np.ndarray:
        """Return (N, features), the flat encoding first and the scores, as the file has them, last.

        float64 where there are scores, whose range may be enormous; else float32.
        """
        if self._last is None or self._last[0] is not archs:
            parts = [flat_features(archs)] if self.flat else []
            parts += [self.latents.of(archs)] if self.latents else []
            parts += [self.scores.values(archs)] if self.scores.metrics else []
            self._last = archs, np.hstack(parts)
        return self._last[1]


class Trees:
    """Boosted trees as an estimator; the form of zero-shot scores is learned from the training cells, too."""

    def __init__(self, settings: Settings, seed: int, threads: int, scores: ScoreFeatures):
        self.settings, self.seed, self.threads, self.scores = settings, seed, threads, scores
        self.booster = None

    def fit(self, x: np.ndarray, y: np.ndarray) -> Trees:
        """Train on features (N, F + M), M scores last, and targets float (N,)."""
        self.scores.learn(x[:, x.shape[1] - len(self.scores.metrics) :])
        self.booster = fit_booster(self._formed(x), y, self.settings, self.seed, self.threads)
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the predicted targets, float64 (N,)."""
        return predict(self.booster, self._formed(x))

    def _formed(self, x: np.ndarray) -> np.ndarray:
        others = x.shape[1] - len(self.scores.metrics)
        return np.hstack([x[:, :others].astype(np.float32), self.scores.form(x[:, others:])])


class RanksAlone(Ranks):
    """Ranks that stay ranks: beyond what the training cells reached, trees still tell good from better."""

    def back(self, predicted: np.ndarray) -> np.ndarray:
        """Return the ranks themselves."""
        return predicted


class Predictor(Regressor):
    """Ranks or accuracies regressed on the features; `fit` and `predict` as in scikit-learn.

    A score is the accuracy as a fraction where the targets are accuracies; else about -1 for the worst of the
    training cells and 1 for the best.
    """

    @classmethod
    def features_of(cls, settings: Settings, resources: Resources, device) -> Features:
        """Return the encodings that the settings name."""
        return Features(settings, resources, device)

    def target_of(self, y: np.ndarray):
        """Return how accuracies become targets of the order of 1, and back."""
        return (RanksAlone if self.settings.targets == "ranks" else Standardised)(y)

    def estimator(self, threads: int) -> Trees:
        """Return the trees."""
        return Trees(self.settings, self.seed, threads, ScoreFeatures(self.settings, self.resources))
