"""Settings of a search; those of a strategy are in the strategy's own file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from pipeline.by_benchmark import Varying
from pipeline.errors import ConfigError
from pipeline.spaces.by_cost import Sampling


class SearchSettings(Varying):
    """What every strategy gets: the same budget and the same first cells."""

    budget: int = Field(
        60, ge=1, le=1_000_000, description="trained networks of one run, first cells included"
    )
    n_initial: int = Field(
        30,
        ge=1,
        le=1_000_000,
        description="labelled cells that all strategies start from; another draw in each run",
    )
    metric: Literal["val", "test"] = Field(
        "val",
        description="accuracy that is queried and that found cells are chosen by; test: as papers do that "
        "report the best test accuracy among the cells that were asked for",
    )
    n_runs: int = Field(
        3, ge=1, le=10_000, description="runs of each strategy, each with random streams of its own"
    )

    sampling: Sampling = Field(
        "random",
        description="the first cells: random ones, or ones at even distances when all are sorted by their "
        "networks' params or flops",
    )

    @model_validator(mode="after")
    def _budget_pays_for_the_first_cells(self):
        if self.budget < self.n_initial:
            raise ValueError(
                f"budget: {self.budget} is less than n_initial ({self.n_initial}), which it has to pay for"
            )
        return self


def check_against_space(settings: SearchSettings, n_cells: int, n_labelled: int, space: str) -> None:
    """Refuse a budget larger than the space, or more first cells than there are labelled ones.

    Raises ConfigError.
    """
    if settings.budget > n_cells:
        raise ConfigError(
            f"search.budget: {settings.budget} is more than the {n_cells} cells of {space}; lower the budget"
        )
    if settings.n_initial > n_labelled:
        raise ConfigError(
            f"search.n_initial: {settings.n_initial} cells, but the benchmark table has {n_labelled} "
            "labelled ones; lower n_initial or label more cells"
        )
