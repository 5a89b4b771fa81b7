"""Which part of the configuration, and which code, each artifact depends on: in one place.

A recipe is what Snakemake compares to decide whether an artifact is stale, what the stage's command
receives, and what `python -m pipeline why` explains. It holds the configuration subtree that the
stage reads (nothing else, so that no other change makes it stale) and the digest of the code that it
runs, the named plug-in included. Recipes of the data are in `recipes_data`, those of what is learned from
it here.
"""

from __future__ import annotations

from functools import cache

from pipeline import spaces
from pipeline.benchmarks.settings import ChildrenBenchmark, FileBenchmark, images_of
from pipeline.by_benchmark import KEY, is_used_on, on
from pipeline.config.model import Config, io_benchmark_of
from pipeline.errors import ConfigError
from pipeline.evaluation.settings import protocol_of
from pipeline.papers.printed import checksum
from pipeline.settings import canonical_json
from pipeline.staleness.fingerprint import closure, digest
from pipeline.staleness.recipes_data import RECIPES, Recipe, chunk, chunk_count, dump, networks, training

SHOWN = ("codes", "hashing", "keys", "layout", "official")  # what a space shows of its cells
PREDICTOR_CODE = ("pipeline.predictors.replicates",)

__all__ = ["chunk_count", "origin_of", "recipe", "recipe_json", "scored_cells"]


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


def _autoencoder_run(config: Config, w: dict) -> dict:
    """Return what names one run of an autoencoder. Raises ConfigError if there is no such run."""
    n_seeds, run = config.autoencoders[w["autoencoder"]].n_seeds, int(w.get("autoencoder_seed", 1))
    if not 1 <= run <= n_seeds:
        raise ConfigError(
            f"autoencoders.{w['autoencoder']}: there is no run {run}; n_seeds: {n_seeds} means runs 1 to "
            f"{n_seeds}"
        )
    space = config.benchmarks[w["benchmark"]].space
    if w["autoencoder"] not in config.encoders_of(w["benchmark"]):
        raise ConfigError(f"autoencoders.{w['autoencoder']}.benchmarks: {w['benchmark']} is not among them")
    return {"benchmark": w["benchmark"], "space": space, "name": w["autoencoder"], "run": run}


def _autoencoders(config: Config, w: dict):
    names, settings = _autoencoder_run(config, w), config.autoencoders[w["autoencoder"]]
    of_model = dump(settings)
    for key in ("n_seeds", "benchmarks", "n_embedded"):  # the rules': more runs leave the others as they are
        del of_model[key]
    if "io_dataset" in of_model:
        of_model["io_dataset"] = io_benchmark_of(config, w["benchmark"], w["autoencoder"])
    entries = [
        "pipeline.autoencoders.command",
        f"pipeline.autoencoders.{settings.model}",
        *spaces.whole(names["space"]),
    ]
    if settings.model == "infonas":
        entries.append(f"pipeline.autoencoders.regressors.{settings.regressor}")
    return names | of_model, entries


def _embeddings(config: Config, w: dict):
    settings = _autoencoder_run(config, w)
    if settings["space"] in spaces.UNLISTED:
        settings["n_embedded"] = config.autoencoders[w["autoencoder"]].n_embedded
    return settings, ["pipeline.autoencoders.embeddings_command", *spaces.whole(settings["space"])]


def _zeroshot(config: Config, w: dict):
    benchmark, zeroshot = config.benchmarks[w["benchmark"]], config.zeroshot
    scores = dump(zeroshot)
    n_cells = scored_cells(config, w["benchmark"])
    del scores["n_candidates"]
    settings = {
        "benchmark": w["benchmark"],
        "space": benchmark.space,
        "images": images_of(benchmark),
        **chunk(w["chunk"], n_cells, scores.pop("chunk_size")),
        **scores,
    }
    parts = ("costs", "hashing", "keys", "network")
    return settings, ["pipeline.zeroshot.command", *spaces.code(benchmark.space, *parts)]


def scored_cells(config: Config, name: str) -> int:
    """Return how many cells get zero-shot scores: the trained ones and candidates, or those of a table."""
    benchmark = config.benchmarks[name]
    if isinstance(benchmark, FileBenchmark):
        return spaces.load(benchmark.space).SIZE if benchmark.n_scored == "all" else benchmark.n_scored
    return benchmark.children.n_cells + config.zeroshot.n_candidates


def _zeroshot_collect(config: Config, w: dict):
    benchmark = config.benchmarks[w["benchmark"]]
    settings = {"benchmark": w["benchmark"]}
    if isinstance(benchmark, ChildrenBenchmark):
        settings["n_held_out"] = benchmark.children.n_held_out
        settings["n_labelled"] = benchmark.children.n_labelled
    return settings, ["pipeline.zeroshot.collect"]


def _predictor(config: Config, name: str, benchmark: str) -> dict:
    method = on(config.predictors[name], benchmark)
    return {"predictor": name, "method": method.pop("method"), "settings": method}


