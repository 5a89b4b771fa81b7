"""Settings of the analysis of generated cells."""

from __future__ import annotations

from pydantic import Field

from pipeline.by_benchmark import Varying


class GenerationSettings(Varying):
    """How many cells are learned from, generated and compared; the defaults are the paper's (4.2, 4.3)."""

    n_train: int = Field(105, ge=2, le=1_000_000, description="labelled cells, drawn at random for each run")
    n_runs: int = Field(5, ge=1, le=1000, description="models that are trained, each with cells of its own")
    n_generated: int = Field(5000, ge=1, le=1_000_000, description="cells generated under the best class")
    above: list[float] = Field([0.93, 0.935], description="accuracies that shares of cells are counted above")
    top: int = Field(64, ge=1, le=100_000, description="best cells whose edges and operations are compared")
