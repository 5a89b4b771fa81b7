"""What a strategy may know beside what the loop tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from pipeline.randomness import derive, rng
from pipeline.spaces.archs import Archs


@dataclass(frozen=True)
class Context:
    """The surroundings of a strategy's runs; no accuracies are in it.

    space: module of the search space. cells: all its cells (or those that a search may start from).
    reserve: for each run, cells drawn uniformly from the space, in random order and other than its
    initial ones; their labels exist already. seeds: one a run. budget: queries of one run.
    predictor: {predictor, method, settings} for strategies that use one. latents: autoencoder
    artifacts by name. zeroshot: scores of untrained networks. device: torch device for predictors.
    """

    space: ModuleType | Any
    cells: Archs
    reserve: Sequence[Archs]
    seeds: Sequence[int]
    budget: int
    predictor: Mapping | None = None
    latents: Mapping[str, Path] = field(default_factory=dict)
    zeroshot: Path | None = None
    device: Any = "cpu"

    @property
    def n_runs(self) -> int:
        """Return the number of runs."""
        return len(self.seeds)

    def generators(self, *names) -> list[np.random.Generator]:
        """Return one random stream a run, for what `names` say."""
        return [rng(seed, *names) for seed in self.seeds]

    def run_seeds(self, *names) -> list[int]:
        """Return one seed a run, for what `names` say."""
        return [derive(seed, *names) for seed in self.seeds]


def draw_initial(n_labelled: int, n_initial: int, n_runs: int, seed: int, benchmark: str):
    """Draw the labelled cells that every strategy starts from.

    Returns (initial int64 (n_runs, n_initial), reserve int64 (n_runs, n_labelled - n_initial)), indices
    into the labelled cells. They depend on the run, not on the strategy, nor on n_runs.
    """
    order = np.stack(
        [rng(seed, "search", benchmark, "initial", run).permutation(n_labelled) for run in range(n_runs)]
    )
    return order[:, :n_initial], order[:, n_initial:]