def _used_on(named: dict, kind: str, name: str, benchmark: str) -> None:
    """Raise ConfigError if a predictor or strategy is not for a benchmark."""
    if not is_used_on(named[name], benchmark):
        raise ConfigError(f"{kind}.{name}.benchmarks: {benchmark} is not among them")


def _predictors(config: Config, w: dict):
    space = config.benchmarks[w["benchmark"]].space
    predictor = _predictor(config, w["predictor"], w["benchmark"])
    _used_on(config.predictors, "predictors", w["predictor"], w["benchmark"])
    here = config.evaluation.on(w["benchmark"])
    evaluation = dump(here)
    for key in ("n_train", "above", "ks", "benchmarks", KEY):  # the rules' and the table's
        del evaluation[key]
    evaluation["protocol"] = dump(protocol_of(here.protocol, space))
    settings = {
        "benchmark": w["benchmark"],
        "space": space,
        "n_train": int(w["n_train"]),
        "evaluation": evaluation,
        **predictor,
    }
    more = ["isomorphs"] if evaluation["isomorphic"] else []
    if not more:
        del evaluation["isomorphic"]  # not measured
    if predictor["settings"].get("unlabelled") == "space":
        more.append("enumeration")
    parts = spaces.code(space, "codes", "keys", "layout", "costs", *more)
    entries = [f"pipeline.predictors.{predictor['method']}", *parts, *PREDICTOR_CODE]
    return settings, ["pipeline.predictors.command", *entries]


def _predictors_table(config: Config, w: dict):
    ks = {name: config.evaluation.on(name).ks for name in config.tested()}
    return {"above": config.evaluation.above, "ks": ks}, ["pipeline.predictors.collect"]


def _rank(config: Config, w: dict):
    settings, entries = _predictors(config, w)
    kept = {key: v for key, v in settings["evaluation"].items() if key != "isomorphic"}
    settings["evaluation"] = kept | {"n_subsets": 1}
    used = [entry for entry in entries[1:] if not entry.endswith(".isomorphs")]
    return settings, ["pipeline.predictors.rank", *used, *spaces.code(settings["space"], "hashing")]


def _search(config: Config, w: dict):
    benchmark = config.benchmarks[w["benchmark"]]
    strategy = on(config.strategies[w["strategy"]], w["benchmark"])
    _used_on(config.strategies, "strategies", w["strategy"], w["benchmark"])
    method = strategy.pop("method")
    search = dump(config.search.on(w["benchmark"]))
    del search[KEY]
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
        **search,
    }
    if strategy.get("predictor"):
        settings["predictor"] = predictor = _predictor(config, strategy["predictor"], w["benchmark"])
        entries += [f"pipeline.predictors.{predictor['method']}", *PREDICTOR_CODE]
    if origin == "children":
        settings["oracle"] = training(config, w["benchmark"])
        entries += networks(benchmark.space)
    return settings, entries


def _semigan(config: Config, w: dict):
    settings, entries = _search(config, w)
    if settings["method"] != "semigan_nad" or settings["origin"] == "children" or config.generation is None:
        raise ConfigError(
            f"generation: {w['strategy']} on {w['benchmark']} is not analysed; that takes a strategy of the "
            "method semigan_nad, a benchmark read from a file, and the section generation"
        )
    kept = ("benchmark", "space", "strategy", "settings", "origin", "metric")
    generation = dump(config.generation.on(w["benchmark"]))
    del generation[KEY]
    settings = {key: settings[key] for key in kept} | {"generation": generation}
    return settings, ["pipeline.semigan.command", *entries[1:]]


def origin_of(benchmark) -> str:
    """Return where a search's accuracies come from: a module of `pipeline.search.origins`."""
    if isinstance(benchmark, ChildrenBenchmark):
        return "children"
    return "surrogate" if benchmark.surrogate is not None else "table"


def _papers(config: Config, w: dict):
    return {"paper": w["paper"], "printed": checksum(w["paper"])}, ["pipeline.papers.command"]


def _report(config: Config, w: dict):
    used = sorted({benchmark.space for benchmark in config.benchmarks.values()})
    shown = [module for space in used for module in spaces.code(space, *SHOWN)]
    settings = dump(config)
    del settings["figures"]
    return settings, ["pipeline.report.command", *shown]


def _figures(config: Config, w: dict):
    settings, entries = _report(config, w)
    return settings | {"figures": config.figures}, ["pipeline.report.figures_command", *entries[1:]]


def _report_index(config: Config, w: dict):
    settings, entries = _report(config, w)
    return settings, ["pipeline.report.overview", *entries[1:]]


_RECIPES: dict[str, Recipe] = {
    **RECIPES,
    "autoencoders": _autoencoders,
    "embeddings": _embeddings,
    "autoencoders_table": lambda config, w: ({}, ["pipeline.autoencoders.collect"]),
    "zeroshot": _zeroshot,
    "zeroshot_collect": _zeroshot_collect,
    "predictors": _predictors,
    "predictors_table": _predictors_table,
    "rank": _rank,
    "search": _search,
    "search_table": lambda config, w: ({}, ["pipeline.search.collect"]),
    "papers": _papers,
    "semigan": _semigan,
    "report": _report,
    "figures": _figures,
    "report_index": _report_index,
}
