"""Settings of the autoencoders."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.io_dataset.settings import PreprocessingSettings
from pipeline.settings import Settings


class GraphSettings(Settings):
    """The graph autoencoder and its training, shared by both models."""

    hidden_dim: int = Field(128, ge=1, le=4096, description="width of the GIN layers")
    latent_dim: int = Field(16, ge=1, le=1024, description="latent numbers of a vertex")
    gin_layers: int = Field(4, ge=1, le=20, description="the authors' 5 hops build 4 layers")
    dropout: float = Field(0.3, ge=0, lt=1, description="of the latents, before decoding")
    kl_weight: float = Field(0.005, ge=0, le=100, description="weight of the divergence from the prior")
    n_cells: int = Field(
        30_000, ge=0, le=10_000_000, description="unlabelled cells to learn from; 0: all the others"
    )
    n_held_out: int = Field(5_000, ge=1, le=1_000_000, description="cells that reconstruction is measured on")
    split: Literal["beside_table", "whole_space", "of_table"] = Field(
        "beside_table",
        description="beside_table: neither kind of cells is in the benchmark's table; whole_space: its cells "
        "count as any others; of_table: held out are its last held-out cells, all others are learned from",
    )
    n_samples: int = Field(10_000, ge=1, le=1_000_000, description="samples of the latent space for validity")
    n_seeds: int = Field(
        1, ge=1, le=1000, description="runs, an artifact each; they differ in the seed alone"
    )
    n_embedded: int = Field(
        100_000,
        ge=1,
        le=10_000_000,
        description="architectures that target `embeddings` draws from a space that cannot be listed",
    )
    epochs: int = Field(6, ge=1, le=10_000, description="passes over the unlabelled cells")
    batch_size: int = Field(
        128, ge=2, le=1_000_000, description="unlabelled cells a step; the authors' is 32"
    )
    lr: float = Field(1e-2, gt=0, le=1, description="Adam's highest learning rate; the authors' is 1e-3")
    schedule: Literal["cosine", "constant"] = Field(
        "cosine", description="of the rate after it rose: down to 0, or as it is (the authors')"
    )
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps in which the rate rises")
    gradient_clip: float = Field(5.0, gt=0, description="largest norm of a gradient")


class Arch2VecSettings(GraphSettings):
    """arch2vec: a variational graph autoencoder of cells (thesis, section 2.2.1)."""

    model: Literal["arch2vec"] = Field("arch2vec", description="the graph autoencoder by itself")


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
