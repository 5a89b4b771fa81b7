"""Settings of the stage that builds benchmark tables."""

from __future__ import annotations

from pydantic import Field

from pipeline.children.settings import NetworkSettings, TrainingSettings
from pipeline.settings import Settings


class TableSettings(Settings):
    """What a benchmark table of networks trained here depends on."""

    benchmark: str = Field(description="name of the benchmark")
    space: str = Field(description="search space of the cells")
    images: str = Field(description="name of the image set that the networks were trained on")
    n_held_out: int = Field(ge=0, description="cells at the start of the permutation that are held out")
    n_labelled: int = Field(ge=0, description="cells after them that are labelled")
    epochs: int = Field(
        ge=1, description="epochs that every network was trained for; part of the metrics' names"
    )
    network: NetworkSettings = Field(description="size of the networks")
    training: TrainingSettings = Field(description="how they were trained")
