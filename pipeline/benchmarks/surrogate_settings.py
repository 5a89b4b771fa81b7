"""Settings of boosted trees, and of the surrogate that they make (see `pipeline.benchmarks.surrogate`)."""

from __future__ import annotations

from pydantic import Field

from pipeline.settings import Settings


class BoostingSettings(Settings):
    """Gradient-boosted trees; names as in XGBoost (Chen & Guestrin 2016).

    The defaults were chosen by cross-validation on 1,000 DARTS cells with labels of a public surrogate.
    """

    n_estimators: int = Field(4000, ge=1, le=100_000, description="rounds of boosting")
    max_depth: int = Field(
        2, ge=1, le=20, description="splits between root and leaf; many labelled cells carry deeper trees"
    )
    learning_rate: float = Field(0.05, gt=0, le=1, description="share of each tree that counts")
    subsample: float = Field(0.7, gt=0, le=1, description="share of the cells that a tree is grown on")
    colsample_bytree: float = Field(0.2, gt=0, le=1, description="share of the features that a tree may use")
    min_child_weight: float = Field(5.0, ge=0, le=1e6, description="least number of cells in a leaf")
    reg_lambda: float = Field(1.0, ge=0, le=1e6, description="L2 penalty on the values of leaves")
    num_parallel_tree: int = Field(1, ge=1, le=100, description="trees of a round, averaged (an ensemble)")


class SurrogateSettings(BoostingSettings):
    """A surrogate, and how it is cross-validated."""

    folds: int = Field(5, ge=2, le=100, description="parts of the table for cross-validation")
