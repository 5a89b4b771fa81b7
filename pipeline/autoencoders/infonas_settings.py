"""Settings of info-NAS."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.autoencoders.settings import GraphSettings
from pipeline.io_dataset.settings import PreprocessingSettings


class InfoNasSettings(GraphSettings):
    """info-NAS: arch2vec trained jointly with a regressor of what networks output (thesis, chapter 3).

    The thesis' full size: image_width 128, latent_branch_dim 16, head_dim 512, head_dropout 0.5, batches of
    32, lr 1e-3, epochs 30, labelled_batch_images 0. The defaults suit 8x8 digits.
    """

    model: Literal["infonas"] = Field("infonas", description="the autoencoder and the regressor")
    io_dataset: str | None = Field(
        None,
        description="benchmark of trained networks whose outputs are learned; default: the benchmark itself",
    )
    image_width: int = Field(16, ge=1, le=1024, description="channels of the image branch; doubled twice")
    latent_branch_dim: int = Field(64, ge=1, le=4096, description="width of the latent branch")
    head_dim: int = Field(256, ge=1, le=65_536, description="width of the regressor's head")
    head_dropout: float = Field(0.1, ge=0, lt=1, description="in the head")
    loss: Literal["l1", "mse"] = Field("l1", description="loss of the regressor")
    vae_weight: float = Field(1.0, ge=0, description="weight of the autoencoder's loss in a labelled step")
    io_weight: float = Field(1.0, ge=0, description="weight of the regressor's loss in a labelled step")
    labelled_batch_size: int = Field(512, ge=2, le=1_000_000, description="(network, image) pairs a step")
    labelled_batch_images: int = Field(
        32,
        ge=0,
        le=1_000_000,
        description="images of a labelled step, each with each of its networks; 0: any pairs",
    )
    labelled_run: int = Field(
        8, ge=1, le=1_000_000, description="labelled steps in a row; the thesis' is 300"
    )
    unlabelled_run: int = Field(
        6, ge=1, le=1_000_000, description="unlabelled steps in a row; the thesis' is 206"
    )
    preprocessing: PreprocessingSettings = Field(PreprocessingSettings(), description="outputs to targets")
