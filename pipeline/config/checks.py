"""Whether the sections of a configuration fit one another: names that are there, numbers that suffice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.autoencoders.names import latents_in, parse_latents
from pipeline.benchmarks.settings import ChildrenBenchmark, FileBenchmark, images_of
from pipeline.by_benchmark import KEY, SECTIONS, on
from pipeline.config.budgets import check_budgets
from pipeline.config.methods import check_methods
from pipeline.evaluation.settings import protocol_of
from pipeline.spaces import UNLISTED, base, load
from pipeline.zeroshot.settings import scores_used

if TYPE_CHECKING:
    from pipeline.config.model import Config


def check_across(config: Config) -> None:
    """Raise ValueError, with the key's path, if a section names what another one does not have or allow."""
    _benchmarks_are_there(config)
    if "index" in config.benchmarks:
        raise ValueError("benchmarks.index: this name is the report's own (index.html); choose another")
    for name, benchmark in config.benchmarks.items():
        if isinstance(benchmark, ChildrenBenchmark):
            _among(f"benchmarks.{name}.children.images", benchmark.children.images, config.images)
            key = f"benchmarks.{name}.children.n_labelled"
            _enough_labels(config, name, key, benchmark.children.n_labelled, benchmark.space)
            _catalogue_is_large_enough(config, name, benchmark)
        else:
            if benchmark.images is not None:
                _among(f"benchmarks.{name}.images", benchmark.images, config.images)
            labelled = benchmark.split.labelled
            # a share of the table is known when the table is
            labelled = labelled if labelled >= 1 else math.inf
            key = f"benchmarks.{name}.split.labelled"
            _enough_training_cells(config, name, key, labelled, benchmark.space)
        _layers_fit(config, name, benchmark)
        _autoencoders_fit(config, name, benchmark)
    _latents_are_there(config)
    check_methods(config, _readers(config))
    _scores_are_there(config)
    _enough_to_score(config)
    _labels_are_there(config)
    _queried_is_there(config)
    check_budgets(config)


def _benchmarks_are_there(config: Config) -> None:
    """Whatever is for some benchmarks, or differs by benchmark, names those that there are."""
    sections = {name: dict(getattr(config, name) or {}) for name in SECTIONS}
    for kind in ("autoencoders", "predictors", "strategies"):
        sections |= {f"{kind}.{name}": dict(entry) for name, entry in getattr(config, kind).items()}
    for path, settings in sections.items():
        for key in ("benchmarks", KEY):
            for name in settings.get(key) or ():
                _among(f"{path}.{key}", name, config.benchmarks)


def _readers(config: Config) -> Iterator[tuple[str, str, dict]]:
    """Yield (benchmark, path, settings) of the predictors and strategies of each benchmark.

    A strategy's predictor is under "strategies.NAME.predictor": it may be one that is not tested there.
    """
    for benchmark in config.benchmarks:
        for name, settings in config.predictors_of(benchmark).items() if benchmark in config.tested() else ():
            yield benchmark, f"predictors.{name}", settings
        for name, settings in config.strategies_of(benchmark).items():
            path, predictor = f"strategies.{name}", settings.get("predictor")
            yield benchmark, path, settings
            if predictor:
                _among(f"{path}.predictor", predictor, config.predictors)
                yield benchmark, f"{path}.predictor", on(config.predictors[predictor], benchmark)


def _latents_are_there(config: Config) -> None:
    for benchmark, path, settings in _readers(config):
        for text in latents_in(settings):
            _among_latents(config, _key(path, "latents"), text, benchmark)


def _key(path: str, key: str) -> str:
    """The key that asks for something: a strategy asks for what its predictor reads by naming it."""
    return path if path.endswith(".predictor") else f"{path}.{key}"


