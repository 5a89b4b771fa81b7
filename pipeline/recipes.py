"""Which part of the configuration, and which code, each artifact depends on: in one place.

A recipe is what Snakemake compares to decide whether an artifact is stale, what the stage's command
receives, and what `python -m pipeline why` explains. It holds the configuration subtree that the
stage reads (nothing else, so that no other change makes it stale) and the digest of the code that it
runs, the named plug-in included.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from pipeline.config import Config
from pipeline.errors import ConfigError
from pipeline.fingerprint import closure, digest
from pipeline.settings import canonical_json

PREDICTOR_CODE = ("pipeline.predictors.replicates",)


def recipe(stage: str, config: Config, **wildcards) -> dict:
    """Return {seed, settings, entries, code} of the artifact that `stage` makes for these wildcards.

    Raises ConfigError if a wildcard names what the configuration does not have.
    """
    try:
        settings, entries = _RECIPES[stage](config, wildcards)
    except KeyError as error:
        raise ConfigError(f"{stage}: the configuration has no {error.args[0]!r} for {wildcards}") from error
    return {
        "seed": config.seed,
        "settings": settings,
        "entries": sorted(entries),
        "code": _code(tuple(entries)),
    }


def recipe_json(stage: str, config: Config, **wildcards) -> str:
    """Return `recipe` as one canonical string: equal recipes are equal strings."""
    return canonical_json(recipe(stage, config, **wildcards))


@cache
def _code(entries: tuple[str, ...]) -> str:
    return digest(closure(entries))


def chunk_count(n_cells: int, chunk_size: int) -> int:
    """Return how many chunks `n_cells` cells make."""
    return -(-n_cells // chunk_size)


def _chunk(number, n_cells: int, chunk_size: int) -> dict:
    start = int(number) * chunk_size
    if not 0 <= start < n_cells:
        raise ConfigError(
            f"chunk {number}: there are {chunk_count(n_cells, chunk_size)} chunks, counted from 0"
        )
    return {"start": start, "count": min(chunk_size, n_cells - start)}


def _dump(settings) -> dict:
    return settings.model_dump(mode="json")


def _space(config: Config, w: dict):
    return {"space": w["space"]}, ["pipeline.spaces.command", f"pipeline.spaces.{w['space']}.enumeration"]


def _images(config: Config, w: dict):
    settings = config.images[w["images"]]
    return {"name": w["images"], **_dump(settings)}, [
        "pipeline.images.command",
        f"pipeline.images.{settings.source}",
    ]


def _training(config: Config, benchmark: str) -> dict:
    children = config.benchmarks[benchmark].children
    return {
        "images": children.images,
        "network": _dump(children.network),
        "training": _dump(children.training),
    }


def _networks(space: str) -> list[str]:
    """Code that turns a cell into a network: its name (for random streams), canonical form, and modules."""
    return [f"pipeline.spaces.{space}.{module}" for module in ("hashing", "keys", "network")]


def _children(config: Config, w: dict):
    benchmark = config.benchmarks[w["benchmark"]]
    settings = {
        "benchmark": w["benchmark"],
        "space": benchmark.space,
        **_chunk(w["chunk"], benchmark.children.n_cells, benchmark.children.chunk_size),
        **_training(config, w["benchmark"]),
    }
    return settings, ["pipeline.children.command", *_networks(benchmark.space)]


def _benchmarks(config: Config, w: dict):
    benchmark = config.benchmarks[w["benchmark"]]
    settings = {
        "benchmark": w["benchmark"],
        "space": benchmark.space,
        "n_held_out": benchmark.children.n_held_out,
        "n_labelled": benchmark.children.n_labelled,
        "epochs": benchmark.children.training.epochs,
        **_training(config, w["benchmark"]),
    }
    return settings, ["pipeline.benchmarks.command", f"pipeline.spaces.{benchmark.space}.costs"]


def _io_dataset(config: Config, w: dict):
    benchmark = config.benchmarks[w["benchmark"]]
    settings = {
        "benchmark": w["benchmark"],
        "space": benchmark.space,
        "io_dataset": _dump(config.io_dataset),
        **_training(config, w["benchmark"]),
    }
    return settings, ["pipeline.io_dataset.command", f"pipeline.spaces.{benchmark.space}.network"]


def _autoencoders(config: Config, w: dict):
    settings = config.autoencoders[w["autoencoder"]]
    space = config.benchmarks[w["benchmark"]].space
    entries = [
        "pipeline.autoencoders.command",
        f"pipeline.autoencoders.{settings.model}",
        f"pipeline.spaces.{space}",
    ]
    return {"benchmark": w["benchmark"], "space": space, "name": w["autoencoder"], **_dump(settings)}, entries


def _zeroshot(config: Config, w: dict):
    benchmark, zeroshot = config.benchmarks[w["benchmark"]], config.zeroshot
    scores = _dump(zeroshot)
    n_cells = benchmark.children.n_cells + scores.pop("n_candidates")
    settings = {
        "benchmark": w["benchmark"],
        "space": benchmark.space,
        "images": benchmark.children.images,
        **_chunk(w["chunk"], n_cells, scores.pop("chunk_size")),
        **scores,
    }
    return settings, ["pipeline.zeroshot.command", *_networks(benchmark.space)]


def _zeroshot_collect(config: Config, w: dict):
    benchmark = config.benchmarks[w["benchmark"]]
    settings = {
        "benchmark": w["benchmark"],
        "n_held_out": benchmark.children.n_held_out,
        "n_labelled": benchmark.children.n_labelled,
    }
    return settings, ["pipeline.zeroshot.collect"]


def _predictor(config: Config, name: str) -> dict:
    method = dict(config.predictors[name])
    return {"predictor": name, "method": method.pop("method"), "settings": method}


def _predictors(config: Config, w: dict):
    space = config.benchmarks[w["benchmark"]].space
    predictor = _predictor(config, w["predictor"])
    evaluation = _dump(config.evaluation)
    evaluation.pop("n_train")
    settings = {
        "benchmark": w["benchmark"],
        "space": space,
        "n_train": int(w["n_train"]),
        "evaluation": evaluation,
        **predictor,
    }
    entries = [f"pipeline.predictors.{predictor['method']}", f"pipeline.spaces.{space}", *PREDICTOR_CODE]
    return settings, ["pipeline.predictors.command", *entries]


def _search(config: Config, w: dict):
    benchmark = config.benchmarks[w["benchmark"]]
    strategy = dict(config.strategies[w["strategy"]])
    method = strategy.pop("method")
    entries = [
        "pipeline.search.command",
        f"pipeline.search.{method}",
        f"pipeline.spaces.{benchmark.space}",
        *_networks(benchmark.space),
    ]
    predictor = None
    if strategy.get("predictor"):
        predictor = _predictor(config, strategy["predictor"])
        entries += [f"pipeline.predictors.{predictor['method']}", *PREDICTOR_CODE]
    settings = {
        "benchmark": w["benchmark"],
        "space": benchmark.space,
        "strategy": w["strategy"],
        "method": method,
        "settings": strategy,
        "predictor": predictor,
        **_dump(config.search),
        "oracle": _training(config, w["benchmark"]),
    }
    return settings, entries


def _report(config: Config, w: dict):
    spaces = sorted({benchmark.space for benchmark in config.benchmarks.values()})
    return _dump(config), ["pipeline.report.command", *(f"pipeline.spaces.{space}.codes" for space in spaces)]


_RECIPES: dict[str, Callable[[Config, dict], tuple[dict, list[str]]]] = {
    "space": _space,
    "images": _images,
    "children": _children,
    "benchmarks": _benchmarks,
    "io_dataset": _io_dataset,
    "autoencoders": _autoencoders,
    "zeroshot": _zeroshot,
    "zeroshot_collect": _zeroshot_collect,
    "predictors": _predictors,
    "predictors_table": lambda config, w: ({}, ["pipeline.predictors.collect"]),
    "search": _search,
    "search_table": lambda config, w: ({}, ["pipeline.search.collect"]),
    "report": _report,
}
