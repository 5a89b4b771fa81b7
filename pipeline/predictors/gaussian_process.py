"""A Gaussian process on the latents of autoencoders; thesis, section 4.4."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.predictors.on_latents import Regressor, ScaledSettings

REGRESSES_ACCURACY = True


class Settings(ScaledSettings):
    """Settings of the process.

    The defaults are scikit-learn's at the time of the thesis: a fixed kernel of length 1 and variance 1,
    labels without noise and with mean 0 (since version 1.9 it fits the kernel, as `optimise` does). With
    them a cell that is far from all training cells gets accuracy 0; standardised targets, and `optimise`, or
    a longer length_scale and some noise, do much better.
    """

    kernel: Literal["rbf", "matern"] = Field("rbf", description="squared exponential, or Matern")
    length_scale: float = Field(1.0, gt=0, le=1e6, description="distance over which accuracies are alike")
    nu: Literal[0.5, 1.5, 2.5] = Field(2.5, description="smoothness of the Matern kernel")
    noise: float = Field(
        1e-10, gt=0, le=1e3, description="variance of the labels' noise, of targets as they are trained on"
    )
    optimise: bool = Field(
        False, description="fit variance, length and noise to the training cells by their likelihood"
    )
    restarts: int = Field(0, ge=0, le=100, description="further starts of that fit, drawn at random")


class Predictor(Regressor):
    """Accuracy regressed by the posterior's mean; memory goes with the square of the training cells."""

    def estimator(self, threads: int):
        """Return the process."""
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

        # scales that end at their bounds (no noise, a feature space of one length) are answers like others
        warnings.filterwarnings("ignore", category=ConvergenceWarning, module="sklearn.gaussian_process")
        s, bounds = self.settings, (1e-5, 1e5) if self.settings.optimise else "fixed"
        shape = RBF(s.length_scale, bounds) if s.kernel == "rbf" else Matern(s.length_scale, bounds, nu=s.nu)
        kernel, alpha = ConstantKernel(1.0, bounds) * shape, s.noise
        if s.optimise:
            kernel, alpha = kernel + WhiteKernel(max(s.noise, 1e-8), (1e-8, 1e3)), 1e-10
        return GaussianProcessRegressor(
            kernel,
            alpha=alpha,
            optimizer="fmin_l_bfgs_b" if s.optimise else None,
            n_restarts_optimizer=s.restarts,
            random_state=self.seed % 2**32,
        )
