"""What predictors with a neural encoder share: settings of training, `fit`, `fit_many`, `predict`.

A plug-in names its encoder and what the encoder takes of cells; the loss is chosen by its settings. So any
encoder can be trained with any loss.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Literal, Self

import numpy as np
from pydantic import Field, PositiveInt

from pipeline import settings as base
from pipeline.predictors.replicates import checked_labels, method_of
from pipeline.predictors.resources import Resources
from pipeline.predictors.threads import side_by_side, threads_for
from pipeline.spaces import load
from pipeline.spaces.archs import Archs

SCORED_AT_ONCE = 256  # cells; what keeps the layers' activations in a core's cache
VIEWED_AT_ONCE = 64 * SCORED_AT_ONCE  # cells whose views are in memory at once
TRAINED_AT_ONCE = {"cpu": 512, "cuda": 32_768}  # cells of all replicates in one step: cache, and memory
GROUPS = {"cpu": 2, "cuda": 1}  # of replicates at least: two threads have work

COMPARATOR = "pairwise_comparator"  # the loss whose scores are places among the cells scored together
Loss = Literal["pairwise_hinge", "pairwise_bce", "pairwise_comparator", "listmle", "mse"]


class TrainingSettings(base.Settings):
    """Settings of the head and of training; the defaults are the paper's (GATES, section 6.2)."""

    mlp: list[PositiveInt] = Field([200], description="widths of the head's hidden layers")
    dropout: float = Field(0.1, ge=0, lt=1, description="in the head")
    epochs: int = Field(200, ge=1, le=100_000, description="passes over the training cells")
    batch_size: int = Field(512, ge=2, le=1_000_000, description="training cells a step")
    lr: float = Field(1e-3, gt=0, le=10, description="Adam's learning rate")
    weight_decay: float = Field(0.0, ge=0, le=10, description="Adam's weight decay")
    loss: Loss = Field("pairwise_hinge", description="training loss")
    margin: float = Field(0.1, ge=0, le=100, description="margin of the hinge and of the comparator")
    max_compare_ratio: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="pairs drawn in a step, per training cell; null: all pairs (4 with the comparator)",
    )
    list_length: int | None = Field(
        None, ge=2, le=1_000_000, description="cells in a list of listmle; null: the whole batch"
    )
    sorts: int = Field(
        3, ge=1, le=100, description="randomised quick-sorts by the comparator, whose places are averaged"
    )
    accuracies: Literal["as_they_are", "min_max"] = Field(
        "as_they_are",
        description="min_max: 0 is the worst training cell and 1 the best one while training; "
        "what mse predicts are accuracies all the same",
    )
    continuity: float = Field(
        0.0, ge=0, le=1000, description="weight of the loss of feature continuity (ReNAS, equation 5)"
    )
    anchors: int | None = Field(
        32, ge=1, description="cells a step whose distances to all others it compares; null: the whole batch"
    )


