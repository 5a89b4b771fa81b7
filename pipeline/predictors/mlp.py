"""A fully connected network over the sequence of a cell's edges and operations: a baseline of GATES."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from pipeline.encodings.sequence import length, sequence, vocabulary
from pipeline.predictors.ranking import Ranking, TrainingSettings

REGRESSES_ACCURACY = {"loss": "mse"}


class Settings(TrainingSettings):
    """Settings of the MLP; the defaults are the paper's (GATES, section 6.2).

    For NAS-Bench-301 the paper has layers [128, 128, 128, 32].
    """

    layers: list[PositiveInt] = Field(
        [512, 2048, 2048, 512], min_length=1, description="widths of the encoder's layers"
    )
    one_hot: bool = Field(
        False, description="one-hot tokens; else numbers, which order operations that have no order"
    )


class Predictor(Ranking):
    """Scores from sequences of tokens; isomorphic cells may get different ones."""

    @classmethod
    def encoder(cls, settings, space, generators):
        """Return an untrained MLP."""
        from pipeline.predictors.encoders.mlp import Mlp

        return Mlp(settings, length(space), vocabulary(space), generators)

    @classmethod
    def views(cls, settings, archs, resources):
        """Return the tokens, int64 (N, T)."""
        return [sequence(archs)]