def _among_latents(config: Config, path: str, text: str, benchmark: str) -> None:
    try:
        latents = parse_latents(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    _among(path, latents.autoencoder, config.autoencoders)
    autoencoder = config.autoencoders[latents.autoencoder]
    if latents.part == "reference" and not getattr(autoencoder, "reference", False):
        raise ValueError(f"{path}: {latents.autoencoder} has no reference; set its reference: true")
    if latents.autoencoder not in config.encoders_of(benchmark):
        raise ValueError(
            f"{path}: {latents.autoencoder} is needed on {benchmark}, which autoencoders."
            f"{latents.autoencoder}.benchmarks leaves out; add it there"
        )
    n_seeds = autoencoder.n_seeds
    if latents.run > n_seeds:
        raise ValueError(
            f"{path}: there is no run {latents.run} of {latents.autoencoder}; "
            f"autoencoders.{latents.autoencoder}.n_seeds is {n_seeds}"
        )


def _catalogue_is_large_enough(config: Config, name: str, benchmark: ChildrenBenchmark) -> None:
    needed = benchmark.children.n_cells + config.zeroshot.n_candidates
    if benchmark.space in UNLISTED and needed > config.catalogue:
        raise ValueError(
            f"catalogue: {config.catalogue} cells of {benchmark.space}, but benchmarks.{name}.children and "
            f"zeroshot.n_candidates need {needed}; raise catalogue or ask for fewer"
        )


def _scores_are_there(config: Config) -> None:
    for benchmark, path, settings in _readers(config):
        for metric in scores_used(settings):
            key = _key(path, "zeroshot")
            _among(key, metric, config.zeroshot.metrics)
            if benchmark not in config.scored():
                raise ValueError(
                    f"{key}: benchmarks.{benchmark} has no zero-shot scores; give it `images`, the image "
                    "set on which networks are scored"
                )


def _enough_to_score(config: Config) -> None:
    for name in config.scored():
        benchmark, size = config.benchmarks[name], config.zeroshot.batch_size
        images = images_of(benchmark)
        n_train = config.images[images].get("n_train")
        if n_train is not None and n_train < size:
            raise ValueError(f"zeroshot.batch_size: {size} images, but images.{images}.n_train is {n_train}")
        if isinstance(benchmark, ChildrenBenchmark) or benchmark.space in UNLISTED:
            continue
        n_cells = load(benchmark.space).SIZE
        if benchmark.n_scored != "all" and benchmark.n_scored > n_cells:
            raise ValueError(
                f"benchmarks.{name}.n_scored: {benchmark.n_scored} cells, but {benchmark.space} has {n_cells}"
            )


def _labels_are_there(config: Config) -> None:
    for name in config.tested():
        benchmark = config.benchmarks[name]
        if config.evaluation.on(name).labels != "test":
            continue
        if isinstance(benchmark, FileBenchmark) and benchmark.test_metric is None:
            raise ValueError(
                f"evaluation.labels: test accuracies are asked for, but benchmarks.{name}.test_metric is "
                "null; take labels: val, or leave it out of evaluation.benchmarks"
            )


def _queried_is_there(config: Config) -> None:
    for name, benchmark in config.benchmarks.items():
        queried = isinstance(benchmark, FileBenchmark) and config.strategies_of(name)
        if queried and config.search.on(name).metric == "test" and benchmark.test_metric is None:
            raise ValueError(
                f"search.metric: test accuracies are to be queried, but benchmarks.{name}.test_metric is "
                "null; take metric: val, which queries its val_metric"
            )


def _enough_labels(config: Config, name: str, key: str, labelled: int, space: str) -> None:
    _enough_training_cells(config, name, key, labelled, space)
    n_initial = config.search.on(name).n_initial
    if config.strategies_of(name) and n_initial > labelled:
        raise ValueError(f"search.n_initial: {n_initial} cells, but only {key} = {labelled}")


def _enough_training_cells(config: Config, name: str, key: str, labelled: float, space: str) -> None:
    if name not in config.tested():
        return
    evaluation = config.evaluation.on(name)
    pool = protocol_of(evaluation.protocol, space).pool
    if pool == "all":
        return  # how many there are is known when the table is
    if pool != "labelled":
        key, labelled = "evaluation.protocol.pool", pool
    for n in evaluation.n_train:
        if n > labelled:
            raise ValueError(f"evaluation.n_train: {n} training cells, but only {key} = {labelled}")


def _layers_fit(config: Config, name: str, benchmark) -> None:
    networks = {}
    if isinstance(benchmark, ChildrenBenchmark):
        networks[f"benchmarks.{name}.children.network.layers"] = benchmark.children.network
    if images_of(benchmark) is not None:
        networks["zeroshot.network.layers"] = config.zeroshot.network
    for key, network in networks.items():
        if network.layers is not None and benchmark.space != "darts":
            raise ValueError(
                f"{key}: only darts counts its cells so, but benchmarks.{name}.space is "
                f"{benchmark.space}; use stacks and cells_per_stack"
            )


def _autoencoders_fit(config: Config, name: str, benchmark) -> None:
    for key in config.encoders_of(name):
        autoencoder = config.autoencoders[key]
        if benchmark.space in UNLISTED:
            _unlisted_fits(key, autoencoder, benchmark.space)
        if autoencoder.model == "infonas":
            _outputs_fit(config, key, autoencoder, name, benchmark)


def _unlisted_fits(key: str, autoencoder, space: str) -> None:
    if autoencoder.n_cells < 2:
        raise ValueError(
            f"autoencoders.{key}.n_cells: {space} has too many cells to learn from all; give a number"
        )
    if autoencoder.split != "beside_table":
        raise ValueError(
            f"autoencoders.{key}.split: the cells of {space} are drawn, not listed; take beside_table"
        )


def _outputs_fit(config: Config, key: str, autoencoder, name: str, benchmark) -> None:
    path, source = f"autoencoders.{key}.io_dataset", autoencoder.io_dataset or name
    _among(path, source, config.benchmarks)
    if isinstance(config.benchmarks[source], FileBenchmark):
        raise ValueError(
            f"{path}: infonas learns from networks trained here, but benchmarks.{source} is read from a "
            "file; name a benchmark of trained networks (source: children), or say in its "
            "`benchmarks` beside which it is trained"
        )
    found = config.benchmarks[source].space
    if base(found) != base(benchmark.space):
        raise ValueError(
            f"{path}: benchmarks.{source} has networks of {found}, but benchmarks.{name}.space is "
            f"{benchmark.space}"
        )


def _among(path: str, name: str, known) -> None:
    if name not in known:
        raise ValueError(
            f"{path}: there is no {name!r}; expected one of {', '.join(known) or '(none configured)'}"
        )
