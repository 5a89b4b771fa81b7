"""GATES_Large: GATES whose operation embedding is as large as that of GATES++, without its scores.

Source: GATES, section 6.3: the control that tells a larger embedding from new information.
"""

from __future__ import annotations

from pydantic import Field

from pipeline.predictors import gates

REGRESSES_ACCURACY = {"loss": "mse"}


class Settings(gates.Settings):
    """Settings of GATES_Large: GATES' own but for the size of an operation's embedding."""

    operation_dim: int = Field(
        54, ge=1, le=4096, description="size of an operation's embedding; 48, and one for each of 6 scores"
    )


class Predictor(gates.Predictor):
    """A GATES predictor with a larger embedding."""
