"""Peephole: an LSTM over the layers of a cell, a baseline of ReNAS and of SSA."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from pipeline.encodings.layers import layers, vocabulary
from pipeline.predictors.ranking import Loss, Ranking, TrainingSettings

REGRESSES_ACCURACY = {"loss": "mse"}


class Settings(TrainingSettings):
    """Settings of Peephole; it regresses the accuracy, and is trained like ReNAS."""

    feature_dim: int = Field(16, ge=1, le=4096, description="size of the embedding of each layer feature")
    hidden: int = Field(100, ge=1, le=4096, description="width of the hidden state")
    mlp: list[PositiveInt] = Field([100], description="widths of the head's hidden layers")
    batch_size: int = Field(1024, ge=2, le=1_000_000, description="training cells a step")
    loss: Loss = Field("mse", description="training loss")
    accuracies: Literal["as_they_are", "min_max"] = Field(
        "min_max", description="min_max: 0 is the worst training cell and 1 the best one while training"
    )


def fits(settings, space) -> None:
    """Raise ConfigError if cells of the space are not read as layers."""
    vocabulary(space)


class Predictor(Ranking):
    """Scores from types, kernel sizes and channels of layers; isomorphic cells may get different ones."""

    @classmethod
    def encoder(cls, settings, space, generators):
        """Return an untrained LSTM. Raises ConfigError for other spaces."""
        sizes = vocabulary(space)
        from pipeline.predictors.encoders.peephole import Peephole

        return Peephole(settings, sizes, generators)

    @classmethod
    def views(cls, settings, archs, resources):
        """Return the layers' codes, uint8 (N, T, 3)."""
        return [layers(archs)]
