"""Gradient boosting of regression trees on the latents of autoencoders; thesis, section 4.4."""

from __future__ import annotations

from pydantic import Field

from pipeline.predictors.on_latents import LatentSettings, Regressor

REGRESSES_ACCURACY = True


class Settings(LatentSettings):
    """Settings of the trees; the defaults are scikit-learn's, as in the thesis."""

    n_estimators: int = Field(100, ge=1, le=100_000, description="trees, one after another")
    learning_rate: float = Field(0.1, gt=0, le=1, description="share of each tree that counts")
    max_depth: int = Field(3, ge=1, le=100, description="splits between root and leaf")
    subsample: float = Field(
        1.0, gt=0, le=1, description="share of the training cells that a tree is grown on"
    )
    max_features: float = Field(1.0, gt=0, le=1, description="share of the features that a split looks at")
    min_samples_leaf: int = Field(1, ge=1, le=1000, description="training cells in a leaf")


class Predictor(Regressor):
    """Accuracy regressed by a sum over trees, squared error."""

    def estimator(self, threads: int):
        """Return the boosted trees, which are grown by one thread."""
        from sklearn.ensemble import GradientBoostingRegressor

        own = self.settings.model_dump(exclude={"latents", "targets"})
        return GradientBoostingRegressor(**own, random_state=self.seed % 2**32)
