"""Recipes of the data: spaces, images, trained networks, benchmark tables, and what networks put out.

What recipes of other artifacts have in common with these is here too.
"""

from __future__ import annotations

from collections.abc import Callable

from pipeline import spaces
from pipeline.benchmarks.locate import entry_of, judged_by, locate
from pipeline.benchmarks.settings import ChildrenBenchmark, FileBenchmark
from pipeline.config.model import Config
from pipeline.errors import ConfigError

Recipe = Callable[[Config, dict], tuple[dict, list[str]]]  # (configuration, wildcards) -> settings, modules


def chunk_count(n_cells: int, chunk_size: int) -> int:
    """Return how many chunks `n_cells` cells make."""
    return -(-n_cells // chunk_size)


def chunk(number, n_cells: int, chunk_size: int) -> dict:
    """Return {start, count} of one chunk. Raises ConfigError for a number that is too large."""
    start = int(number) * chunk_size
    if not 0 <= start < n_cells:
        raise ConfigError(
            f"chunk {number}: there are {chunk_count(n_cells, chunk_size)} chunks, counted from 0"
        )
    return {"start": start, "count": min(chunk_size, n_cells - start)}


def dump(settings) -> dict:
    """Return settings as plain values, for JSON."""
    return settings.model_dump(mode="json")


def _space(config: Config, w: dict):
    name, settings, drawn = w["space"], {"space": w["space"]}, "enumeration"
    if name in spaces.UNLISTED:
        settings["catalogue"], drawn = config.catalogue, "variation"
    return settings, ["pipeline.spaces.command", *spaces.code(name, drawn, "hashing", "keys")]


def _images(config: Config, w: dict):
    images = config.images[w["images"]]
    entries = ["pipeline.images.command", f"pipeline.images.{images['source']}"]
    return {"name": w["images"], **images}, entries


def trained(config: Config, name: str) -> ChildrenBenchmark:
    """Return the settings of a benchmark of trained networks. Raises ConfigError for one from a file."""
    benchmark = config.benchmarks[name]
    if isinstance(benchmark, FileBenchmark):
        raise ConfigError(f"benchmarks.{name}: it is read from a file; no networks are trained for it")
    return benchmark


def from_file(config: Config, name: str) -> FileBenchmark:
    """Return the settings of a benchmark that is read from a file. Raises ConfigError for another."""
    benchmark = config.benchmarks[name]
    if isinstance(benchmark, ChildrenBenchmark):
        raise ConfigError(f"benchmarks.{name}: its networks are trained here; it is not read from a file")
    return benchmark


def training(config: Config, benchmark: str) -> dict:
    """Return the images, size and recipe that a benchmark's networks are trained with."""
    children = trained(config, benchmark).children
    return {
        "images": children.images,
        "network": dump(children.network),
        "training": dump(children.training),
    }


def networks(space: str) -> list[str]:
    """Code that turns a cell into a network: its name (for random streams), canonical form, and modules."""
    return spaces.code(space, "hashing", "keys", "network")


def _children(config: Config, w: dict):
    benchmark = trained(config, w["benchmark"])
    settings = {
        "benchmark": w["benchmark"],
        "space": benchmark.space,
        **chunk(w["chunk"], benchmark.children.n_cells, benchmark.children.chunk_size),
        **training(config, w["benchmark"]),
    }
    return settings, ["pipeline.children.command", *networks(benchmark.space)]


def _benchmarks(config: Config, w: dict):
    benchmark = trained(config, w["benchmark"])
    settings = {
        "benchmark": w["benchmark"],
        "space": benchmark.space,
        "n_held_out": benchmark.children.n_held_out,
        "n_labelled": benchmark.children.n_labelled,
        "epochs": benchmark.children.training.epochs,
        **training(config, w["benchmark"]),
    }
    return settings, ["pipeline.benchmarks.command", *spaces.code(benchmark.space, "costs", "keys")]


def _ingest(config: Config, w: dict):
    benchmark = from_file(config, w["benchmark"])
    if "file" in w:  # by hand
        chosen = entry_of(w["benchmark"], benchmark, w["file"])
    else:
        chosen, _ = locate(w["benchmark"], benchmark, config.data_dir)
    of_benchmark = dump(benchmark)
    settings = {
        "benchmark": w["benchmark"],
        "file": {key: value for key, value in chosen.items() if key != "split"},
        "test_metric": benchmark.test_metric if chosen["has_test"] else None,
        "split": chosen["split"] or of_benchmark["split"],
        **{name: of_benchmark[name] for name in ("space", "val_metric")},
    }
    parts = ("hashing", "keys", "layout", "official")
    reader = f"pipeline.benchmarks.readers.{chosen['reader']}"
    return settings, ["pipeline.benchmarks.ingest", reader, *spaces.code(benchmark.space, *parts)]


def _surrogate(config: Config, w: dict):
    benchmark = from_file(config, w["benchmark"])
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
        "surrogate": dump(benchmark.surrogate),
    }
    return settings, ["pipeline.benchmarks.surrogate_command", *spaces.code(benchmark.space, "keys")]


def _io_dataset(config: Config, w: dict):
    benchmark = trained(config, w["benchmark"])
    settings = {
        "benchmark": w["benchmark"],
        "space": benchmark.space,
        "io_dataset": dump(config.io_dataset),
        **training(config, w["benchmark"]),
    }
    return settings, ["pipeline.io_dataset.command", *spaces.code(benchmark.space, "network")]


RECIPES: dict[str, Recipe] = {
    "space": _space,
    "images": _images,
    "children": _children,
    "benchmarks": _benchmarks,
    "ingest": _ingest,
    "surrogate": _surrogate,
    "io_dataset": _io_dataset,
}
