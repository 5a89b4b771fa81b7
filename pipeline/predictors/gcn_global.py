"""A graph convolutional network with a global node, which hears from all others: a baseline of GATES."""

from __future__ import annotations

from pipeline.errors import ConfigError
from pipeline.predictors import gcn
from pipeline.predictors.ranking import Ranking
from pipeline.predictors.replicates import method_of

REGRESSES_ACCURACY = {"loss": "mse"}


class Settings(gcn.Settings):
    """Settings of the GCN with a global node: those of `gcn`."""


class Predictor(Ranking):
    """Scores from graphs; a cell is what its global node has gathered (Shi et al. 2020, BONAS)."""

    @classmethod
    def encoder(cls, settings, space, generators):
        """Return an untrained GCN. Raises ConfigError for spaces with operations on edges."""
        if space.OPERATIONS_ON == "edges":
            raise ConfigError(
                f"{method_of(cls)}: operations of {space.NAME} are on edges, not on nodes; use the method "
                "line_gcn"
            )
        from pipeline.predictors.encoders.gcn import GcnNodes

        return GcnNodes(settings, space.N_OPS, space.NONE, generators, global_node=True)
