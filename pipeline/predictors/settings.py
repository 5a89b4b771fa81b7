"""How predictors are trained and tested; settings of a predictor are in its own file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt, field_validator

from pipeline.evaluation.settings import AnyProtocol, Protocol
from pipeline.settings import Settings


class EvaluationSettings(Settings):
    """Training sizes and replicates. Runs of one size: n_subsets x n_seeds."""

    n_train: list[PositiveInt] = Field([30, 60, 120], min_length=1, description="numbers of training cells")
    n_subsets: int = Field(3, ge=1, le=1000, description="random training subsets of each size")
    n_seeds: int = Field(3, ge=1, le=1000, description="seeds of the predictor on each subset")
    benchmarks: list[str] | None = Field(
        None,
        min_length=1,
        description="which of `benchmarks` predictors are trained and tested on; null: all",
    )
    protocol: AnyProtocol = Field(
        Protocol(),
        description="cells to learn from and to test on: P1, P2, P3, or pool, test, seeds",
    )
    ks: list[PositiveInt] = Field([5, 10], description="K of Precision@K and N@K")
    labels: Literal["val", "test"] = Field(
        "val", description="what predictors learn and are tested on: validation or test accuracy"
    )
    above: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="errors and Pearson's r also on held-out cells above this accuracy, e.g. 0.8; null: not",
    )

    @field_validator("n_train", "ks")
    @classmethod
    def _sorted_without_repeats(cls, values):
        if values != sorted(set(values)):
            raise ValueError(f"expected increasing numbers without repeats, got {values}")
        return values
