"""GATES++: GATES that also uses what untrained networks tell (GATES, section 5).

EES: scores of operations are joined to their embeddings. ETS: while training, a second head fits scores of
architectures. Either is off with an empty list. Cells must have been scored (`zeroshot`), with EES those that
are ranked, too.

The paper does not say how scores are scaled, nor what the second head is. Here: scores named in `log` are
replaced by their logarithm, since they range over orders of magnitude; then all are scaled to mean 0 and
deviation 1 by the training cells. The second head's weight is chosen among 1, 0.3, 0.1 and 0.03. A score that
is missing has no part in training, and is a mean elsewhere.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from pipeline.errors import DataError
from pipeline.predictors import gates
from pipeline.predictors.replicates import method_of
from pipeline.predictors.resources import Resources
from pipeline.spaces.archs import Archs

REGRESSES_ACCURACY = {"loss": "mse"}


class Settings(gates.Settings):
    """Settings of GATES++: GATES' own, and which scores it uses."""

    ees: list[str] = Field(
        ["grad_norm", "plain", "snip", "synflow", "params", "flops"],
        description="scores joined to the embedding of an operation; none: EES is off",
    )
    ets: list[str] = Field(
        ["grad_norm", "plain", "snip", "synflow", "relu_logdet"],
        description="scores of architectures that the auxiliary head fits; none: ETS is off",
    )
    log: list[str] = Field(
        ["grad_norm", "snip", "synflow", "params", "flops"], description="scores whose logarithm is taken"
    )
    auxiliary_weight: float = Field(0.1, ge=0, le=1000, description="weight of the auxiliary head's loss")
    auxiliary_mlp: list[PositiveInt] = Field(
        [200], description="widths of the auxiliary head's hidden layers"
    )
    zeroshot: list[str] = Field([], description="filled in: the scores that ees and ets name")

    @model_validator(mode="after")
    def _names(self):
        for key in ("ees", "ets"):
            if len(set(getattr(self, key))) < len(getattr(self, key)):
                raise ValueError(f"{key}: each score may be named once")
        named = sorted({*self.ees, *self.ets})
        if not named:
            raise ValueError("ees and ets are both empty; that is the method gates")
        if self.zeroshot not in ([], named):
            raise ValueError("zeroshot: leave it out; it follows from ees and ets")
        self.zeroshot[:] = named
        return self


class Predictor(gates.Predictor):
    """A GATES++ predictor."""

    @classmethod
    def encoder(cls, settings, space, generators):
        """Return an untrained GATES++. Raises ConfigError if a cell of the space has no one output node."""
        if settings.ees:
            network = cls._scored(settings, space, generators)
        else:
            network = super().encoder(settings, space, generators)
        if settings.ets:
            n = len(settings.ets)
            network.build_auxiliary(network.width, settings.auxiliary_mlp, n, generators)
        return network

    @classmethod
    def _scored(cls, settings, space, generators):
        from pipeline.predictors.encoders.gates_plus import GatesPlusEdges, GatesPlusNodes

        gates.check_readout(method_of(cls), settings, space)
        n = len(settings.ees)
        if space.OPERATIONS_ON == "nodes":
            return GatesPlusNodes(settings, n, space.N_OPS, space.NONE, space.INPUT, generators)
        return GatesPlusEdges(settings, n, space, generators)

    @classmethod
    def views(cls, settings, archs: Archs, resources: Resources):
        """Return operations, adjacency where it varies, and with EES scores, float32 (…, M).

        A score is NaN for an operation without parameters. Raises DataError if a cell has no scores.
        """
        views = super().views(settings, archs, resources)
        if not settings.ees:
            return views
        scores = _opened(resources).op(archs, settings.ees)
        scores[scores == 0] = np.nan
        return [*views, _logs(scores, settings.ees, settings.log)]

    @classmethod
    def targets(cls, settings, archs: Archs, resources: Resources):
        """Return the scores that ETS fits, float32 (N, M); None without it."""
        if not settings.ets:
            return None
        return _logs(_opened(resources).arch(archs, settings.ets), settings.ets, settings.log)


def _opened(resources: Resources):
    from pipeline.predictors.on_scores import open_scores

    return open_scores(resources)


def _logs(scores: np.ndarray, metrics: list[str], log: list[str]) -> np.ndarray:
    """Return scores (…, M), float32, logarithms where `log` says so. Raises DataError if one is negative."""
    for k, metric in enumerate(metrics):
        if metric in log:
            if (scores[..., k] < 0).any():
                raise DataError(f"gates_plus: {metric} has negative scores; leave it out of log")
            with np.errstate(divide="ignore"):
                logs = np.log(scores[..., k])
            scores[..., k] = np.where(np.isfinite(logs), logs, np.nan)
    return scores.astype(np.float32)
