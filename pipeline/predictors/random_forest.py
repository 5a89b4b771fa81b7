"""A random forest on the latents of an autoencoder (arch2vec, info-NAS); thesis, section 4.4."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from pydantic import Field

from pipeline import settings as base
from pipeline.predictors.resources import Resources
from pipeline.spaces.archs import Archs


class Settings(base.Settings):
    """Settings of the forest; scikit-learn's defaults unless said otherwise."""

    latents: str = Field(description="which of `autoencoders` the features come from")
    n_estimators: int = Field(200, ge=1, le=100_000, description="trees")
    max_features: float = Field(1.0, gt=0, le=1, description="share of the features that a split looks at")
    min_samples_leaf: int = Field(1, ge=1, le=1000, description="training cells in a leaf")


class Predictor:
    """Accuracy regressed on the latents; `fit` and `predict` as in scikit-learn."""

    def __init__(self, settings: Settings, resources: Resources, seed: int = 0, device="cpu"):
        self.settings, self.resources, self.seed, self.device = settings, resources, seed, device
        self.forest = None

    @cached_property
    def encoder(self):
        """The autoencoder's encoder, read once."""
        from pipeline.autoencoders.reading import load_encoder

        return load_encoder(self.resources.autoencoder(self.settings.latents), self.device)

    def fit(self, archs: Archs, scores, unlabelled: Archs | None = None) -> Predictor:
        """Train on `archs` with accuracies `scores`, float (N,). Unlabelled cells are not used."""
        from sklearn.ensemble import RandomForestRegressor

        self.forest = RandomForestRegressor(
            n_estimators=self.settings.n_estimators,
            max_features=self.settings.max_features,
            min_samples_leaf=self.settings.min_samples_leaf,
            random_state=self.seed % 2**32,
            n_jobs=1,
        )
        self.forest.fit(self.encoder.embed(archs), np.asarray(scores, np.float64))
        return self

    def predict(self, archs: Archs) -> np.ndarray:
        """Return the predicted accuracy of each cell, float32 (N,), as a fraction."""
        if self.forest is None:
            raise ValueError("random_forest: predict before fit")
        return self.forest.predict(self.encoder.embed(archs)).astype(np.float32)
