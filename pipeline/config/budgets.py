"""Whether there are as many cells as searches are to ask for, as far as the configuration alone says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.benchmarks.settings import FileBenchmark
from pipeline.by_benchmark import on
from pipeline.spaces import UNLISTED, load

if TYPE_CHECKING:
    from pipeline.config.model import Config

# keys of strategies: how many cells they move or choose among, where these are not all cells of the space
CHOSEN_AMONG = ("n_candidates", "n_drawn")


def check_budgets(config: Config) -> None:
    """Raise ValueError, with the key's path, if a budget or a first training set is more than can be had.

    A table has at most the cells of its space. How many of them it has is known when it has been read: a
    search that asks for more stops when it starts.
    """
    for name, benchmark in config.benchmarks.items():
        size = load(benchmark.space).SIZE
        if config.strategies_of(name):
            _at_most(config, "search", "budget", name, size)
        if _generates(config, name):
            _at_most(config, "generation", "n_train", name, size)
        for strategy in config.strategies_of(name):
            _enough_to_choose_among(config, name, strategy)


def _at_most(config: Config, section: str, key: str, name: str, size: int) -> None:
    settings = getattr(config, section)
    asked, space = getattr(settings.on(name), key), config.benchmarks[name].space
    if asked > size:
        place = f".by_benchmark.{name}" if key in settings.by_benchmark.get(name, {}) else ""
        raise ValueError(
            f"{section}{place}.{key}: {asked} is more than the {size} cells of {space}, the space of "
            f"benchmarks.{name}; lower it"
        )


def _generates(config: Config, name: str) -> bool:
    methods = [settings["method"] for settings in config.strategies_of(name).values()]
    return config.generation is not None and "semigan_nad" in methods


def _enough_to_choose_among(config: Config, name: str, strategy: str) -> None:
    settings, budget = on(config.strategies[strategy], name), config.search.on(name).budget
    for key in CHOSEN_AMONG:
        if key in settings and _matters(config, name, key) and settings[key] < budget:
            raise ValueError(
                f"strategies.{strategy}.{key}: {settings[key]} is less than search.budget on {name}, "
                f"{budget}; raise {key}"
            )


def _matters(config: Config, name: str, key: str) -> bool:
    """Whether cells are drawn to move among, or, where there are more than n_candidates, to choose among."""
    benchmark = config.benchmarks[name]
    if isinstance(benchmark, FileBenchmark):
        return key == "n_candidates" or benchmark.surrogate is not None
    return key == "n_candidates" or benchmark.space in UNLISTED
