"""GATES: an encoder that mimics how data flows through a cell, trained on pairwise comparisons."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.errors import ConfigError
from pipeline.predictors.ranking import Ranking, TrainingSettings
from pipeline.predictors.replicates import method_of

REGRESSES_ACCURACY = {"loss": "mse"}


class Settings(TrainingSettings):
    """Settings of GATES; the defaults are the paper's for NAS-Bench-101 (section 6.2)."""

    layers: int = Field(
        5, ge=1, le=100, description="GATES layers; a piece of information travels as many edges"
    )
    hidden: int = Field(128, ge=1, le=4096, description="width of a layer")
    operation_dim: int = Field(48, ge=1, le=4096, description="size of an operation's embedding")
    information_dim: int = Field(48, ge=1, le=4096, description="size of the input's embedding")
    information_hidden: int = Field(
        96, ge=1, le=4096, description="width of the information that enters layer 1"
    )
    readout: Literal["mean", "output"] = Field(
        "mean", description="mean over nodes, or the output node alone"
    )


class Predictor(Ranking):
    """A GATES predictor."""

    @classmethod
    def encoder(cls, settings, space, generators):
        """Return an untrained GATES. Raises ConfigError if a cell of the space has no one output node."""
        check_readout(method_of(cls), settings, space)
        if space.OPERATIONS_ON == "nodes":
            from pipeline.predictors.encoders.gates import GatesNodes

            return GatesNodes(settings, space.N_OPS, space.NONE, space.INPUT, generators)
        from pipeline.predictors.encoders.gates_edges import GatesEdges

        return GatesEdges(settings, space, generators)


def check_readout(name: str, settings, space) -> None:
    """Raise ConfigError if the output node is to be read, but a cell of the space has no such node."""
    if settings.readout == "output" and space.OPERATIONS_ON == "edges" and space.N_CELLS > 1:
        raise ConfigError(
            f"{name}: a cell of {space.NAME} joins several nodes in its output, so no single one stands for "
            "it; set readout: mean"
        )
