"""Random forests whose predictions do not depend on the number of threads, and their settings."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from pydantic import Field

from pipeline.settings import Settings


class ForestSettings(Settings):
    """Settings of a forest; scikit-learn's defaults unless said otherwise."""

    n_estimators: int = Field(200, ge=1, le=100_000, description="trees; the thesis' are 100 and 1000")
    max_features: float = Field(
        1.0,
        gt=0,
        le=10_000,
        description="features that a split looks at: up to 1 a share of them, above that their number",
    )
    min_samples_leaf: int = Field(1, ge=1, le=1000, description="training cells in a leaf")
    max_depth: int | None = Field(None, ge=1, le=1000, description="splits between root and leaf; null: any")


class Forest:
    """scikit-learn's forest, whose predictions do not depend on the number of threads either.

    Its own threads add up the trees in the order in which they finish, so that rounding varies.
    """

    def __init__(self, threads: int, **options):
        from sklearn.ensemble import RandomForestRegressor

        self.threads, self.forest = threads, RandomForestRegressor(n_jobs=threads, **options)

    def fit(self, x: np.ndarray, y: np.ndarray) -> Forest:
        """Grow the trees; each has a random stream of its own."""
        self.forest.fit(x, y).set_params(n_jobs=1)
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the mean over trees, float64 (N,); threads share the rows."""
        parts = [part for part in np.array_split(x, self.threads) if len(part)]
        with ThreadPoolExecutor(self.threads) as pool:
            return np.concatenate(list(pool.map(self.forest.predict, parts)))


def forest_of(settings: ForestSettings, threads: int, seed: int) -> Forest:
    """Return an untrained forest."""
    return Forest(
        threads,
        n_estimators=settings.n_estimators,
        max_features=settings.max_features if settings.max_features <= 1 else round(settings.max_features),
        min_samples_leaf=settings.min_samples_leaf,
        max_depth=settings.max_depth,
        random_state=seed % 2**32,
    )
