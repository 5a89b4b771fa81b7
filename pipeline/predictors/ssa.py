"""The semi-supervised assessor: cells, labelled or not, predicted together with those that are like them.

Source: Tang et al. 2020, "A Semi-Supervised Assessor of Neural Architectures". What the paper leaves open is
a setting here; docs/explanation/ssa.md says which choice is whose.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Lock
from typing import Literal, Self

import numpy as np
from pydantic import Field, PositiveInt

from pipeline import settings as base
from pipeline.counted import Counted
from pipeline.encodings.op_numbers import ORDER, OpOrder, op_numbers
from pipeline.encodings.renas_tensor import tensor_size
from pipeline.errors import ConfigError
from pipeline.predictors.replicates import checked_labels
from pipeline.predictors.resources import Resources
from pipeline.predictors.targets import TARGETS
from pipeline.predictors.threads import side_by_side, threads_for
from pipeline.randomness import derive, rng, seed_torch, torch_generator
from pipeline.spaces import UNLISTED, load
from pipeline.spaces.archs import Archs

REGRESSES_ACCURACY = {"loss": "mse"}
USES_UNLABELLED = True
SEEDED = Lock()  # torch's own generator, which draws the first weights, is one for all threads
log = logging.getLogger("nasflow")


class Settings(base.Settings):
    """Settings of the assessor; sigma, tau, reconstruction, lr, batch_size and epochs are the paper's."""

    matrix: Literal["operations", "one_hot", "tensor"] = Field(
        "operations",
        description="entries of a cell's matrix: numbers of operations, or a channel for each; tensor: "
        "ReNAS' types, FLOPs and parameters (NAS-Bench-101 and 201)",
    )
    op_order: OpOrder = Field(None, description=f"{ORDER}; the channels of one_hot have no order")
    autoencoder: bool = Field(True, description="false: the matrix itself is a cell's representation")
    channels: list[PositiveInt] = Field(
        [16, 32], min_length=1, description="channels of the encoder's convolutions"
    )
    batch_norm: bool = Field(False, description="batch normalisation after the encoder's convolutions")
    latent: int = Field(64, ge=1, le=4096, description="size of an embedding")
    hidden: int = Field(128, ge=1, le=4096, description="width of the graph convolution")
    graph: Literal["batch", "space", "none"] = Field(
        "batch",
        description="batch: random cells are one another's neighbours; space: labelled cells are trained "
        "beside their nearest, and scores take all known cells as neighbours; none: no graph",
    )
    neighbours: int = Field(
        16, ge=1, le=10_000, description="graph: space: nearest cells that a labelled one draws from"
    )
    normalisation: Literal["l2", "centred", "none"] = Field(
        "l2",
        description="between what distances are taken: embeddings of length 1; of length 1 after their mean "
        "is taken off; as they are",
    )
    distance: Literal["mean_squared", "squared", "euclidean"] = Field(
        "mean_squared", description="of two embeddings; mean_squared: a mean over coordinates"
    )
    sigma: float = Field(0.01, gt=0, le=1e6, description="scale of the similarity exp(-d / 2 sigma^2)")
    tau: float = Field(1e-5, gt=0, lt=1, description="similarities up to this are no edge")
    reconstruction: float = Field(
        0.5, ge=0, lt=1, description="weight lambda of the reconstruction; 1 - lambda: of the prediction"
    )
    loss: Literal["mse", "pairwise_hinge", "pairwise_bce", "listmle"] = Field(
        "mse", description="what labelled cells are trained on"
    )
    targets: Literal["accuracy", "standardised", "ranks"] = Field(
        "ranks", description="what mse regresses; predictions are accuracies whatever it is"
    )
    margin: float = Field(0.1, ge=0, le=100, description="margin of the hinge")
    max_compare_ratio: float | None = Field(
        None, gt=0, le=1000, description="pairs drawn in a step, per labelled cell; null: all pairs"
    )
    list_length: int | None = Field(
        None, ge=2, le=1_000_000, description="cells in a list of listmle; null: all of a batch"
    )
    n_unlabelled: int | None = Field(
        None, ge=0, le=10_000_000, description="unlabelled cells, drawn from those there are; null: all"
    )
    unlabelled: Literal["table", "space"] = Field(
        "table",
        description="where they come from: the benchmark's table, or all cells of a space that can be listed",
    )
    labelled_share: float = Field(
        0.5, gt=0, lt=1, description="share of labelled cells in a batch, as far as there are enough"
    )
    batch_size: int = Field(1024, ge=2, le=100_000, description="cells a step, labelled and unlabelled")
    pretrain_epochs: int = Field(
        2, ge=0, le=100_000, description="passes of the auto-encoder alone over all cells"
    )
    epochs: int = Field(200, ge=1, le=100_000, description="passes over the labelled cells")
    lr: float = Field(1e-3, gt=0, le=10, description="Adam's learning rate")


