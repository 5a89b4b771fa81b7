"""E2EPP: a random forest over the feature tensor of ReNAS, a baseline of ReNAS and of SSA.

Source: ReNAS, section 4.1: E2EPP's own encoding is of another search space, so the forest takes the tensor.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from pipeline.encodings.op_numbers import ORDER, OpOrder, op_numbers
from pipeline.encodings.renas_tensor import CANONICAL, Layers, renas_tensor, tensor_size
from pipeline.predictors.forest import Forest, ForestSettings, forest_of
from pipeline.predictors.on_latents import Regressor
from pipeline.spaces.archs import Archs
from pipeline.spaces.representatives import representatives

REGRESSES_ACCURACY = True
AT_ONCE = 1 << 16  # cells whose tensors are in memory at once, 240 MB


class Settings(ForestSettings):
    """Settings of the forest, and of what it reads."""

    layers: Layers = Field("all", description="all: types, FLOPs and parameters; types: no costs")
    op_order: OpOrder = Field(None, description=ORDER)
    canonical: bool = Field(False, description=CANONICAL)
    targets: Literal["accuracy", "standardised", "ranks"] = Field(
        "accuracy", description="what is regressed; predictions are accuracies whatever it is"
    )


def fits(settings, space) -> None:
    """Raise ConfigError if cells of the space have no tensor, or other operations than `op_order` names."""
    tensor_size(space, settings.layers)
    op_numbers(space.NAME, settings.op_order)


class Tensors:
    """The feature tensors of cells as rows of numbers; the last cells' are kept, as all replicates ask."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self._last: tuple[Archs, np.ndarray] | None = None

    def of(self, archs: Archs) -> np.ndarray:
        """Return float32 (N, features)."""
        if self._last is None or self._last[0] is not archs:
            s, cells = self.settings, representatives(archs) if self.settings.canonical else archs
            tensor = renas_tensor(cells, s.layers, op_order=s.op_order)
            self._last = archs, tensor.reshape(len(archs), -1)
        return self._last[1]


class Predictor(Regressor):
    """Accuracy regressed by a mean over trees."""

    @classmethod
    def features_of(cls, settings, resources, device) -> Tensors:
        """Return the tensors. Cells of a space that has none are refused at first use, by a ConfigError."""
        return Tensors(settings)

    def estimator(self, threads: int) -> Forest:
        """Return the forest."""
        return forest_of(self.settings, threads, self.seed)

    def predict(self, archs: Archs) -> np.ndarray:
        """Return the predicted accuracy of each cell, float32 (N,), as a fraction."""
        if len(archs) <= AT_ONCE:
            return super().predict(archs)
        parts = [archs[start : start + AT_ONCE] for start in range(0, len(archs), AT_ONCE)]
        return np.concatenate([super(Predictor, self).predict(part) for part in parts])
