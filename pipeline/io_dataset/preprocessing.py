"""From outputs to targets: align features across networks, scale them.

Source: info-NAS thesis, sections 3.2.1 and 4.1.1. Two networks may compute the same features in another
order, so the features of an (image, network) pair are sorted by the network's dense weights for the
image's true label; the constant 1 stands for the bias. N networks, I images, F = C + 1 features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from pipeline.settings import Settings

EPS = float(np.finfo(np.float32).eps)


class PreprocessingSettings(Settings):
    """How outputs become regression targets; the defaults are those of the thesis (table 4.1)."""

    include_bias: bool = Field(True, description="append the constant 1, whose weight is the bias")
    multiply: bool = Field(True, description="multiply each feature by its weight for the true label")
    order: Literal["multiply_first", "scale_first"] = Field(
        "multiply_first", description="the thesis' text scales first, its code multiplies first"
    )
    scale: Literal["network", "feature", "none"] = Field(
        "network", description="statistics of a network as a whole, of each of its features, or no scaling"
    )
    normalize: bool = Field(True, description="scale to mean 0 and deviation 1; else divide by the largest value")
    whole_set: bool = Field(True, description="standardise each sorted position over the training set")
    top_k: int = Field(0, ge=0, le=1_000_000, description="keep the k features of largest weight; 0: all")


@dataclass(frozen=True)
class WholeSet:
    """Mean and deviation of each sorted position, fitted on training networks and seen images, float32 (F,)."""

    mean: np.ndarray
    std: np.ndarray


def aligned(outputs, class_weights, class_bias, labels, settings: PreprocessingSettings) -> np.ndarray:
    """Return one network's sorted targets before whole-set standardisation, float32 (I, F).

    outputs: (I, C). class_weights: (classes, C). class_bias: (classes,). labels: (I,).
    """
    features = np.asarray(outputs, np.float32)
    weights, bias = np.asarray(class_weights, np.float32), np.asarray(class_bias, np.float32)
    if settings.include_bias:
        features = np.concatenate([features, np.ones((len(features), 1), np.float32)], axis=1)
        weights = np.concatenate([weights, bias[:, None]], axis=1)
    of_label = weights[labels]  # (I, F)
    shift, factor = _statistics(features, settings)  # fitted on raw features, as the authors' code does
    if settings.order == "scale_first":
        values = (features - shift) * factor
        values = values * of_label if settings.multiply else values
    else:
        values = features * of_label if settings.multiply else features
        values = (values - shift) * factor
    rank = np.argsort(-weights, axis=1, kind="stable")[labels]  # (I, F): largest weight first
    values = np.take_along_axis(values, rank, axis=1)
    return values[:, : settings.top_k or None].astype(np.float32)


def _statistics(features: np.ndarray, settings: PreprocessingSettings):
    if settings.scale == "none":
        return np.float32(0), np.float32(1)
    axis = None if settings.scale == "network" else 0
    if not settings.normalize:
        return np.float32(0), 1 / np.maximum(features.max(axis=axis), EPS)
    return features.mean(axis=axis), 1 / (features.std(axis=axis) + EPS)


def fit_whole_set(targets: np.ndarray) -> WholeSet:
    """Fit the standardisation of each position on `targets`, float32 (N, I, F): training networks, seen images."""
    flat = targets.reshape(-1, targets.shape[-1]).astype(np.float64)
    return WholeSet(flat.mean(axis=0).astype(np.float32), (flat.std(axis=0) + EPS).astype(np.float32))
