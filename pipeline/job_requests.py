"""What a job asks a cluster for: minutes and megabytes, from the work that the configuration gives it.

Estimates, not promises: CPU rates measured with this code (docs/performance.md), and a share of a GPU's peak.
What is asked for has room for a slower and busier node. The rules ask for more at each attempt, and long jobs
go on from where they were.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pipeline.benchmarks.settings import images_of
from pipeline.config.model import Config

START = 10  # minutes that no job asks below: the interpreter, torch, a slow file system
MOST_MINUTES = 2880  # two days: many partitions refuse more, and what is long goes on at the next attempt
MEMORY = 2000  # MB of a process with torch and a table
CPU_FLOPS = 5e9  # multiplications and additions a second of one thread, a quarter of what was measured
GPU_FLOPS = 1e13  # of a GPU, a twentieth and less of what recent ones are sold for
SECONDS_AN_IMAGE = 4e-4  # on the CPU, of the smallest network: what is not arithmetic
CONVOLUTIONS = 2  # 3x3 convolutions at full width that a cell is counted as, twice the mean of NAS-Bench-101
PIXELS = {"digits": 64, "cifar10": 1024, "cifar100": 1024}
IMAGES = {"digits": 1797, "cifar10": 50_000, "cifar100": 50_000}
ON_DEVICE = {
    "autoencoders",
    "children",
    "embeddings",
    "io_dataset",
    "predictors",
    "rank",
    "search",
    "semigan",
}
ON_DEVICE |= {"zeroshot"}
ROOM = {  # seconds beside what grows with the work
    "embeddings": 1200,
    "ingest": 1200,
    "predictors": 1200,
    "rank": 1200,
    "search": 3600,
    "semigan": 7200,
    "surrogate": 3000,
}
ASKED = {  # seconds that are asked for, for each one that the default run takes beside other work
    "autoencoders": 4,
    "predictors": 4,
    "rank": 4,
    "search": 3,
}
ASKED_OF_OTHERS = 2


@dataclass(frozen=True)
class Request:
    """Minutes of runtime, MB of memory, GPUs. seconds: what the work is likely to take."""

    minutes: int
    mem_mb: int
    gpus: int = 0
    seconds: float = field(default=0.0, compare=False)


def request(stage: str, config: Config, wildcards: Mapping[str, str] = MappingProxyType({})) -> Request:
    """Return what a stage's job asks for at the first attempt; of a stage that is not heavy, little.

    wildcards: its benchmark, n_train, autoencoder, strategy; where they lack one, of the largest job.
    """
    seconds, mem_mb = 0.0, float(MEMORY)
    if stage in _HEAVY:
        seconds, mem_mb = _HEAVY[stage](config, wildcards)
    elif stage in _BY_BENCHMARK:
        used, estimate = _BY_BENCHMARK[stage]
        names = [wildcards["benchmark"]] if "benchmark" in wildcards else used(config)
        each = [estimate(config, name, wildcards) for name in names] or [(0, MEMORY)]
        seconds, mem_mb = (max(amounts) for amounts in zip(*each, strict=True))
    room = ROOM.get(stage, 0)
    minutes = min(START + math.ceil((seconds + room) / 60), MOST_MINUTES)
    on_gpu = stage in ON_DEVICE and config.device.startswith("cuda")
    likely = seconds / ASKED.get(stage, ASKED_OF_OTHERS) + room / 60
    return Request(minutes, math.ceil(mem_mb / 100) * 100, int(on_gpu), likely)


def _pixels(config: Config, images: str) -> int:
    settings = config.images[images]
    return PIXELS.get(settings["source"]) or settings.get("size", 32) ** 2


def _cells(network) -> int:
    return network.layers or network.stacks * network.cells_per_stack


def _seconds_an_image(config: Config, images: str, network) -> float:
    """Forward and backward.

    A stack has twice the channels and a quarter of the pixels of the one before: it costs as much.
    """
    a_convolution = 2 * 9 * network.stem_channels**2 * _pixels(config, images)
    operations = 3 * CONVOLUTIONS * _cells(network) * a_convolution
    if config.device.startswith("cuda"):
        return operations / GPU_FLOPS + SECONDS_AN_IMAGE / 4
    return operations / CPU_FLOPS / config.threads**0.5 + SECONDS_AN_IMAGE


def _activations_mb(config: Config, images: str, network, batch: int) -> float:
    """Memory of a training step beside torch: on the host, or CUDA's own where a GPU holds the step."""
    if config.device.startswith("cuda"):
        return MEMORY
    numbers = batch * 8 * _cells(network) * network.stem_channels * _pixels(config, images)
    return 8 * numbers / 2**20


