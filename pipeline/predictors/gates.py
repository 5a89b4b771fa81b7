"""GATES: an encoder that mimics how data flows through a cell, trained on pairwise comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field, PositiveInt

from pipeline import settings as base
from pipeline.errors import ConfigError
from pipeline.predictors.replicates import check_labels
from pipeline.predictors.resources import Resources
from pipeline.spaces import load
from pipeline.spaces.archs import Archs

REGRESSES_ACCURACY = {"loss": "mse"}
SCORED_AT_ONCE = 256  # cells; what keeps the layers' activations in a core's cache
TRAINED_AT_ONCE = {"cpu": 512, "cuda": 32_768}  # cells of all replicates in one step: cache, and memory


class Settings(base.Settings):
    """Settings of GATES; the defaults are the paper's for NAS-Bench-101 (section 6.2)."""

    layers: int = Field(
        5, ge=1, le=100, description="GATES layers; a piece of information travels as many edges"
    )
    hidden: int = Field(128, ge=1, le=4096, description="width of a layer")
    operation_dim: int = Field(48, ge=1, le=4096, description="size of an operation's embedding")
    information_dim: int = Field(48, ge=1, le=4096, description="size of the input's embedding")
    information_hidden: int = Field(
        96, ge=1, le=4096, description="width of the information that enters layer 1"
    )
    readout: Literal["mean", "output"] = Field(
        "mean", description="mean over nodes, or the output node alone"
    )
    mlp: list[PositiveInt] = Field([200], description="widths of the head's hidden layers")
    dropout: float = Field(0.1, ge=0, lt=1, description="in the head")
    epochs: int = Field(200, ge=1, le=100_000, description="passes over the training cells")
    batch_size: int = Field(512, ge=2, le=1_000_000, description="training cells a step")
    lr: float = Field(1e-3, gt=0, le=10, description="Adam's learning rate")
    weight_decay: float = Field(0.0, ge=0, le=10, description="Adam's weight decay")
    loss: Literal["pairwise_hinge", "pairwise_bce", "mse"] = Field(
        "pairwise_hinge", description="training loss"
    )
    margin: float = Field(0.1, ge=0, le=100, description="margin of the hinge")
    max_compare_ratio: float = Field(
        4.0, gt=0, le=1000, description="pairs drawn in a step, per training cell"
    )


class Predictor:
    """A GATES predictor; `fit` and `predict` as in scikit-learn."""

    def __init__(self, settings: Settings, resources: Resources | None = None, seed: int = 0, device="cpu"):
        self.settings, self.resources, self.seed, self.device = settings, resources, seed, device
        self.network = None

    def fit(self, archs: Archs, scores, unlabelled: Archs | None = None) -> Predictor:
        """Train on `archs` with accuracies `scores`, float (N,). Unlabelled cells are not used."""
        rows = np.arange(len(archs))[None]
        check_labels(np.asarray(scores, np.float64), rows)
        fitted = self.fit_many(self.settings, self.resources, archs, scores, rows, [self.seed], self.device)
        self.network = fitted[0].network
        return self

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
    ) -> list[Predictor]:
        """Train R replicates as batched models; see `pipeline.predictors.replicates.fit_replicates`.

        A replicate depends on its seed and its cells, not on those that it is trained with.
        """
        subsets, scores = np.asarray(subsets), np.asarray(scores, np.float32)
        at_once = TRAINED_AT_ONCE["cpu" if str(device) == "cpu" else "cuda"]
        group = max(1, at_once // min(settings.batch_size, subsets.shape[1]))
        fitted = []
        for start in range(0, len(seeds), group):
            part = slice(start, start + group)
            network = _trained(settings, archs, scores, subsets[part], seeds[part], device)
            for replicate, seed in enumerate(seeds[part]):
                fitted.append(cls(settings, resources, seed, device))
                fitted[-1].network = network.only(replicate)
        return fitted

    def predict(self, archs: Archs) -> np.ndarray:
        """Return a score for each cell, float32 (N,); higher is better, the scale has no meaning."""
        import torch

        if self.network is None:
            raise ValueError("gates: predict before fit")
        scores = np.empty(len(archs), np.float32)
        with torch.inference_mode():
            for start in range(0, len(archs), SCORED_AT_ONCE):
                part = slice(start, start + SCORED_AT_ONCE)
                views = [torch.tensor(view[part], device=self.device)[None] for view in _views(archs)]
                scores[part] = self.network(*views)[0].cpu().numpy()
        return scores


def _trained(settings: Settings, archs: Archs, scores: np.ndarray, subsets: np.ndarray, seeds, device):
    """Return one network of as many replicates as there are seeds, trained on the rows `subsets` (R, n)."""
    import torch

    from pipeline.predictors.training import train
    from pipeline.randomness import torch_generator

    generators = [torch_generator(seed, "gates") for seed in seeds]
    network = _network(settings, load(archs.space), generators).to(device)
    views = tuple(torch.as_tensor(view[subsets], device=device) for view in _views(archs))
    truth = torch.as_tensor(scores[subsets], device=device)
    train(network, views, truth, settings, generators)
    return network


def _network(settings: Settings, space, generators):
    """Return an untrained network for the cells of `space`, a replicate for each generator."""
    if space.OPERATIONS_ON == "nodes":
        from pipeline.predictors.encoders.gates import GatesNodes

        return GatesNodes(settings, space.N_OPS, space.NONE, space.INPUT, generators)
    if settings.readout == "output" and space.N_CELLS > 1:
        raise ConfigError(
            f"gates: a cell of {space.NAME} joins several nodes in its output, so no single one stands for "
            "it; set readout: mean"
        )
    from pipeline.predictors.encoders.gates_edges import GatesEdges

    return GatesEdges(settings, space, generators)


def _views(archs: Archs) -> list[np.ndarray]:
    """Return the arrays that the network takes of the cells: operations, and edges where they vary."""
    return [view for view in (archs.ops, archs.adj) if view is not None]
