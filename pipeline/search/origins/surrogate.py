"""Accuracies as surrogates of a benchmark predict them, for any cell of the space."""

from __future__ import annotations

import argparse
import math

import numpy as np

from pipeline import spaces
from pipeline.benchmarks.surrogate import load_surrogate
from pipeline.errors import UserError
from pipeline.job import Job
from pipeline.predictors.resources import named_files
from pipeline.search.context import draw_first
from pipeline.search.domain import Domain
from pipeline.search.settings import SearchSettings
from pipeline.spaces.archs import Archs


def begin(args: argparse.Namespace, job: Job, search: SearchSettings, device):
    """Return (Domain, oracle, initial cells of all runs, reserve of each run).

    Raises UserError without a surrogate of the validation accuracy, and of the accuracy that is queried.
    """
    files = named_files(args.surrogates)
    for name in ("val_acc", f"{search.metric}_acc"):
        if name not in files:
            raise UserError(f"search: surrogates answer for this benchmark; give --surrogates {name}=FILE")
    domain = Domain(spaces.load(job.settings["space"]), None)
    oracle = SurrogateOracle({name: load_surrogate(path) for name, path in files.items()})
    return domain, oracle, *draw_first(domain, search, job.seed, job.settings["benchmark"])


class SurrogateOracle:
    """Asks the surrogates.

    surrogates: "val_acc" and, if there is one, "test_acc" -> what has `predict(archs) -> float64 (N,)`.
    """

    optimum = math.nan  # nobody can ask for all cells

    def __init__(self, surrogates: dict):
        self.surrogates = surrogates

    def evaluate(self, archs: Archs) -> dict[str, np.ndarray]:
        """Return cell, val_acc, test_acc (NaN without a surrogate of it), source, train_seconds (NaN)."""
        nothing = np.full(len(archs), np.nan)
        test = self.surrogates.get("test_acc")
        return {
            "cell": np.array(spaces.load(archs.space).cell_ids(archs), dtype=object),
            "val_acc": self.surrogates["val_acc"].predict(archs),
            "test_acc": nothing if test is None else test.predict(archs),
            "source": np.full(len(archs), "surrogate", dtype=object),
            "train_seconds": nothing,
        }
