"""A random forest on the latents of an autoencoder (arch2vec, info-NAS); thesis, section 4.4."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from pipeline import settings as base
from pipeline.predictors.replicates import check_labels
from pipeline.predictors.resources import Resources
from pipeline.spaces.archs import Archs


class Settings(base.Settings):
    """Settings of the forest; scikit-learn's defaults unless said otherwise."""

    latents: str = Field(description="which of `autoencoders` the features come from")
    n_estimators: int = Field(200, ge=1, le=100_000, description="trees")
    max_features: float = Field(1.0, gt=0, le=1, description="share of the features that a split looks at")
    min_samples_leaf: int = Field(1, ge=1, le=1000, description="training cells in a leaf")


class Latents:
    """The features of cells. The encoder is read at first use, and the last cells' features are kept."""

    def __init__(self, settings: Settings, resources: Resources, device):
        self.path, self.device = resources.autoencoder(settings.latents), device
        self._encoder = None
        self._last: tuple[Archs, np.ndarray] | None = None

    def of(self, archs: Archs) -> np.ndarray:
        """Return float32 (N, features)."""
        from pipeline.autoencoders.reading import load_encoder

        if self._encoder is None:
            self._encoder = load_encoder(self.path, self.device)
        if self._last is None or self._last[0] is not archs:
            self._last = archs, self._encoder.embed(archs)
        return self._last[1]


class Predictor:
    """Accuracy regressed on the latents; `fit` and `predict` as in scikit-learn."""

    def __init__(self, settings: Settings, resources: Resources, seed: int = 0, device="cpu"):
        self.settings, self.resources, self.seed, self.device = settings, resources, seed, device
        self.latents = Latents(settings, resources, device)
        self.forest = None

    def fit(self, archs: Archs, scores, unlabelled: Archs | None = None) -> Predictor:
        """Train on `archs` with accuracies `scores`, float (N,). Unlabelled cells are not used."""
        scores = np.asarray(scores, np.float64)
        check_labels(scores, np.arange(len(archs))[None])
        return self._grow(self.latents.of(archs), scores)

    @classmethod
    def fit_many(
        cls,
        settings: Settings,
        resources: Resources,
        archs: Archs,
        scores,
        subsets: np.ndarray,
        seeds: Sequence[int],
        device="cpu",
    ) -> list[Predictor]:
        """Train R forests that share one encoder; see `pipeline.predictors.replicates.fit_replicates`."""
        latents, scores = Latents(settings, resources, device), np.asarray(scores, np.float64)
        used, position = np.unique(subsets, return_inverse=True)
        features = latents.of(archs[used])[position.reshape(np.shape(subsets))]  # (R, n, features)
        fitted = []
        for rows, x, seed in zip(subsets, features, seeds, strict=True):
            fitted.append(cls(settings, resources, seed, device))
            fitted[-1].latents = latents
            fitted[-1]._grow(x, scores[rows])
        return fitted

    def _grow(self, features: np.ndarray, scores: np.ndarray) -> Predictor:
        from sklearn.ensemble import RandomForestRegressor

        self.forest = RandomForestRegressor(
            n_estimators=self.settings.n_estimators,
            max_features=self.settings.max_features,
            min_samples_leaf=self.settings.min_samples_leaf,
            random_state=self.seed % 2**32,
            n_jobs=1,
        ).fit(features, scores)
        return self

    def predict(self, archs: Archs) -> np.ndarray:
        """Return the predicted accuracy of each cell, float32 (N,), as a fraction."""
        if self.forest is None:
            raise ValueError("random_forest: predict before fit")
        return self.forest.predict(self.latents.of(archs)).astype(np.float32)
