"""Cells as points for a model of accuracy, so that cells which behave alike lie near each other.

A point joins groups of features. Each group is scaled so that the mean squared distance of two random cells
is 2 in it, whatever its numbers are and however many it has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pipeline import spaces
from pipeline.encodings.path_counts import path_counts, path_summary
from pipeline.predictors.on_scores import ScoreFeatures, ScoreInputs
from pipeline.predictors.resources import Resources
from pipeline.search.context import Context
from pipeline.search.latent_cells import embedding
from pipeline.spaces.archs import Archs

Points = Callable[[Archs], np.ndarray]  # cells -> float32 (N, D)


def feature_points(context: Context, like: Archs, zeroshot: Sequence[str] = ()) -> Points:
    """Return what makes points of cells from what is known of them without any training.

    like: cells by which groups are scaled. zeroshot: metrics that are one more group, as ranks among `like`.
    The groups: which operation is where; how often each occurs; `path_counts`; `path_summary`; logarithms
    of parameters and FLOPs.
    """
    features = {_places: False, _numbers: True, path_counts: False, _paths: True, _costs: True}
    groups = [_group(f, like, standardise) for f, standardise in features.items()]
    if zeroshot:
        inputs = ScoreInputs(zeroshot=list(zeroshot), missing="impute")
        scores = ScoreFeatures(inputs, Resources(zeroshot=context.zeroshot)).fit(like)
        groups.append(_group(lambda archs: np.nan_to_num(scores.of(archs)), like))
    return lambda archs: np.concatenate([group(archs) for group in groups], axis=1)


def latent_points(context: Context, like: Archs, settings) -> Points:
    """Return what makes points of cells from an autoencoder's latents (settings.latents, settings.point)."""
    return _group(embedding(context, settings), like)


def _group(features: Points, like: Archs, standardise: bool = False) -> Points:
    """Scale one group by the cells `like`; features that are constant there have no say.

    standardise: give each feature the same deviation first.
    """
    values = features(like).astype(np.float64)
    centre, deviation = values.mean(axis=0), values.std(axis=0)
    there = deviation > 1e-9
    centre, deviation = centre[there], deviation[there]
    scale = 1 / deviation if standardise else np.ones(len(deviation))
    scale /= np.sqrt(np.square(deviation * scale).sum()) or 1
    return lambda archs: ((features(archs)[:, there] - centre) * scale).astype(np.float32)


def _operations(archs: Archs) -> np.ndarray:
    """Return bool (N, places, operations); what is on no path counts as no operation."""
    space = spaces.load(archs.space)
    archs = space.prune(archs) if hasattr(space, "prune") else archs
    return archs.ops.reshape(len(archs), -1, 1) == np.arange(space.N_OPS, dtype=np.uint8)


def _places(archs: Archs) -> np.ndarray:
    hot = _operations(archs).reshape(len(archs), -1)
    return hot if archs.adj is None else np.concatenate([hot, archs.adj.reshape(len(archs), -1)], axis=1)


def _numbers(archs: Archs) -> np.ndarray:
    return _operations(archs).sum(axis=1)


def _paths(archs: Archs) -> np.ndarray:
    return path_summary(archs.space, path_counts(archs))


def _costs(archs: Archs) -> np.ndarray:
    space = spaces.load(archs.space)
    return np.log(np.stack([space.params(archs), space.flops(archs)], axis=1).astype(np.float64))
