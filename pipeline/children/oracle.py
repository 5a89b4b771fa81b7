"""The oracle of a search on an own benchmark: cells that are not known are trained for real."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from pipeline.children.kept import Kept
from pipeline.progress import track
from pipeline.spaces import load
from pipeline.spaces.archs import Archs


class TrainingOracle:
    """Knows some cells, and trains all others.

    known: official name of a cell -> (validation, test accuracy); all others are trained, and kept.
    side_by_side: so many of the networks that are asked for together are trained at a time; this changes no
    result. optimum: unknown.
    """

    optimum = math.nan

    def __init__(self, kept: Kept, known: Mapping[str, tuple[float, float]], side_by_side: int = 1):
        self.kept, self.known, self.side_by_side = kept, dict(known), side_by_side
        self.trained_now = 0

    def evaluate(self, archs: Archs) -> dict[str, np.ndarray]:
        """Return cell, val_acc, test_acc, source and train_seconds (NaN) of each architecture.

        Accuracies are NaN if the training failed. source: "known", or "trained" (whether now or in an
        earlier run makes no difference to a result).
        """
        cells = load(archs.space).cell_ids(archs)
        accuracies = np.full((len(archs), 2), np.nan)
        source = np.full(len(archs), "known", dtype=object)
        unknown = [i for i, cell in enumerate(cells) if cell not in self.known]
        if unknown:
            found = self.kept.get_all(archs[np.array(unknown)], self.side_by_side)
            for place, result, now in track(found, "networks", len(unknown)):
                self.trained_now += now
                source[unknown[place]] = "trained"
                accuracies[unknown[place]] = result.last("val_acc"), result.last("test_acc")
        for i, cell in enumerate(cells):
            if cell in self.known:
                accuracies[i] = self.known[cell]
        return {
            "cell": np.array(cells, dtype=object),
            "val_acc": accuracies[:, 0],
            "test_acc": accuracies[:, 1],
            "source": source,
            "train_seconds": np.full(len(archs), np.nan),  # differs from machine to machine
        }
