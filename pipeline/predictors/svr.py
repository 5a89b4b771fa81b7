"""A support vector machine that regresses accuracy on the latents of autoencoders; thesis, section 4.4."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.predictors.on_latents import Regressor, ScaledSettings

REGRESSES_ACCURACY = True


class Settings(ScaledSettings):
    """Settings of the machine.

    The defaults are scikit-learn's, as in the thesis. Its epsilon of 0.1 is ten points of accuracy: nearly
    all cells are within, and the few that failed to train decide. With standardised targets it is a tenth of
    the labels' deviation.
    """

    kernel: Literal["rbf", "linear", "poly", "sigmoid"] = Field("rbf", description="similarity of two cells")
    C: float = Field(1.0, gt=0, le=1e9, description="weight of the errors against smoothness")
    epsilon: float = Field(0.1, ge=0, le=10, description="error that costs nothing, in units of the targets")
    gamma: Literal["scale", "auto"] | float = Field(
        "scale",
        description="1 / squared width of the kernel; scale: 1 / (features * variance), auto: 1 / features",
    )


class Predictor(Regressor):
    """Accuracy regressed by a sum over support vectors. Nothing in it is random: seeds do nothing."""

    def estimator(self, threads: int):
        """Return the machine."""
        from sklearn.svm import SVR

        s = self.settings
        return SVR(kernel=s.kernel, C=s.C, epsilon=s.epsilon, gamma=s.gamma)
