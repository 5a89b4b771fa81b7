"""Rank classes of accuracies: equation 11 of SemiGAN-NAD. Class 0 is the best.

With t = 0.93 and steps of 0.02: class 0 above 0.93, class 1 above 0.91, …, the last class everything at or
below the last bound.
"""

from __future__ import annotations

import numpy as np

SHARPNESS = 4.0  # of soft classes: the predictor's targets from -1 to 1 or of deviation 1, times this


def class_bounds(accuracies: np.ndarray, settings) -> np.ndarray:
    """Return the bounds between classes, descending float64 (n_classes - 1,); the first one is t.

    accuracies: float (n,) of the labelled cells. settings: `SemiGanSettings`.
    """
    t = settings.bound
    if t is None:
        t = np.percentile(accuracies, settings.percentile)
    return t - settings.step * np.arange(settings.n_classes - 1)


def classes_of(values: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the class of each value, int64 (n,): how many of the (descending) bounds it is not above."""
    return (np.asarray(values)[:, None] <= bounds).sum(axis=1)


def bounds_of_targets(kind: str, targets, accuracies: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the bounds on the scale of what the predictor fits.

    kind: "accuracy", "standardised" or "ranks". targets: that class of `pipeline.predictors.targets`, made
    with `accuracies`, float (n,) of the labelled cells.
    """
    if kind != "ranks":
        return targets.of(bounds)
    return 2 * (accuracies[:, None] <= bounds).mean(axis=0) - 1


def membership(values, bounds, relaxation: str):
    """Return how far each value belongs to each class, a tensor (R, B, C); gradients flow to the values.

    values (R, B), bounds (R, C - 1) descending, tensors on the targets' scale. "soft": as a difference of
    logistic functions at the bounds; "straight_through": 0 or 1, with the gradient of that.
    """
    import torch

    distance = values[:, :, None] - bounds[:, None]  # (R, B, C - 1)
    above = torch.nn.functional.pad((SHARPNESS * distance).sigmoid(), (0, 1), value=1.0)
    soft = above.diff(dim=2, prepend=torch.zeros_like(above[:, :, :1]))
    if relaxation == "soft":
        return soft
    hard = torch.nn.functional.one_hot((distance <= 0).sum(dim=2), soft.shape[2]).to(soft.dtype)
    return hard + soft - soft.detach()
