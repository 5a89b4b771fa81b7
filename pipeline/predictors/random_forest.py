"""A random forest on the latents of autoencoders (arch2vec, info-NAS); thesis, section 4.4."""

from __future__ import annotations

from pipeline.predictors.forest import Forest, ForestSettings, forest_of
from pipeline.predictors.on_latents import LatentSettings, Regressor

REGRESSES_ACCURACY = True


class Settings(ForestSettings, LatentSettings):
    """Settings of the forest, and of what it reads."""


class Predictor(Regressor):
    """Accuracy regressed by a mean over trees."""

    def estimator(self, threads: int) -> Forest:
        """Return the forest."""
        return forest_of(self.settings, threads, self.seed)
