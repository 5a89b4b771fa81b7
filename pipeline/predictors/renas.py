"""The encoder of ReNAS: a small convolutional network over a tensor of FLOPs and parameters."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from pipeline.encodings.renas_tensor import renas_tensor, tensor_size
from pipeline.predictors.ranking import Ranking, TrainingSettings

REGRESSES_ACCURACY = {"loss": "mse"}


class Settings(TrainingSettings):
    """Settings of ReNAS' LeNet; the sizes are those of the authors' demo.

    ReNAS itself trains with pairwise_bce and batches of 1,024; its loss of feature continuity is not here.
    """

    channels: list[PositiveInt] = Field([38, 128], min_length=1, description="channels of the convolutions")
    dense: list[PositiveInt] = Field(
        [120, 84], min_length=1, description="widths of the fully connected layers"
    )
    mlp: list[PositiveInt] = Field([], description="widths of the head's hidden layers")


class Predictor(Ranking):
    """Scores from feature tensors, of NAS-Bench-101 and NAS-Bench-201; isomorphic cells may differ."""

    @classmethod
    def encoder(cls, settings, space, generators):
        """Return an untrained LeNet. Raises ConfigError for other spaces."""
        size = tensor_size(space)
        from pipeline.predictors.encoders.renas import ReNas

        return ReNas(settings, size, generators)

    @classmethod
    def views(cls, settings, archs, resources):
        """Return the tensors, float32 (N, layers, V, V)."""
        return [renas_tensor(archs)]
