"""An LSTM that reads a cell's edges and operations one after another: a baseline of GATES."""

from __future__ import annotations

from pydantic import Field

from pipeline.encodings.sequence import sequence, vocabulary
from pipeline.predictors.ranking import Ranking, TrainingSettings

REGRESSES_ACCURACY = {"loss": "mse"}


class Settings(TrainingSettings):
    """Settings of the LSTM; the defaults are the paper's (GATES, section 6.2).

    For NAS-Bench-301 the paper has token_dim 48 and hidden 128.
    """

    token_dim: int = Field(100, ge=1, le=4096, description="size of a token's embedding")
    hidden: int = Field(100, ge=1, le=4096, description="width of the hidden state")


class Predictor(Ranking):
    """Scores from sequences of tokens; isomorphic cells may get different ones."""

    @classmethod
    def encoder(cls, settings, space, generators):
        """Return an untrained LSTM."""
        from pipeline.predictors.encoders.lstm import Lstm

        return Lstm(settings, vocabulary(space), generators)

    @classmethod
    def views(cls, settings, archs, resources):
        """Return the tokens, int64 (N, T)."""
        return [sequence(archs)]
