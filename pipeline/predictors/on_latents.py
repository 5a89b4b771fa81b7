"""What regressors on the latents of autoencoders share: features, replicates, scales; thesis, section 4.4."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from pipeline import settings as base
from pipeline.predictors.replicates import checked_labels, method_of
from pipeline.predictors.resources import Resources
from pipeline.predictors.targets import TARGETS, mean_and_deviation
from pipeline.spaces.archs import Archs

ROWS_AT_ONCE = (
    4096  # cells that are predicted in one go; a Gaussian process needs a number for each training cell
)


def _names(value: str | list[str]) -> str | list[str]:
    if isinstance(value, list) and (not value or len(set(value)) < len(value)):
        raise ValueError(f"expected a name, or different names in a list, got {value}")
    return value


LatentNames = Annotated[str | list[str], AfterValidator(_names)]


class LatentSettings(base.Settings):
    """Where the features come from, and what is regressed on them."""

    latents: LatentNames = Field(
        description="which of `autoencoders` the features come from: a name, or a list (joined)"
    )
    targets: Literal["accuracy", "standardised", "ranks"] = Field(
        "accuracy",
        description="what is regressed: accuracies as they are, with mean 0 and deviation 1, or as ranks, "
        "which the few trainings that diverge do not disturb; predictions are accuracies whatever it is",
    )


class ScaledSettings(LatentSettings):
    """For regressors that are not indifferent to the scale of features, as trees are."""

    standardise_latents: bool = Field(
        False, description="mean 0 and deviation 1 of each feature over the training cells"
    )


class Latents:
    """The features of cells. Encoders are read at first use, and the last cells' features are kept."""

    def __init__(self, names: str | Sequence[str], resources: Resources, device):
        names = [names] if isinstance(names, str) else names
        for name in names:  # what is missing is said now, not after an hour of something else
            resources.autoencoder(name)
        self.names, self.resources, self.device = names, resources, device
        self._encoders = None
        self._last: tuple[Archs, np.ndarray] | None = None

    def of(self, archs: Archs) -> np.ndarray:
        """Return float32 (N, features): mu of each cell, flattened over vertices; encoders side by side."""
        from pipeline.autoencoders.reading import load_latents

        if self._encoders is None:
            self._encoders = [
                load_latents(name, self.resources.autoencoder(name), self.device) for name in self.names
            ]
        if self._last is None or self._last[0] is not archs:
            self._last = archs, np.hstack([encoder.embed(archs) for encoder in self._encoders])
        return self._last[1]


class Regressor(ABC):
    """A regressor of accuracy on features of cells; `fit` and `predict` as in scikit-learn.

    A plug-in's `Predictor` says which estimator, and which features if they are not latents.
    """

    def __init__(
        self, settings, resources: Resources | None = None, seed: int = 0, device="cpu", features=None
    ):
        self.settings, self.resources, self.seed = settings, resources or Resources(), seed
        self.features = features or self.features_of(settings, self.resources, device)
        self.x_scale = None  # (means, deviations) of the features; None: they stay as they are
        self.target = None
        self.fitted = None

    @classmethod
    def features_of(cls, settings, resources: Resources, device):
        """Return what has `of(archs)` -> float32 (N, features)."""
        return Latents(settings.latents, resources, device)

    @abstractmethod
    def estimator(self, threads: int):
        """Return an untrained estimator: `fit(x, y)`, `predict(x)`. Threads must not change its results."""

    def fit(self, archs: Archs, scores, unlabelled: Archs | None = None) -> Regressor:
        """Train on `archs` with accuracies `scores`, float (N,). Unlabelled cells are not used."""
        scores = checked_labels(archs, scores)
        x = self.features.of(archs)
        with _one_thread():
            return self._fit(x, scores, self.resources.threads)

    @classmethod
    def fit_many(
        cls,
        settings,
        resources: Resources,
        archs: Archs,
        scores,
        subsets: np.ndarray,
        seeds: Sequence[int],
        device="cpu",
    ) -> list[Regressor]:
        """Train R regressors that share the features; see `pipeline.predictors.replicates.fit_replicates`.

        The job's threads train replicates side by side; what is left over goes to the estimators.
        """
        resources, scores = resources or Resources(), np.asarray(scores, np.float64)
        features = cls.features_of(settings, resources, device)
        used, position = np.unique(subsets, return_inverse=True)
        position = position.reshape(np.shape(subsets))  # (R, n)
        known = features.of(archs[used])
        made = [cls(settings, resources, seed, device, features) for seed in seeds]
        workers = max(1, min(resources.threads, len(made)))
        each = max(1, resources.threads // workers)

        def fit(replicate: int) -> Regressor:
            x, y = known[position[replicate]], scores[subsets[replicate]]
            return made[replicate]._fit(x, y, each)

        with _one_thread(), ThreadPoolExecutor(workers) as pool:
            return list(pool.map(fit, range(len(made))))

    def _fit(self, x: np.ndarray, y: np.ndarray, threads: int) -> Regressor:
        if getattr(self.settings, "standardise_latents", False):
            self.x_scale = mean_and_deviation(x.astype(np.float64))
        self.target = self.target_of(y)
        self.fitted = self.estimator(threads).fit(self._scaled(x), self.target.of(y))
        return self

    def target_of(self, y: np.ndarray):
        """Return how accuracies become targets and back (see `pipeline.predictors.targets`)."""
        return TARGETS[self.settings.targets](y)

    def predict(self, archs: Archs) -> np.ndarray:
        """Return the predicted accuracy of each cell, float32 (N,), as a fraction."""
        if self.fitted is None:
            raise ValueError(f"{method_of(type(self))}: predict before fit")
        if not len(archs):
            return np.zeros(0, np.float32)
        x = self.features.of(archs)
        parts = [x[start : start + ROWS_AT_ONCE] for start in range(0, len(x), ROWS_AT_ONCE)]
        with _one_thread():
            found = [self.fitted.predict(self._scaled(part)) for part in parts]
        return self.target.back(np.concatenate(found)).astype(np.float32)

    def _scaled(self, x: np.ndarray) -> np.ndarray:
        return x if self.x_scale is None else (x - self.x_scale[0]) / self.x_scale[1]


def _one_thread():
    """Keep linear algebra to one thread: its rounding, and so the result, depends on their number."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)