def _a_network(config: Config, benchmark: str) -> tuple[float, float]:
    """Seconds of training one child network, and MB."""
    children = config.benchmarks[benchmark].children
    n_images = IMAGES.get(config.images[children.images]["source"], 50_000)
    an_image = _seconds_an_image(config, children.images, children.network)
    step = _activations_mb(config, children.images, children.network, children.training.batch_size)
    mem_mb = 1000 + MEMORY + step * children.side_by_side
    return n_images * children.training.epochs * an_image, mem_mb


def _children(config: Config, benchmark: str, wildcards: Mapping):
    seconds, mem_mb = _a_network(config, benchmark)
    return seconds * config.benchmarks[benchmark].children.chunk_size, mem_mb


def _io_dataset(config: Config, benchmark: str, wildcards: Mapping):
    children = config.benchmarks[benchmark].children
    forward = _seconds_an_image(config, children.images, children.network) / 3
    return children.n_cells * (1000 + config.io_dataset.n_unseen_images) * forward, 1000 + MEMORY


def _zeroshot(config: Config, benchmark: str, wildcards: Mapping):
    """All metrics together are about a dozen passes forward and backward."""
    settings, images = config.zeroshot, images_of(config.benchmarks[benchmark])
    a_network = 12 * settings.batch_size * _seconds_an_image(config, images, settings.network)
    step = _activations_mb(config, images, settings.network, settings.batch_size)
    return settings.chunk_size * a_network, 1000 + MEMORY + 2 * step


def _search(config: Config, benchmark: str, wildcards: Mapping):
    """Random search asks for labelled cells, which cost nothing; the others have most cells trained."""
    settings = config.search.on(benchmark)
    strategy = config.strategies_of(benchmark).get(wildcards.get("strategy"), {})
    if benchmark not in config.trained():
        return 300 * settings.n_runs, 2 * MEMORY
    a_network, mem_mb = _a_network(config, benchmark)
    known = settings.n_initial
    if strategy.get("method") == "random":
        known = config.benchmarks[benchmark].children.n_cells
    new = max(0, settings.budget - known) * settings.n_runs
    return new * (a_network + 1), max(mem_mb, 2 * MEMORY)


def _autoencoders(config: Config, wildcards: Mapping):
    """Up to 1 ms an unlabelled cell and epoch; 0.15 ms a pair of a network and an image with info-NAS."""
    seconds = 0.0
    pairs = max((config.benchmarks[name].children.n_cells * 1000 for name in config.trained()), default=0)
    for name, settings in config.autoencoders.items():
        if wildcards.get("autoencoder", name) != name:
            continue
        a_cell = 4e-3 if settings.batch_size < 128 else 2.4e-3
        an_epoch = (settings.n_cells or 423_624) * a_cell
        an_epoch += 6e-4 * pairs if settings.model == "infonas" else 0
        seconds = max(seconds, settings.epochs * an_epoch)
    return seconds, 3 * MEMORY


def _predictors(config: Config, benchmark: str, wildcards: Mapping):
    """Ten times the 0.01 s a label and run that GATES takes, and time to score a space."""
    settings = config.evaluation.on(benchmark)
    labels = int(wildcards.get("n_train") or max(settings.n_train)) * settings.n_subsets * settings.n_seeds
    return 0.1 * labels, 2 * MEMORY


_BY_BENCHMARK = {  # which benchmarks a stage has jobs of; seconds and MB of a job
    "children": (Config.trained, _children),
    "io_dataset": (Config.trained, _io_dataset),
    "predictors": (Config.tested, _predictors),
    "rank": (Config.tested, _predictors),
    "zeroshot": (Config.scored, _zeroshot),
    "search": (lambda config: list(config.benchmarks), _search),
}
_HEAVY = {
    "autoencoders": _autoencoders,
    "embeddings": lambda *_: (0, 2 * MEMORY),
    "semigan": lambda *_: (0, 2 * MEMORY),
    "surrogate": lambda *_: (0, 2 * MEMORY),
    "ingest": lambda *_: (0, 2 * MEMORY),
    "report": lambda *_: (0, 1.5 * MEMORY),
    "figures": lambda *_: (0, 1.5 * MEMORY),
}
