"""A graph convolutional network over operations on nodes: a baseline of GATES.

DARTS, whose operations are on edges, has a form of its own: a node stands for the operations of its two
edges, side by side (GATES, section 4.2.2).
"""

from __future__ import annotations

from pydantic import Field

from pipeline.errors import ConfigError
from pipeline.predictors.ranking import Ranking, TrainingSettings
from pipeline.predictors.replicates import method_of
from pipeline.spaces import load

REGRESSES_ACCURACY = {"loss": "mse"}


class Settings(TrainingSettings):
    """Settings of the GCN; the defaults are the paper's (GATES, section 6.2).

    For NAS-Bench-301 the paper has 3 layers of 32 and operation_dim 32; for mse 1 layer (table 6).
    """

    layers: int = Field(5, ge=1, le=100, description="graph convolutions")
    hidden: int = Field(128, ge=1, le=4096, description="width of a layer")
    operation_dim: int = Field(48, ge=1, le=4096, description="size of an operation's embedding")


class Predictor(Ranking):
    """Scores from graphs; a cell is the mean of its nodes."""

    @classmethod
    def encoder(cls, settings, space, generators):
        """Return an untrained GCN. Raises ConfigError for NAS-Bench-201, whose nodes hold no operations."""
        if space.OPERATIONS_ON == "nodes":
            from pipeline.predictors.encoders.gcn import GcnNodes

            return GcnNodes(settings, space.N_OPS, space.NONE, generators)
        if space.N_CELLS == 1:
            raise ConfigError(
                f"{method_of(cls)}: operations of {space.NAME} are on edges, and nodes differ in how many "
                "they have; use the method line_gcn"
            )
        from pipeline.predictors.encoders.gcn_edges import JoinedGcn

        return JoinedGcn(settings, space, generators)

    @classmethod
    def views(cls, settings, archs, resources):
        """Return operations and adjacency, or of DARTS the sources and operations of its edges."""
        space = load(archs.space)
        if space.OPERATIONS_ON == "nodes":
            return super().views(settings, archs, resources)
        return list(space.chosen_edges(archs))
