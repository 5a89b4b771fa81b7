"""Ridge regression on the latents of autoencoders: the plain baseline of what is linear in them."""

from __future__ import annotations

from pydantic import Field

from pipeline.predictors.on_latents import Regressor, ScaledSettings

REGRESSES_ACCURACY = True


class Settings(ScaledSettings):
    """Settings of the regression."""

    alpha: float = Field(
        1.0, ge=0, le=1e9, description="penalty on the squared coefficients; 0: linear regression"
    )
    standardise_latents: bool = Field(
        True, description="mean 0 and deviation 1 of each feature over the training cells"
    )


class Predictor(Regressor):
    """Accuracy regressed by a weighted sum of latents. Nothing in it is random: seeds do nothing."""

    def estimator(self, threads: int):
        """Return the regression. Without a penalty it is the least-squares solution of least norm."""
        from sklearn.linear_model import LinearRegression, Ridge

        alpha = self.settings.alpha
        return Ridge(alpha=alpha, solver="cholesky") if alpha else LinearRegression()
