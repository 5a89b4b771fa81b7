"""From outputs to targets: align features across networks, scale them.

Source: info-NAS thesis, sections 3.2.1 and 4.1.1. Two networks may compute the same features in another
order, so the features of an (image, network) pair are sorted by the network's dense weights for the
image's true label; the constant 1 stands for the bias. I images, F = C + 1 features, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.io_dataset.settings import PreprocessingSettings

EPS = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Network:
    """One network's outputs and dense layer, bias included where it is configured.

    features: float32 (I, F). weights: float32 (K, F).
    """

    features: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(
        cls, outputs, class_weights, class_bias, settings: PreprocessingSettings, layer: str = "gap"
    ) -> Network:
        """outputs (I, C), class_weights (K, C), class_bias (K,), of any float type.

        Class probabilities (K of them) have one order in all networks and no weights: these are 1 here, so
        that neither sorting nor multiplying changes anything, and no bias is appended.
        """
        features, weights = np.asarray(outputs, np.float32), np.asarray(class_weights, np.float32)
        if layer == "probabilities":
            return cls(features, np.ones((len(weights), features.shape[1]), np.float32))
        if settings.include_bias:
            ones, bias = np.ones((len(features), 1), np.float32), np.asarray(class_bias, np.float32)[:, None]
            features, weights = np.hstack([features, ones]), np.hstack([weights, bias])
        return cls(features, weights)


@dataclass(frozen=True)
class Scale:
    """What is subtracted from a network's values, and what they are multiplied by.

    Both float32: (1, 1) for the network as a whole, (1, F) for each feature; K rows, one a class, if
    weighted or per label.
    """

    shift: np.ndarray
    factor: np.ndarray


@dataclass(frozen=True)
class WholeSet:
    """Mean and deviation of each sorted position over training networks and seen images, float32 (F,)."""

    mean: np.ndarray
    std: np.ndarray


def fit_scale(network: Network, labels, seen: np.ndarray, settings: PreprocessingSettings) -> Scale:
    """Fit a network's own scale on its outputs for `seen` images (boolean (I,)).

    Unless weighted, it is fitted on the raw features, even where they are multiplied before they are
    scaled: so does the code that the thesis' results come from. Weighted, it is fitted once for each class,
    on all seen images times the class' weights; per label, on the class' own images (on all if it has
    none). labels: (I,), the images' true classes.
    """
    if settings.scale == "none":
        return Scale(np.zeros((1, 1), np.float32), np.ones((1, 1), np.float32))
    features, labels = network.features[seen].astype(np.float64), labels[seen]
    axis = None if settings.scale == "network" else 0
    fits = []
    for k, weights in enumerate(network.weights if settings.weighted or settings.per_label else [1]):
        own = labels == k if settings.per_label and (labels == k).any() else slice(None)
        fits.append(_fit(features[own] * (weights if settings.weighted else 1), axis, settings.normalize))
    shift, factor = (np.stack(values).astype(np.float32) for values in zip(*fits, strict=True))
    return Scale(shift, factor)


def _fit(values: np.ndarray, axis: int | None, normalize: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return (shift, factor), each (1,) or (F,)."""
    if not normalize:
        largest = np.atleast_1d(np.abs(values).max(axis=axis))
        return np.zeros_like(largest), 1 / np.maximum(largest, EPS)
    return np.atleast_1d(values.mean(axis=axis)), 1 / (np.atleast_1d(values.std(axis=axis)) + EPS)


def aligned(network: Network, labels, scale: Scale, settings: PreprocessingSettings) -> np.ndarray:
    """Return the sorted targets before whole-set standardisation, float32 (I, top_k or F).

    labels: (I,), the images' true classes.
    """
    of_label = network.weights[labels] if settings.multiply else np.float32(1)  # (I, F)
    row = labels if len(scale.shift) > 1 else np.zeros_like(labels)  # each class may have its own
    shift, factor = scale.shift[row], scale.factor[row]
    if settings.order == "scale_first":
        values = (network.features - shift) * factor * of_label
    else:
        values = (network.features * of_label - shift) * factor
    rank = np.argsort(-network.weights, axis=1, kind="stable")  # (K, F): the largest weight first
    rank = rank[:, : settings.top_k or None]
    return np.take_along_axis(values, rank[labels], axis=1).astype(np.float32, copy=False)


class Moments:
    """Mean and deviation of rows that come in parts, as exact as from all at once (Chan et al. 1983)."""

    def __init__(self, size: int):
        self.count, self.mean, self.squares = 0, np.zeros(size), np.zeros(size)

    def add(self, rows: np.ndarray) -> None:
        """Take in rows (n, size)."""
        rows = rows.astype(np.float64)
        mean = rows.mean(axis=0)
        difference, total = mean - self.mean, self.count + len(rows)
        self.squares += np.square(rows - mean).sum(axis=0)
        self.squares += np.square(difference) * (self.count * len(rows) / total)
        self.mean += difference * (len(rows) / total)
        self.count = total

    def whole_set(self) -> WholeSet:
        """Return the standardisation that these rows define."""
        std = np.sqrt(self.squares / self.count) + EPS
        return WholeSet(self.mean.astype(np.float32), std.astype(np.float32))