def fits(settings: Settings, space) -> None:
    """Raise ConfigError for what the space does not have: a tensor, these operations, a list of all cells."""
    if settings.matrix == "tensor":
        tensor_size(space)
    op_numbers(space.NAME, settings.op_order)
    if settings.unlabelled == "space" and space.NAME in UNLISTED:
        raise ConfigError(f"ssa: {space.NAME} is too large to be listed; set unlabelled: table (its cells)")


class Predictor:
    """The assessor; `fit` and `predict` as in scikit-learn."""

    def __init__(self, settings: Settings, resources: Resources | None = None, seed: int = 0, device="cpu"):
        self.settings, self.seed, self.device = settings, seed, device
        self.threads = threads_for(resources, device)
        self.network = self.target = self.context = None
        self.density = float("nan")

    def fit(self, archs: Archs, scores, unlabelled: Archs | None = None) -> Self:
        """Train on `archs` with accuracies `scores`, float (N,), and on cells without.

        Those of `unlabelled` that are in `archs`, too, are left out. Raises UserError if the similarity graph
        connects no cells, or all.
        """
        scores = checked_labels(archs, scores)
        with self._counted(self.settings, 1) as epochs:
            return side_by_side(lambda _: self._fit(archs, scores, unlabelled, epochs), [0], 1)[0]

    @classmethod
    def fit_many(
        cls,
        settings: Settings,
        resources: Resources | None,
        archs: Archs,
        scores,
        subsets: np.ndarray,
        seeds: Sequence[int],
        device="cpu",
        unlabelled: Archs | None = None,
    ) -> list[Predictor]:
        """Train R predictors, as many at a time as there are threads; see `replicates.fit_replicates`."""
        scores = np.asarray(scores, np.float64)

        def trained(replicate: int) -> Predictor:
            rows, made = subsets[replicate], cls(settings, resources, seeds[replicate], device)
            return made._fit(archs[rows], scores[rows], unlabelled, epochs)

        with cls._counted(settings, len(seeds)) as epochs:
            return side_by_side(trained, range(len(seeds)), threads_for(resources, device))

    @staticmethod
    def _counted(settings: Settings, predictors: int) -> Counted:
        """Return what tells who watches how many epochs are done."""
        first = settings.pretrain_epochs if settings.autoencoder else 0
        return Counted("epochs", predictors * (first + settings.epochs))

    def _fit(self, archs: Archs, scores: np.ndarray, unlabelled: Archs | None, epochs: Counted) -> Self:
        from pipeline.predictors.ssa_cells import Cells, Network
        from pipeline.predictors.ssa_context import Context
        from pipeline.predictors.ssa_training import pretrain, train

        fits(self.settings, load(archs.space))
        s, others = self.settings, self._unlabelled(archs, unlabelled)
        known = Cells(Archs.concatenate([archs, others]), s, self.device)
        self.target = TARGETS[s.targets if s.loss == "mse" else "standardised"](scores)
        with SEEDED:
            seed_torch(self.seed, "ssa")
            self.network = Network(archs.space, s, known.scale).to(self.device)
        generator = torch_generator(self.seed, "ssa")
        if s.autoencoder:
            pretrain(self.network, known, s, generator, epochs)
        truth = known.tensor(self.target.of(scores))
        self.density = train(self.network, known, truth, s, generator, epochs)
        self.context = Context(self.network, known, len(archs), s, generator)
        joined = f"; a batch's graph connects {self.density:.4f} of its pairs" if s.graph != "none" else ""
        log.info("ssa: %d labelled and %d unlabelled cells%s", len(archs), len(others), joined)
        return self

    def _unlabelled(self, archs: Archs, given: Archs | None) -> Archs:
        """Return the cells to learn from without labels."""
        space, n = load(archs.space), self.settings.n_unlabelled
        if self.settings.unlabelled == "space":
            given = space.enumerate_cells()
        if given is None or n == 0:
            return archs[:0]
        others = given[~np.isin(space.cell_key(given), space.cell_key(archs))]
        if n is None or n >= len(others):
            return others
        return others[np.sort(rng(derive(self.seed, "unlabelled")).permutation(len(others))[:n])]

    def predict(self, archs: Archs) -> np.ndarray:
        """Return the predicted accuracy of each cell, float32 (N,); with a ranking loss a score.

        Each is predicted beside the same known cells, so it does not depend on the others in `archs`.
        """
        if self.context is None:
            raise ValueError("ssa: predict before fit")
        scores = self.context.predict(archs, self.threads)
        return (self.target.back(scores) if self.settings.loss == "mse" else scores).astype(np.float32)
