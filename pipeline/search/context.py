"""What a strategy may know beside what the loop tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ConfigError
from pipeline.randomness import derive, rng
from pipeline.search.domain import Domain
from pipeline.search.settings import SearchSettings, check_against_space
from pipeline.spaces.archs import Archs
from pipeline.spaces.by_cost import drawn, network_costs


@dataclass(frozen=True)
class Context:
    """The surroundings of a strategy's runs; no accuracies are in it.

    space: the cells that may be asked for. reserve: for each run, cells drawn uniformly from the space, in
    random order and other than its initial ones, that random search asks for first. seeds: one a run.
    common_seed: the same for all runs of a search, also where other processes have the other ones.
    budget: queries of one run. predictor: {predictor, method, settings} for strategies that use one.
    latents: autoencoder artifacts by name. zeroshot: scores of untrained networks. device: torch device for
    predictors.
    """

    space: Domain
    reserve: Sequence[Archs]
    seeds: Sequence[int]
    budget: int
    predictor: Mapping | None = None
    latents: Mapping[str, Path] = field(default_factory=dict)
    zeroshot: Path | None = None
    device: Any = "cpu"
    common_seed: int = 0

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


def draw_initial(
    n_labelled: int, n_initial: int, n_runs: int, seed: int, benchmark: str, costs: np.ndarray | None = None
):
    """Draw the labelled cells that every strategy starts from; see `spaces.by_cost` for costs.

    Returns (initial int64 (n_runs, n_initial), reserve int64 (n_runs, n_labelled - n_initial)), indices
    into the labelled cells. They depend on the run, not on the strategy, nor on n_runs.
    """
    initial, reserve = [], []
    for run in range(n_runs):
        order = rng(seed, "search", benchmark, "initial", run).permutation(n_labelled)
        first = order[:n_initial]
        if costs is not None:
            first = drawn(n_labelled, n_initial, costs, rng(seed, "search", benchmark, "by cost", run))
        initial.append(first)
        reserve.append(order[~np.isin(order, first)])
    return np.stack(initial), np.stack(reserve)


def draw_first(domain: Domain, search: SearchSettings, seed: int, benchmark: str):
    """Draw cells uniformly from a domain in which no accuracy comes free.

    Returns (initial: Archs that every strategy starts from, run after run; reserve: for each run, the Archs
    after them in the same draw, up to the budget). They depend on the run, not on the strategy.
    Raises ConfigError if the domain has fewer cells than the budget, or is to be sorted and too large.
    """
    check_against_space(search, domain.size, domain.size, benchmark)
    n, runs = search.n_initial, range(search.n_runs)
    cells = [domain.draw(search.budget, rng(seed, "search", benchmark, "initial", run)) for run in runs]
    if search.sampling == "random":
        return Archs.concatenate([some[:n] for some in cells]), [some[n:] for some in cells]
    if domain.cells is None:
        raise ConfigError(
            f"search.sampling: the cells of {benchmark}'s space are too many to be sorted by "
            f"{search.sampling}; take random"
        )
    costs = network_costs(domain.cells, search.sampling)
    streams = [rng(seed, "search", benchmark, "by cost", run) for run in runs]
    first = [domain.cells[drawn(domain.size, n, costs, stream)] for stream in streams]
    others = [
        some[~np.isin(domain.cell_key(some), domain.cell_key(chosen))]
        for some, chosen in zip(cells, first, strict=True)
    ]
    return Archs.concatenate(first), [some[: search.budget - n] for some in others]
