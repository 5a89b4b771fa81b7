"""Train all replicates of a predictor: as one batched model where it can, one by one where it cannot."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from types import ModuleType

import numpy as np

from pipeline.errors import UserError
from pipeline.predictors.resources import Resources
from pipeline.spaces.archs import Archs


def load(method: str) -> ModuleType:
    """Return the plug-in module of a predictor's method; it has `Settings` and `Predictor`."""
    return importlib.import_module(f"pipeline.predictors.{method}")


def method_of(predictor: type) -> str:
    """Return the method whose plug-in a `Predictor` class is: the name of its file."""
    return predictor.__module__.rpartition(".")[2]


def regresses_accuracy(method: str, settings) -> bool:
    """Say whether a predictor's scores are accuracies, so that their errors mean something.

    A plug-in says so by REGRESSES_ACCURACY: True, or the settings under which they are; without it, they
    only rank.
    """
    flag = getattr(load(method), "REGRESSES_ACCURACY", False)
    if isinstance(flag, bool):
        return flag
    return all(getattr(settings, key) == value for key, value in flag.items())


def uses_unlabelled(method: str) -> bool:
    """Say whether a predictor learns from cells without labels, too: its plug-in has USES_UNLABELLED."""
    return getattr(load(method), "USES_UNLABELLED", False)


def fit_replicates(
    method: str,
    settings,
    resources: Resources,
    archs: Archs,
    scores: np.ndarray,
    subsets: np.ndarray,
    seeds: Sequence[int],
    device="cpu",
    unlabelled: Archs | None = None,
) -> list:
    """Return R fitted predictors.

    archs: the pool. scores: float (N,), higher is better. subsets: int64 (R, n), the rows of the pool
    that each replicate is trained on. seeds: one a replicate. unlabelled: cells that plug-ins with
    USES_UNLABELLED may learn from beside a replicate's own, which may be among them. Raises UserError if
    the labels of a replicate are NaN or fewer than two distinct values.
    """
    subsets = np.asarray(subsets)
    scores = checked_labels(archs, scores, subsets)
    predictor = load(method).Predictor
    others = unlabelled if uses_unlabelled(method) else None
    if hasattr(predictor, "fit_many"):
        more = {"unlabelled": others} if uses_unlabelled(method) else {}
        return predictor.fit_many(settings, resources, archs, scores, subsets, seeds, device, **more)
    return [
        predictor(settings, resources, seed, device).fit(archs[rows], scores[rows], unlabelled=others)
        for rows, seed in zip(subsets, seeds, strict=True)
    ]


def checked_labels(archs: Archs, scores, subsets: np.ndarray | None = None) -> np.ndarray:
    """Return `scores` as float64 (N,), which predictors can be trained on.

    subsets: int64 (R, n), the rows that each of R predictors learns from; None: one that learns from all.
    Raises ValueError unless there is a score for each cell, and UserError if a predictor's are not finite or
    are all the same.
    """
    scores = np.asarray(scores, np.float64)
    if scores.shape != (len(archs),):
        raise ValueError(f"fit: scores of shape {scores.shape} for {len(archs)} cells; expected one for each")
    if subsets is None:
        subsets = np.arange(len(archs))[None]
    chosen = scores[subsets].astype(np.float32)  # what is trained on
    missing = ~np.isfinite(chosen)
    if missing.any():
        rows = subsets[missing]
        raise UserError(
            f"predictor: {len(np.unique(rows))} training labels are NaN or infinite "
            f"(first: row {rows[0]}, {scores[rows[0]]}); drop them"
        )
    for replicate, values in enumerate(chosen):
        if len(np.unique(values)) < 2:
            raise UserError(
                f"predictor: the {len(values)} training labels of replicate {replicate} are all equal; "
                "at least two distinct ones are needed to learn a ranking"
            )
    return scores
