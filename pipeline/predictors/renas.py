"""ReNAS: a small convolutional network over a tensor of types, FLOPs and parameters."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from pipeline.encodings.op_numbers import ORDER, OpOrder, op_numbers
from pipeline.encodings.renas_tensor import CANONICAL, Layers, one_hot_types, renas_tensor, tensor_size
from pipeline.predictors.ranking import Loss, Ranking, TrainingSettings
from pipeline.spaces import load
from pipeline.spaces.representatives import representatives

REGRESSES_ACCURACY = {"loss": "mse"}


class Settings(TrainingSettings):
    """Settings of ReNAS: sizes, loss and training as in the authors' demo, which has no continuity term.

    The paper's versions: v1 `layers: types, loss: mse`; v2 `loss: mse`; v3 `layers: types`; v4 as it is.
    The paper's own loss is `loss: pairwise_hinge` with a `continuity` that the paper does not tell.
    """

    layers: Layers = Field("all", description="all: types, FLOPs and parameters; types: no costs")
    one_hot: bool = Field(False, description="a layer for each type, in place of one layer of their numbers")
    op_order: OpOrder = Field(None, description=f"{ORDER}; the layers of one_hot have no order")
    canonical: bool = Field(False, description=CANONICAL)
    scale: Literal["training_cells", "units", "none"] = Field(
        "training_cells",
        description="training_cells: mean 0 and deviation 1 of each number over them; units: FLOPs in 10^7 "
        "and parameters in 10^5; none: as they are",
    )
    channels: list[PositiveInt] = Field([38, 128], min_length=1, description="channels of the convolutions")
    dense: list[PositiveInt] = Field(
        [120, 84], min_length=1, description="widths of the fully connected layers"
    )
    mlp: list[PositiveInt] = Field([], description="widths of the head's hidden layers")
    batch_size: int = Field(1024, ge=2, le=1_000_000, description="training cells a step")
    loss: Loss = Field("pairwise_bce", description="training loss")
    accuracies: Literal["as_they_are", "min_max"] = Field(
        "min_max", description="min_max: 0 is the worst training cell and 1 the best one while training"
    )


def fits(settings, space) -> None:
    """Raise ConfigError if cells of the space have no tensor, or other operations than `op_order` names."""
    tensor_size(space, settings.layers, settings.one_hot)
    op_numbers(space.NAME, settings.op_order)


class Predictor(Ranking):
    """Scores from feature tensors, of NAS-Bench-101 and NAS-Bench-201; isomorphic cells may differ."""

    @classmethod
    def encoder(cls, settings, space, generators):
        """Return an untrained LeNet. Raises ConfigError for other spaces."""
        size = tensor_size(space, settings.layers, settings.one_hot)
        from pipeline.predictors.encoders.renas import ReNas

        return ReNas(settings, size, generators)

    @classmethod
    def views(cls, settings, archs, resources):
        """Return the tensors, float32 (N, layers, V, V)."""
        units = {"units": (1, 1)} if settings.scale == "none" else {}
        archs = representatives(archs) if settings.canonical else archs
        tensor = renas_tensor(archs, settings.layers, op_order=settings.op_order, **units)
        return [one_hot_types(tensor, load(archs.space)) if settings.one_hot else tensor]
