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
    layers: int | None = Field(
        None,
        ge=3,
        le=64,
        description="darts only: cells in all, reduction cells at one and two thirds; null: stacks of cells",
    )


class TrainingSettings(Settings):
    """How a network is trained. Two recipes of the literature:

    - NAS-Bench-101 (Ying et al. 2019; info-NAS thesis, table 3.2): optimizer rmsprop_tf, lr 0.2, batch_size
      256, epochs 108, gradient_clip null, batch_norm_momentum 0.003, shift 4, flip true.
    - info-NAS (thesis, table 3.3): optimizer sgd, lr 0.025, batch_size 128, epochs 12, shift 4, flip true.
    """

    epochs: int = Field(8, ge=1, le=10_000, description="passes over the training images")
    batch_size: int = Field(
        48, ge=2, le=65_536, description="images a step; what does not fill a batch waits an epoch"
    )
    optimizer: Literal["sgd", "rmsprop_tf"] = Field(
        "sgd",
        description="sgd: with plain momentum; rmsprop_tf: RMSProp as TensorFlow has it",
    )
    lr: float = Field(
        0.03,
        gt=0,
        allow_inf_nan=False,
        description="learning rate at the start; down to 0 along half a cosine, step by step",
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of either optimiser")
    rmsprop_decay: float = Field(
        0.9, ge=0, lt=1, description="rmsprop_tf: what the mean square keeps of itself at a step"
    )
    rmsprop_eps: float = Field(
        1.0, gt=0, allow_inf_nan=False, description="rmsprop_tf: added to the mean square under the root"
    )
    weight_decay: float = Field(
        1e-4, ge=0, le=1, description="half its product with the squared norm of all parameters is a loss too"
    )
    gradient_clip: float | None = Field(
        5.0,
        gt=0,
        description="largest norm of a step's gradient, without weight decay; null: no limit",
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
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto",
        description="bf16: matrix products in bfloat16 (autocast); fp32: all in float32; auto: bf16 on CUDA, "
        "fp32 on the CPU",
    )
    compile: bool = Field(
        False, description="compile each network with torch.compile; needs a compiler, pays in long trainings"
    )
    evaluate_every: int = Field(
        1, ge=1, description="epochs from one look at validation and test images to the next; the last always"
    )


class ChildrenSettings(Settings):
    """Which networks are trained: cells of the space's seeded permutation, held-out ones first."""

    images: str = Field(description="name of the image set")
    n_labelled: int = Field(
        120, ge=2, description="cells whose accuracies predictors and searches may learn from"
    )
    n_held_out: int = Field(30, ge=2, description="cells whose accuracies only test predictors")
    chunk_size: int = Field(20, ge=1, description="networks that one job trains")
    side_by_side: int = Field(
        1,
        ge=1,
        le=64,
        description="networks that a job trains at the same time, each on a CUDA stream; changes no result",
    )
    network: NetworkSettings = Field(NetworkSettings(), description="the network around a cell")
    training: TrainingSettings = Field(TrainingSettings(), description="how a network is trained")

    @property
    def n_cells(self) -> int:
        """How many cells are trained in all."""
        return self.n_held_out + self.n_labelled
