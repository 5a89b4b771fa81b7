"""Zero-shot scores of architectures as features of a predictor."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from pipeline import spaces
from pipeline.errors import DataError, UserError
from pipeline.predictors.resources import Resources
from pipeline.settings import Settings
from pipeline.spaces.archs import Archs
from pipeline.zeroshot.reading import ZeroShot


class ScoreInputs(Settings):
    """Which scores a predictor takes, and in what form."""

    zeroshot: list[str] = Field([], description="scores of untrained networks that are features, too")
    scores_as: Literal["ranks", "z"] = Field(
        "ranks",
        description="ranks among the training cells, from -1 to 1, which suit scores of any range; "
        "or z: deviations from their mean in standard deviations",
    )
    missing: Literal["refuse", "impute"] = Field(
        "refuse", description="cells that lack a score: an error, or filled in"
    )


class ScoreFeatures:
    """Scores put into a form that is learned from the training cells alone."""

    def __init__(self, inputs: ScoreInputs, resources: Resources):
        """Open the scores. Raises UserError if no file was given."""
        self.inputs, self.metrics = inputs, list(inputs.zeroshot)
        self._stored = open_scores(resources) if self.metrics else None
        self._sorted: list[np.ndarray] = []  # by metric: the training cells' values

    def fit(self, archs: Archs) -> ScoreFeatures:
        """Learn the form from the training cells.

        Raises DataError if one lacks a score and `missing` is "refuse", or if no cell has one.
        """
        return self.learn(self.values(archs))

    def learn(self, values: np.ndarray) -> ScoreFeatures:
        """Learn the form from the training cells' scores, float64 (N, M) with NaN; see `fit`."""
        self._sorted = [np.sort(column[~np.isnan(column)]) for column in values.T]
        for metric, known in zip(self.metrics, self._sorted, strict=True):
            if not len(known):
                raise DataError(
                    f"{self._stored.path}: no training cell has a {metric} score; "
                    "score more cells or leave it out"
                )
        return self

    def of(self, archs: Archs) -> np.ndarray:
        """Return float32 (N, M); NaN where a score is missing and `missing` is "impute"."""
        return self.form(self.values(archs))

    def form(self, values: np.ndarray) -> np.ndarray:
        """Return scores, float64 (N, M) with NaN, in the form that was learned: float32 (N, M)."""
        form = _ranks if self.inputs.scores_as == "ranks" else _deviations
        columns = [form(known, column) for known, column in zip(self._sorted, values.T, strict=True)]
        return np.stack(columns, axis=1).astype(np.float32) if columns else values.astype(np.float32)

    def values(self, archs: Archs) -> np.ndarray:
        """Return float64 (N, M) scores, as the file has them."""
        if self._stored is None:
            return np.zeros((len(archs), 0))
        values = self._stored.arch(archs, self.metrics, unscored=self.inputs.missing == "impute")
        lacking = np.isnan(values)
        if self.inputs.missing == "refuse" and lacking.any():
            row, column = np.argwhere(lacking)[0]
            raise DataError(
                f"{self._stored.path}: {lacking.any(axis=1).sum()} of {len(archs)} cells lack a score "
                f"(first: {self.metrics[column]} of {self._cell(archs, row)}); set missing: impute, or leave "
                "the metric out"
            )
        return values

    def _cell(self, archs: Archs, row: int) -> str:
        return spaces.load(archs.space).cell_ids(archs[int(row)])[0]


def open_scores(resources: Resources) -> ZeroShot:
    """Return the scores that a predictor may use. Raises UserError if none were given."""
    if resources.zeroshot is None:
        raise UserError("predictor: it takes zero-shot scores; give their file (--zeroshot FILE)")
    path = Path(resources.zeroshot)
    return _opened(path, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=2)  # all replicates of a predictor share what is read
def _opened(path: Path, changed: int) -> ZeroShot:
    return ZeroShot.load(path)


def _ranks(known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return where values lie among `known`, sorted: -1 below all, 1 above all; NaN stays NaN."""
    below = np.searchsorted(known, values, side="left")
    upto = np.searchsorted(known, values, side="right")
    return np.where(np.isnan(values), np.nan, (below + upto) / len(known) - 1.0)


def _deviations(known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return standard deviations from the mean of `known`; 0 where these do not differ; NaN stays NaN."""
    spread = known.std()
    return (values - known.mean()) / spread if spread > 0 else values * 0.0
