"""Settings of zero-shot scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator

from pipeline.children.settings import NetworkSettings
from pipeline.settings import Settings
from pipeline.zeroshot.metrics import METRICS

Metric = Literal[*METRICS]


def scores_used(settings: Mapping) -> list[str]:
    """Return the zero-shot metrics that a predictor's or strategy's settings ask for.

    By convention the key `zeroshot` names them, one or several; a plug-in that has it is given the scores.
    """
    named = settings.get("zeroshot") or []
    return [named] if isinstance(named, str) else list(named)


class ScoreSettings(Settings):
    """What is computed for one cell. `metrics: all` stands for all that there are."""

    metrics: list[Metric] = Field(
        ["grad_norm", "plain", "snip", "synflow", "relu_logdet", "params", "flops"],
        min_length=1,
        description="scores to compute, per architecture and (where they have one) per operation",
    )
    batch_size: int = Field(64, ge=2, le=4096, description="training images that every network sees once")
    seeds: int = Field(
        1, ge=1, le=100, description="initialisations of a cell; its scores are means over them"
    )
    network: NetworkSettings = Field(NetworkSettings(), description="size of the networks that are scored")

    @field_validator("metrics", mode="before")
    @classmethod
    def _all_by_name(cls, metrics):
        return list(METRICS) if metrics == "all" else metrics

    @field_validator("metrics")
    @classmethod
    def _each_once(cls, metrics: list[str]) -> list[str]:
        if len(set(metrics)) != len(metrics):
            raise ValueError("each metric may be named once")
        return metrics


class ZeroShotSettings(ScoreSettings):
    """The subtree `zeroshot` of the configuration."""

    n_candidates: int = Field(
        1000,
        ge=0,
        description="cells scored beside the benchmark's own: unlabelled ones to learn from or choose among",
    )
    chunk_size: int = Field(1000, ge=1, description="cells that one job scores")


class ChunkSettings(ScoreSettings):
    """What one job of the stage `zeroshot` reads."""

    benchmark: str = Field(description="name of the benchmark")
    space: str = Field(description="search space of the cells")
    images: str = Field(description="name of the image set")
    start: int = Field(ge=0, description="first cell, as a position in the space's seeded permutation")
    count: int = Field(ge=1, description="how many cells")


class CollectSettings(Settings):
    """What the stage `zeroshot_collect` reads."""

    benchmark: str = Field(description="name of the benchmark")
    n_held_out: int | None = Field(
        None, ge=0, description="cells at the start that are held out; null: as the chunks say"
    )
    n_labelled: int | None = Field(None, ge=0, description="cells after them that are labelled")
