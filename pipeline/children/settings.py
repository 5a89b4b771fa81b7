"""Settings of the networks that are trained here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.settings import Settings


class NetworkSettings(Settings):
    """The network around a cell."""

    stem_channels: int = Field(
        8,
        ge=4,
        le=1024,
        description="channels of the first stack, doubled at each stack; the benchmark has 128",
    )
    stacks: int = Field(3, ge=1, le=8, description="stacks of cells; between them the image is halved")
    cells_per_stack: int = Field(1, ge=1, le=32, description="cells in a stack; the benchmark has 3")


class TrainingSettings(Settings):
    """How a network is trained."""

    epochs: int = Field(8, ge=1, le=10_000, description="passes over the training images")
    batch_size: int = Field(
        48, ge=2, le=65_536, description="images a step; what does not fill a batch waits an epoch"
    )
    optimizer: Literal["sgd"] = Field("sgd", description="sgd: with plain momentum")
    lr: float = Field(
        0.03, gt=0, allow_inf_nan=False, description="learning rate at the start; cosine down to 0"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of SGD")
    weight_decay: float = Field(1e-4, ge=0, le=1, description="weight decay on all parameters")
    gradient_clip: float | None = Field(
        5.0, gt=0, description="largest norm of a step's gradient; null: no limit"
    )
    batch_norm_momentum: float = Field(
        0.1,
        gt=0,
        le=1,
        description="weight of the newest batch in the running statistics (TensorFlow's 0.997 is 0.003)",
    )
    batch_norm_eps: float = Field(1e-5, gt=0, le=1, description="added to the variance in batch norm")
    shift: int = Field(
        0, ge=0, le=64, description="augmentation: shift each image by up to so many pixels each way"
    )
    flip: bool = Field(False, description="augmentation: mirror every other image; not for digits")


class ChildrenSettings(Settings):
    """Which networks are trained: cells of the space's seeded permutation, held-out ones first."""

    images: str = Field(description="name of the image set")
    n_labelled: int = Field(
        120, ge=2, description="cells whose accuracies predictors and searches may learn from"
    )
    n_held_out: int = Field(30, ge=2, description="cells whose accuracies only test predictors")
    chunk_size: int = Field(20, ge=1, description="networks that one job trains")
    network: NetworkSettings = Field(NetworkSettings(), description="the network around a cell")
    training: TrainingSettings = Field(TrainingSettings(), description="how a network is trained")

    @property
    def n_cells(self) -> int:
        """How many cells are trained in all."""
        return self.n_held_out + self.n_labelled
