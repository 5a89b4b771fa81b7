"""Settings of the three networks and of their training.

Given by the paper (section 4.2, supplement C): depths, sizes of latents and of rank embeddings, both alphas,
40 to 60 epochs, rank classes. The paper does not say the other ones; their defaults were chosen by searches
of NAS-Bench-201 for CIFAR-10 accuracy after 12 epochs. `configs/papers/semigan_nad.yaml` has both forms.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline import settings as base


class SemiGanSettings(base.Settings):
    """Settings of the joint model."""

    predictor_layers: int = Field(4, ge=1, le=20, description="GIN layers of the performance predictor")
    generator_layers: int = Field(5, ge=1, le=20, description="GIN layers of the generator")
    discriminator_layers: int = Field(3, ge=1, le=20, description="GIN layers of the discriminator")
    hidden: int = Field(
        32, ge=1, le=1024, description="width of GIN layers; arch2vec's, which the paper follows, is 128"
    )
    latent_dim: int = Field(16, ge=1, le=1024, description="size of z_A and of z_X at each vertex of a cell")
    rank_dim: int = Field(16, ge=1, le=1024, description="size of a rank class' embedding")
    alpha: float = Field(
        0.5,
        ge=0,
        le=1,
        description="weight of the predictor's adversarial loss; the generator's is 1 - alpha",
    )
    alpha_generated: float = Field(
        0.1,
        ge=0,
        le=1,
        description="weight of the predictor's error on generated cells (alpha_p); paper: 0.5",
    )
    epochs: int = Field(60, ge=1, le=10_000, description="passes over the labelled cells")
    batch_size: int = Field(
        32,
        ge=2,
        le=100_000,
        description="labelled, unlabelled and generated cells of a step, as many of each",
    )
    lr: float = Field(3e-3, gt=0, le=1, description="Adam's learning rate of the predictor")
    generator_lr: float = Field(1e-3, gt=0, le=1, description="the generator's learning rate")
    shrinkage: float = Field(
        0.1,
        ge=0,
        le=100,
        description="weight, in the generator's loss, of the mean square of what it adds to the prior",
    )
    discriminator_lr: float = Field(3e-4, gt=0, le=1, description="the discriminator's learning rate")
    guidance: float = Field(
        1.0,
        ge=0,
        le=100,
        description="weight, in the generator's loss, of the predictor's error on generated cells; paper: 0",
    )
    adversarial: Literal["cross_entropy", "minimax"] = Field(
        "cross_entropy",
        description="what predictor and generator minimise: -log D, or log(1 - D) as in equations 8, 10",
    )
    relaxation: Literal["straight_through", "soft"] = Field(
        "straight_through",
        description="generated cells are discrete with gradients of their probabilities, or are these",
    )
    temperature: float = Field(1.0, gt=0, le=100, description="of these probabilities")
    noise: float = Field(
        1.0, ge=0, le=100, description="of the draw of operations and edges; 0: the most probable ones"
    )
    prior: bool = Field(
        True,
        description="an untrained generator draws operations and edges as often as unlabelled cells have "
        "them, and never what none of them has",
    )
    repair: bool = Field(
        True, description="make graphs that are no cells into near-by ones; false: drop them"
    )
    same_cells: bool = Field(
        False, description="generate normal and reduction cells alike (darts), as in the paper"
    )
    n_unlabelled: int = Field(
        1000, ge=2, le=1_000_000, description="cells without label to learn from, drawn once a run"
    )
    n_classes: int = Field(5, ge=2, le=100, description="rank classes")
    bound: float | None = Field(
        None,
        ge=0,
        le=1,
        description="accuracy above which a cell is of the best class (t); null: percentile's",
    )
    percentile: float = Field(
        90.0, gt=0, lt=100, description="share of the labelled cells, in percent, that is below t"
    )
    step: float = Field(0.02, gt=0, le=1, description="accuracy between the bounds of two classes")
    targets: Literal["accuracy", "standardised", "ranks"] = Field(
        "ranks", description="what the predictor fits: accuracies, standardised ones, or ranks from -1 to 1"
    )
