"""Our own predictor: Gaussian processes learn which cells are better, from structure and zero-shot scores.

Two processes (`preference`) see a cell's structure in two ways: what random networks of its shape compute
(`encodings.random_flow`) and counted properties of its graph (`encodings.graph_features`). Both see the
smoothed scores of untrained networks (`smooth_scores`), if there are some. The score is their mean. Every
part but the last needs no labels, so that these have little left to tell.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from pydantic import Field, model_validator

from pipeline import settings as base
from pipeline.encodings.graph_features import graph_features
from pipeline.encodings.random_flow import flow_features
from pipeline.encodings.reference import reference_cells
from pipeline.predictors.preference import PreferenceProcess
from pipeline.predictors.replicates import checked_labels
from pipeline.predictors.resources import Resources
from pipeline.randomness import rng
from pipeline.spaces.archs import Archs

KEPT_SETS = 3  # sets of cells whose features are kept
ROWS_AT_ONCE = 8192


class Settings(base.Settings):
    """What the processes see."""

    zeroshot: list[str] = Field(
        [],
        description="scores of untrained networks that are features; with none the structure is all; "
        "on NAS-Bench-201 best: jacob_cov, nwot, relu_logdet, epe_nas, zen, params, synflow, l2_norm, "
        "grad_norm, snip",
    )
    flow: bool = Field(True, description="whether there is a process on what random networks compute")
    counts: bool = Field(True, description="whether there is a process on counted properties of the graph")

    @model_validator(mode="after")
    def _some_process(self):
        if not (self.flow or self.counts):
            raise ValueError("flow and counts are both false: nothing is left to learn from; keep one")
        return self


class Features:
    """What the processes see of cells: (structures by kind, scores); the last sets' are kept."""

    def __init__(self, zeroshot: Path | None, metrics: tuple[str, ...]):
        self._kept: OrderedDict[bytes, tuple[dict[str, np.ndarray], np.ndarray]] = OrderedDict()
        self._scores = None
        if metrics:
            from pipeline.predictors.on_scores import open_scores
            from pipeline.predictors.smooth_scores import SmoothScores

            self._stored = open_scores(Resources(zeroshot=zeroshot))
            with _one_thread():
                self._scores = SmoothScores(self._stored, list(metrics), structures_of)

    def of(self, archs: Archs) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Return ({"flow": float32 (N, S), "counts": float32 (N, T)}, scores float32 (N, M)).

        Raises DataError for cells of another space than the scores'.
        """
        content = hashlib.sha256(archs.ops.tobytes())
        content.update(archs.space.encode() + (b"" if archs.adj is None else archs.adj.tobytes()))
        key = content.digest()
        if key not in self._kept:
            if self._scores is not None:
                self._stored.check_space(archs.space)
            with _one_thread():
                scores = (
                    np.zeros((len(archs), 0), np.float32) if self._scores is None else self._scores.of(archs)
                )
                flow, counts = structures_of(archs)
            self._kept[key] = {"flow": flow, "counts": counts}, scores
            if len(self._kept) > KEPT_SETS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def structures_of(archs: Archs) -> list[np.ndarray]:
    """Return what random networks compute (N, S) and counted properties (N, T), float32, both scaled."""
    mean, deviation = _count_scales(archs.space)
    varied = deviation > 0
    return [flow_features(archs), (graph_features(archs)[:, varied] - mean[varied]) / deviation[varied]]


@cache
def _count_scales(name: str) -> tuple[np.ndarray, np.ndarray]:
    counts = graph_features(reference_cells(name))
    return counts.mean(axis=0), counts.std(axis=0)


class Predictor:
    """Scores of cells, with a deviation; `fit` and `predict` as in scikit-learn."""

    def __init__(self, settings: Settings, resources: Resources | None = None, seed: int = 0, device="cpu"):
        """Raises UserError if settings name zero-shot scores and resources have none."""
        resources = resources or Resources()
        self.settings, self.seed, self.processes = settings, seed, None
        path = Path(resources.zeroshot) if settings.zeroshot and resources.zeroshot else None
        changed = path.stat().st_mtime_ns if path and path.exists() else 0
        self.features = _shared_features(path, tuple(settings.zeroshot), changed)

    def fit(self, archs: Archs, scores, unlabelled: Archs | None = None) -> Predictor:
        """Train on `archs` with accuracies `scores`, float (N,). Unlabelled cells are not used."""
        scores = checked_labels(archs, scores)
        structures, smooth = self.features.of(archs)
        return self._fit(structures, smooth, scores)

    @classmethod
    def fit_many(
        cls,
        settings: Settings,
        resources: Resources,
        archs: Archs,
        scores,
        subsets: np.ndarray,
        seeds: Sequence[int],
        device="cpu",
    ) -> list[Predictor]:
        """Train R predictors that share the features; see `pipeline.predictors.replicates.fit_replicates`."""
        made = [cls(settings, resources, seed, device) for seed in seeds]
        scores, subsets = np.asarray(scores, np.float64), np.asarray(subsets)
        used, place = np.unique(subsets, return_inverse=True)
        structures, smooth = made[0].features.of(archs[used])
        for predictor, rows, labels in zip(made, place.reshape(subsets.shape), subsets, strict=True):
            predictor._fit({kind: x[rows] for kind, x in structures.items()}, smooth[rows], scores[labels])
        return made

    def predict(self, archs: Archs) -> np.ndarray:
        """Return a score for each cell, float32 (N,), mean 0 and deviation 1 over the training cells."""
        return self._mean(archs, "predict")

    def predict_std(self, archs: Archs) -> np.ndarray:
        """Return how uncertain each score is, float32 (N,), as a deviation in the scores' units."""
        return self._mean(archs, "predict_std")

    def _fit(self, structures: dict[str, np.ndarray], smooth: np.ndarray, scores: np.ndarray) -> Predictor:
        self.processes = {}
        with _one_thread():
            for kind in self._kinds():
                generator = rng(self.seed, "preference", kind)
                self.processes[kind] = PreferenceProcess().fit(structures[kind], smooth, scores, generator)
        return self

    def _kinds(self) -> list[str]:
        return [kind for kind in ("flow", "counts") if getattr(self.settings, kind)]

    def _mean(self, archs: Archs, what: str) -> np.ndarray:
        if self.processes is None:
            raise ValueError(f"preference_gp: {what} before fit")
        structures, smooth = self.features.of(archs)
        total = np.zeros(len(archs))
        with _one_thread():
            for start in range(0, len(archs), ROWS_AT_ONCE):
                part = slice(start, start + ROWS_AT_ONCE)
                for kind, process in self.processes.items():
                    total[part] += getattr(process, what)(structures[kind][part], smooth[part])
        return (total / len(self.processes)).astype(np.float32)


@lru_cache(maxsize=2)  # replicates, and refits of a search, share what was computed
def _shared_features(zeroshot: Path | None, metrics: tuple[str, ...], changed: int) -> Features:
    return Features(zeroshot, metrics)


def _one_thread():
    """Keep linear algebra to one thread: its rounding, and so the result, depends on their number."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)