class Ranking(ABC):
    """A predictor with a neural encoder; `fit` and `predict` as in scikit-learn."""

    def __init__(self, settings, resources: Resources | None = None, seed: int = 0, device="cpu"):
        self.settings, self.resources, self.seed, self.device = settings, resources, seed, device
        self.network = None

    @classmethod
    @abstractmethod
    def encoder(cls, settings, space, generators):
        """Return an untrained encoder (`encoders.replicated.Replicated`), a replicate for each generator.

        Raises ConfigError if it is not one for cells of `space`.
        """

    @classmethod
    def views(cls, settings, archs: Archs, resources: Resources | None) -> list[np.ndarray]:
        """Return the arrays that the encoder takes of the cells: operations, and edges where they vary."""
        return [view for view in (archs.ops, archs.adj) if view is not None]

    @classmethod
    def targets(cls, settings, archs: Archs, resources: Resources | None) -> np.ndarray | None:
        """Return what an auxiliary head fits, float (N, m); None if there is no such head."""
        return None

    def fit(self, archs: Archs, scores, unlabelled: Archs | None = None) -> Self:
        """Train on `archs` with accuracies `scores`, float (N,). Unlabelled cells are not used."""
        rows = np.arange(len(archs))[None]
        scores = checked_labels(archs, scores)
        fitted = self.fit_many(self.settings, self.resources, archs, scores, rows, [self.seed], self.device)
        self.network = fitted[0].network
        return self

    @classmethod
    def fit_many(
        cls,
        settings,
        resources: Resources | None,
        archs: Archs,
        scores,
        subsets: np.ndarray,
        seeds: Sequence[int],
        device="cpu",
    ) -> list[Self]:
        """Train R replicates as batched models; see `pipeline.predictors.replicates.fit_replicates`.

        A replicate depends on its seed and its cells, not on those that it is trained with. Groups of
        replicates train side by side on the threads that `resources` allows; the groups are the same for
        any number of threads, so the bytes are.
        """
        subsets, scores = np.asarray(subsets), np.asarray(scores, np.float32)
        kind = "cpu" if str(device) == "cpu" else "cuda"
        at_once = TRAINED_AT_ONCE[kind]
        size = max(1, at_once // min(settings.batch_size, subsets.shape[1]))
        groups = np.array_split(np.arange(len(seeds)), max(GROUPS[kind], -(-len(seeds) // size)))

        def trained(group: np.ndarray) -> list[Self]:
            here = [seeds[r] for r in group]
            network = cls._trained(settings, resources, archs, scores, subsets[group], here, device)
            fitted = [cls(settings, resources, seed, device) for seed in here]
            for replicate, predictor in enumerate(fitted):
                predictor.network = network.only(replicate)
            return fitted

        groups = [group for group in groups if len(group)]
        fitted = side_by_side(trained, groups, threads_for(resources, device))
        return [predictor for group in fitted for predictor in group]

    @classmethod
    def _trained(cls, settings, resources, archs: Archs, scores, subsets, seeds, device):
        """Return one network of as many replicates as seeds, trained on the rows `subsets` (R, n)."""
        import torch

        from pipeline.predictors.training import train
        from pipeline.randomness import torch_generator

        generators = [torch_generator(seed, method_of(cls)) for seed in seeds]
        network = cls.encoder(settings, load(archs.space), generators).to(device)
        used, places = np.unique(subsets, return_inverse=True)  # views may be large: none of other cells
        places = places.reshape(subsets.shape)
        views = [
            torch.as_tensor(v[places], device=device) for v in cls.views(settings, archs[used], resources)
        ]
        targets = cls.targets(settings, archs[used], resources)
        if targets is not None:
            targets = torch.as_tensor(standardised(targets[places]), device=device)
        truth = torch.as_tensor(scores[subsets], device=device)
        low, high = truth.amin(dim=1, keepdim=True), truth.amax(dim=1, keepdim=True)
        if settings.accuracies == "min_max":
            truth = (truth - low) / (high - low)
        train(network, views, truth, settings, generators, targets)
        if settings.accuracies == "min_max" and settings.loss == "mse":
            network.stretch(low, high)
        return network

    def predict(self, archs: Archs) -> np.ndarray:
        """Return a score for each cell, float32 (N,); higher is better, the scale has no meaning.

        With the comparator it is the mean place in `sorts` randomised quick-sorts of these cells, 0 the
        last, so it depends on which cells are scored together.
        """
        if self.network is None:
            raise ValueError(f"{method_of(type(self))}: predict before fit")
        if self.settings.loss == COMPARATOR:
            return self._places(archs)
        scores = np.empty(len(archs), np.float32)
        for part, score in self._of_embeddings(archs, lambda z: self.network.score(z)[0]):
            scores[part] = score.cpu().numpy()
        return scores

    def _of_embeddings(self, archs: Archs, read: Callable):
        """Yield (slice of cells, what `read` makes of their embeddings (1, B, h)), in inference mode."""
        import torch

        for begin in range(0, len(archs), VIEWED_AT_ONCE):
            views = self.views(self.settings, archs[begin : begin + VIEWED_AT_ONCE], self.resources)

            def part(start: int, begin=begin, views=views) -> tuple:
                cells = slice(start, min(start + SCORED_AT_ONCE, len(views[0])))
                here = [torch.tensor(view[cells], device=self.device)[None] for view in views]
                with torch.inference_mode():
                    return slice(begin + start, begin + cells.stop), read(self.network.embed(*here))

            starts = range(0, len(views[0]), SCORED_AT_ONCE)
            yield from side_by_side(part, starts, threads_for(self.resources, self.device))

    def _places(self, archs: Archs) -> np.ndarray:
        import torch

        from pipeline.predictors.quick_sort import mean_places

        first, second = [], []
        for _, (a, b) in self._of_embeddings(archs, self.network.sides):
            first.append(a)
            second.append(b)
        if not first:
            return np.empty(0, np.float32)
        with torch.inference_mode():
            first, second = torch.cat(first, dim=1), torch.cat(second, dim=1)

            def better(a: np.ndarray, b: np.ndarray) -> np.ndarray:
                won = self.network.compare(first[:, a], second[:, b])[0] > 0
                return won.cpu().numpy()

            return mean_places(len(archs), better, self.settings.sorts, self.seed)


def standardised(targets: np.ndarray) -> np.ndarray:
    """Return targets (R, n, m) with mean 0 and deviation 1 over a replicate's cells, float32; NaN stays."""
    with np.errstate(invalid="ignore"):
        known = ~np.isnan(targets)
        count = np.maximum(known.sum(axis=1, keepdims=True), 1)
        mean = np.where(known, targets, 0).sum(axis=1, keepdims=True) / count
        deviation = np.sqrt(np.where(known, (targets - mean) ** 2, 0).sum(axis=1, keepdims=True) / count)
    return ((targets - mean) / np.where(deviation > 0, deviation, 1)).astype(np.float32)
