"""Which part of the configuration, and which code, each artifact depends on: in one place.

A recipe is what Snakemake compares to decide whether an artifact is stale, what the stage's command
receives, and what `python -m pipeline why` explains. It holds the configuration subtree that the
stage reads (nothing else, so that no other change makes it stale) and the digest of the code that it
runs, the named plug-in included.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from pipeline import spaces
from pipeline.benchmarks.locate import entry_of, judged_by, locate
from pipeline.benchmarks.settings import ChildrenBenchmark, FileBenchmark
from pipeline.config import Config, images_of
from pipeline.errors import ConfigError
from pipeline.fingerprint import closure, digest
from pipeline.settings import canonical_json

SHOWN = ("codes", "hashing", "keys", "layout", "official")  # what a space shows of its cells
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
    parts = ("enumeration", "hashing", "keys")
    return {"space": w["space"]}, ["pipeline.spaces.command", *spaces.code(w["space"], *parts)]


def _images(config: Config, w: dict):
    images = config.images[w["images"]]
    entries = ["pipeline.images.command", f"pipeline.images.{images['source']}"]
    return {"name": w["images"], **images}, entries


def _trained(config: Config, name: str) -> ChildrenBenchmark:
    """Return the settings of a benchmark of trained networks. Raises ConfigError for one from a file."""
    benchmark = config.benchmarks[name]
    if isinstance(benchmark, FileBenchmark):
        raise ConfigError(f"benchmarks.{name}: it is read from a file; no networks are trained for it")
    return benchmark


def _from_file(config: Config, name: str) -> FileBenchmark:
    """Return the settings of a benchmark that is read from a file. Raises ConfigError for another."""
    benchmark = config.benchmarks[name]
    if isinstance(benchmark, ChildrenBenchmark):
        raise ConfigError(f"benchmarks.{name}: its networks are trained here; it is not read from a file")
    return benchmark


def _training(config: Config, benchmark: str) -> dict:
    children = _trained(config, benchmark).children
    return {
        "images": children.images,
        "network": _dump(children.network),
        "training": _dump(children.training),
    }


def _networks(space: str) -> list[str]:
    """Code that turns a cell into a network: its name (for random streams), canonical form, and modules."""
    return spaces.code(space, "hashing", "keys", "network")


def _children(config: Config, w: dict):
    benchmark = _trained(config, w["benchmark"])
    settings = {
        "benchmark": w["benchmark"],
        "space": benchmark.space,
        **_chunk(w["chunk"], benchmark.children.n_cells, benchmark.children.chunk_size),
        **_training(config, w["benchmark"]),
    }
    return settings, ["pipeline.children.command", *_networks(benchmark.space)]


def _benchmarks(config: Config, w: dict):
    benchmark = _trained(config, w["benchmark"])
    settings = {
        "benchmark": w["benchmark"],
        "space": benchmark.space,
        "n_held_out": benchmark.children.n_held_out,
        "n_labelled": benchmark.children.n_labelled,
        "epochs": benchmark.children.training.epochs,
        **_training(config, w["benchmark"]),
    }
    return settings, ["pipeline.benchmarks.command", *spaces.code(benchmark.space, "costs", "keys")]


def _ingest(config: Config, w: dict):
    benchmark = _from_file(config, w["benchmark"])
    if "file" in w:  # by hand
        chosen = entry_of(w["benchmark"], benchmark, w["file"])
    else:
        chosen, _ = locate(w["benchmark"], benchmark, config.data_dir)
    settings = {
        "benchmark": w["benchmark"],
        "file": chosen,
        "test_metric": benchmark.test_metric if chosen["has_test"] else None,
        **{name: _dump(benchmark)[name] for name in ("space", "val_metric", "split")},
    }
    parts = ("hashing", "keys", "layout", "official")
    reader = f"pipeline.benchmarks.readers.{chosen['reader']}"
    return settings, ["pipeline.benchmarks.ingest", reader, *spaces.code(benchmark.space, *parts)]


def _surrogate(config: Config, w: dict):
    benchmark = _from_file(config, w["benchmark"])
    if benchmark.surrogate is None:
        raise ConfigError(f"benchmarks.{w['benchmark']}.surrogate: none is configured")
    metrics = {"val_acc": benchmark.val_metric}
    metrics["test_acc"] = judged_by(w["benchmark"], benchmark, config.data_dir)
    if metrics[w["target"]] is None:
        raise ConfigError(f"benchmarks.{w['benchmark']}: its file has no test accuracy to learn")
    settings = {
        "benchmark": w["benchmark"],
        "space": benchmark.space,
        "metric": metrics[w["target"]],
        "surrogate": _dump(benchmark.surrogate),
    }
    return settings, ["pipeline.benchmarks.surrogate_command", *spaces.code(benchmark.space, "keys")]


def _io_dataset(config: Config, w: dict):
    benchmark = _trained(config, w["benchmark"])
    settings = {
        "benchmark": w["benchmark"],
        "space": benchmark.space,
        "io_dataset": _dump(config.io_dataset),
        **_training(config, w["benchmark"]),
    }
    return settings, ["pipeline.io_dataset.command", *spaces.code(benchmark.space, "network")]


def _autoencoders(config: Config, w: dict):
    settings = config.autoencoders[w["autoencoder"]]
    space = config.benchmarks[w["benchmark"]].space
    entries = [
        "pipeline.autoencoders.command",
        f"pipeline.autoencoders.{settings.model}",
        *spaces.whole(space),
    ]
    return {"benchmark": w["benchmark"], "space": space, "name": w["autoencoder"], **_dump(settings)}, entries


def _zeroshot(config: Config, w: dict):
    benchmark, zeroshot = config.benchmarks[w["benchmark"]], config.zeroshot
    scores = _dump(zeroshot)
    n_cells = scored_cells(config, w["benchmark"])
    del scores["n_candidates"]
    settings = {
        "benchmark": w["benchmark"],
        "space": benchmark.space,
        "images": images_of(benchmark),
        **_chunk(w["chunk"], n_cells, scores.pop("chunk_size")),
        **scores,
    }
    parts = ("costs", "hashing", "keys", "network")
    return settings, ["pipeline.zeroshot.command", *spaces.code(benchmark.space, *parts)]


def scored_cells(config: Config, name: str) -> int:
    """Return how many cells get zero-shot scores: the trained ones and candidates, or part of a table."""
    benchmark = config.benchmarks[name]
    if isinstance(benchmark, FileBenchmark):
        return benchmark.n_scored
    return benchmark.children.n_cells + config.zeroshot.n_candidates


def _zeroshot_collect(config: Config, w: dict):
    benchmark = config.benchmarks[w["benchmark"]]
    settings = {"benchmark": w["benchmark"]}
    if isinstance(benchmark, ChildrenBenchmark):
        settings["n_held_out"] = benchmark.children.n_held_out
        settings["n_labelled"] = benchmark.children.n_labelled
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
    parts = spaces.code(space, "codes", "keys", "layout", "costs")
    entries = [f"pipeline.predictors.{predictor['method']}", *parts, *PREDICTOR_CODE]
    return settings, ["pipeline.predictors.command", *entries]


def _search(config: Config, w: dict):
    benchmark = config.benchmarks[w["benchmark"]]
    strategy = dict(config.strategies[w["strategy"]])
    method = strategy.pop("method")
    origin = origin_of(benchmark)
    entries = [
        "pipeline.search.command",
        f"pipeline.search.{method}",
        f"pipeline.search.origins.{origin}",
        *spaces.whole(benchmark.space),
    ]
    settings = {
        "benchmark": w["benchmark"],
        "space": benchmark.space,
        "strategy": w["strategy"],
        "method": method,
        "settings": strategy,
        "predictor": None,
        "origin": origin,
        **_dump(config.search),
    }
    if strategy.get("predictor"):
        settings["predictor"] = predictor = _predictor(config, strategy["predictor"])
        entries += [f"pipeline.predictors.{predictor['method']}", *PREDICTOR_CODE]
    if origin == "children":
        settings["oracle"] = _training(config, w["benchmark"])
        entries += _networks(benchmark.space)
    return settings, entries


def origin_of(benchmark) -> str:
    """Return where a search's accuracies come from: a module of `pipeline.search.origins`."""
    if isinstance(benchmark, ChildrenBenchmark):
        return "children"
    return "surrogate" if benchmark.surrogate is not None else "table"


def _report(config: Config, w: dict):
    used = sorted({benchmark.space for benchmark in config.benchmarks.values()})
    shown = [module for space in used for module in spaces.code(space, *SHOWN)]
    return _dump(config), ["pipeline.report.command", *shown]


def _report_index(config: Config, w: dict):
    settings, entries = _report(config, w)
    return settings, ["pipeline.report.overview", *entries[1:]]


_RECIPES: dict[str, Callable[[Config, dict], tuple[dict, list[str]]]] = {
    "space": _space,
    "images": _images,
    "children": _children,
    "benchmarks": _benchmarks,
    "ingest": _ingest,
    "surrogate": _surrogate,
    "io_dataset": _io_dataset,
    "autoencoders": _autoencoders,
    "zeroshot": _zeroshot,
    "zeroshot_collect": _zeroshot_collect,
    "predictors": _predictors,
    "predictors_table": lambda config, w: ({}, ["pipeline.predictors.collect"]),
    "search": _search,
    "search_table": lambda config, w: ({}, ["pipeline.search.collect"]),
    "report": _report,
    "report_index": _report_index,
}
