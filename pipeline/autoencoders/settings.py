"""Settings of the autoencoders."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.settings import Settings


class GraphSettings(Settings):
    """The graph autoencoder and its training, shared by both models."""

    hidden_dim: int = Field(128, ge=1, le=4096, description="width of the GIN layers")
    latent_dim: int = Field(16, ge=1, le=1024, description="latent numbers of a vertex")
    gin_layers: int = Field(4, ge=1, le=20, description="the authors' 5 hops build 4 layers")
    dropout: float = Field(0.3, ge=0, lt=1, description="of the latents, before decoding")
    kl_weight: float = Field(0.005, ge=0, le=100, description="weight of the divergence from the prior")
    op_weight: float = Field(
        1.0, gt=0, le=1000, description="weight of the operations' loss, that of the edges' being 1"
    )
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
    benchmarks: list[str] | None = Field(
        None, description="benchmarks that it is trained beside; default: all of them"
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
