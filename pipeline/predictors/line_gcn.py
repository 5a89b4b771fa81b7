"""A graph convolutional network over the line graph, for operations on edges: a baseline of GATES."""

from __future__ import annotations

from pipeline.errors import ConfigError
from pipeline.predictors import gcn
from pipeline.predictors.ranking import Ranking
from pipeline.predictors.replicates import method_of

REGRESSES_ACCURACY = {"loss": "mse"}


class Settings(gcn.Settings):
    """Settings of the line-graph GCN: those of `gcn`."""


class Predictor(Ranking):
    """Scores from line graphs, in which every edge of a cell is a node."""

    @classmethod
    def encoder(cls, settings, space, generators):
        """Return an untrained GCN. Raises ConfigError for spaces with operations on nodes."""
        if space.OPERATIONS_ON == "nodes":
            raise ConfigError(
                f"{method_of(cls)}: operations of {space.NAME} are on nodes already; use the method gcn"
            )
        from pipeline.predictors.encoders.gcn_edges import LineGcn

        return LineGcn(settings, space, generators)
