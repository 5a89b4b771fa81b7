"""Which child networks are trained, how large they are, and how they are trained."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.settings import Settings


class NetworkSettings(Settings):
    """Size of the network that a cell is put into. The benchmark's own: 128, 3, 3."""

    stem_channels: int = Field(8, ge=5, le=4096, description="channels after the stem; doubled after each stack")
    stacks: int = Field(3, ge=1, le=10, description="stacks; the image is halved between them")
    cells_per_stack: int = Field(1, ge=1, le=100, description="equal cells in a stack")


class TrainingSettings(Settings):
    """A training recipe. Learning rate: cosine from lr to 0 over all steps."""

    epochs: int = Field(8, ge=1, le=100_000, description="passes over the training images")
    batch_size: int = Field(64, ge=2, le=100_000, description="images a step")
    optimizer: Literal["sgd"] = Field("sgd", description="sgd: with Nesterov's momentum off, as in the thesis")
    lr: float = Field(0.1, gt=0, le=1e6, description="first learning rate")
    momentum: float = Field(0.9, ge=0, lt=1, description="of SGD")
    weight_decay: float = Field(1e-4, ge=0, le=10, description="L2 penalty on all parameters")
    gradient_clip: float = Field(5.0, gt=0, description="largest norm of a gradient")
    batch_norm_momentum: float = Field(0.1, gt=0, le=1, description="weight of the newest batch (PyTorch's sense)")
    batch_norm_eps: float = Field(1e-5, gt=0, le=1, description="added to the variance")
    shift: int = Field(0, ge=0, le=64, description="training images are moved by up to so many pixels at random")


class ChildrenSettings(Settings):
    """The child networks of a benchmark: consecutive cells of the space's seeded permutation."""

    images: str = Field(description="which of `images` they are trained on")
    n_held_out: int = Field(30, ge=2, le=1_000_000, description="cells that only measure predictors")
    n_labelled: int = Field(120, ge=2, le=1_000_000, description="cells that predictors and searches may learn from")
    chunk_size: int = Field(15, ge=1, le=100_000, description="networks of one job")
    network: NetworkSettings = Field(NetworkSettings(), description="size of the networks")
    training: TrainingSettings = Field(TrainingSettings(), description="training recipe")

    @property
    def n_cells(self) -> int:
        """All cells that are trained."""
        return self.n_held_out + self.n_labelled
