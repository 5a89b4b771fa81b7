"""Zero-shot scores of cells: per architecture (a sum) and per operation (a mean)."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from pipeline import spaces
from pipeline.errors import ConfigError
from pipeline.images.sets import TRAIN, ImageSet
from pipeline.progress import track
from pipeline.randomness import derive, rng
from pipeline.spaces.archs import Archs
from pipeline.zeroshot.metrics import ARCH_ONLY, COSTS
from pipeline.zeroshot.network import NetworkScores, score_network
from pipeline.zeroshot.settings import ScoreSettings
from pipeline.zeroshot.tensors import TensorScores


@dataclass(frozen=True)
class CellScores:
    """Scores of N cells. NaN where there is none; then `reason` says why.

    arch: metric -> float64 (N,). op: metric -> float64, shaped as the cells' `ops`, 0 where an
    operation has no parameters. reason: N texts, "<metrics>: <why>; …", empty where all is well. cells: ids.
    seconds: float64 (N,), time that a cell's networks took, all initialisations; NaN where none was built.
    """

    cells: list[str]
    arch: dict[str, np.ndarray]
    op: dict[str, np.ndarray]
    reason: list[str]
    seconds: np.ndarray


def image_batch(images: ImageSet, size: int, seed: int, device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return `size` training images, normalised float32 (size, C, H, W), and their labels, int64 (size,).

    The same ones for every cell. Raises ConfigError if the training part has fewer.
    """
    rows = rows_of_batch(images, size, seed)
    pixels = images.normalised(images.images[rows])
    x = torch.from_numpy(pixels).to(device, memory_format=torch.channels_last)
    return x, torch.from_numpy(images.labels[rows].astype(np.int64)).to(device)


def rows_of_batch(images: ImageSet, size: int, seed: int) -> np.ndarray:
    """Return which images of the set these are, int64 (size,). Raises ConfigError as `image_batch` does."""
    train = np.flatnonzero(images.split == TRAIN)
    if len(train) < size:
        raise ConfigError(f"zeroshot.batch_size: {size}, but {images.name} has {len(train)} training images")
    stream = rng(seed, "zeroshot", images.name, "batch")
    return train[np.sort(stream.choice(len(train), size, replace=False))]


def score_cells(archs: Archs, images: ImageSet, settings: ScoreSettings, seed: int, device) -> CellScores:
    """Return the scores of all cells in `archs`: means over `settings.seeds` initialisations.

    A cell's initialisation depends on the seed, the images' name and the cell alone, not on its place in
    `archs`. Operations stand for the parameters that `vertex_parameters` of the network names.
    """
    x, labels = image_batch(images, settings.batch_size, seed, device)
    arch, op = _costs(archs, images, settings)
    built = [m for m in settings.metrics if m not in COSTS]
    arch |= {m: np.full(len(archs), np.nan) for m in built}
    op |= {m: np.full(archs.ops.shape, np.nan) for m in built if m not in ARCH_ONLY}
    cells, reason = spaces.load(archs.space).cell_ids(archs), [""] * len(archs)
    seconds = np.full(len(archs), np.nan)
    with torch.random.fork_rng(devices=[]):
        for n in track(range(len(archs)) if built else (), "zero-shot scores", len(archs) if built else 0):
            started = time.perf_counter()
            streams = [derive(seed, "zeroshot", images.name, cells[n], k) for k in range(settings.seeds)]
            try:
                found = [
                    _score(archs[n], x, labels, len(images.classes), settings, built, s) for s in streams
                ]
            except ValueError as error:  # the space cannot build this cell at this size
                reason[n] = f"not built: {error}"
                continue
            reason[n] = "; ".join(dict.fromkeys(text for scores, _ in found if (text := _reason(scores))))
            for m in built:
                arch[m][n] = np.mean([scores.total[m] for scores, _ in found])
                if m in op:
                    mean = np.mean([means[m] for _, means in found], axis=0).reshape(archs.ops.shape[1:])
                    op[m][n] = mean if np.isfinite(arch[m][n]) else np.nan
            seconds[n] = time.perf_counter() - started
    in_order = {m: arch[m] for m in settings.metrics}
    return CellScores(cells, in_order, {m: op[m] for m in settings.metrics if m in op}, reason, seconds)


def _score(arch: Archs, x, labels, classes: int, settings: ScoreSettings, metrics: list[str], stream: int):
    """Score one initialisation: (its scores, {metric: float64 (V,) means over operations' parameters})."""
    torch.manual_seed(stream)
    net = spaces.network(arch.space).build_network(arch, settings.network, x.shape[1], classes)
    # channels last: convolutions and pools are faster so
    net.to(x.device, memory_format=torch.channels_last)
    owners = [[name for name, _ in owned] for owned in net.vertex_parameters()]
    scores = score_network(net, x, labels, metrics, stream)
    means = {}
    for table in scores.tensors:
        means |= operation_means(table, owners, has_parameters(arch).reshape(-1))
    return scores, means


def _reason(scores: NetworkScores) -> str:
    """Return which metrics are missing and why, "snip, fisher: all gradients are zero; …"."""
    whys = dict.fromkeys(scores.why.values())
    return "; ".join(f"{', '.join(m for m, w in scores.why.items() if w == why)}: {why}" for why in whys)


def operation_means(table: TensorScores, owners: list[list[str]], parametrised) -> dict[str, np.ndarray]:
    """Return metric -> float64 (V,): the mean score of the parameters that each vertex stands for.

    owners: names of each vertex's parameters; those that took no part in the pass (not in `table.names`) are
    passed over. Vertices without a parametrised operation get 0 (GATES++, section 5.1), also where a
    projection of the cell's input feeds them: that is the skeleton's, not the operation's.
    """
    row = {name: k for k, name in enumerate(table.names)}
    rows = [[row[name] for name in owned if name in row] for owned in owners]
    means = {}
    for metric, values in table.values.items():
        means[metric] = np.array(
            [values[r].mean() if r and is_op else 0.0 for r, is_op in zip(rows, parametrised, strict=True)]
        )
    return means


def has_parameters(archs: Archs) -> np.ndarray:
    """Return bool, shaped as `archs.ops`: whether the operation has parameters (it is a convolution)."""
    names = spaces.load(archs.space).OP_NAMES
    return np.array(["conv" in name for name in names])[archs.ops]


def _costs(archs: Archs, images: ImageSet, settings: ScoreSettings):
    """Return params and flops, as asked for: ({metric: float64 (N,)}, {metric: float64 (N, V)})."""
    space, network = spaces.load(archs.space), settings.network
    channels, side, _ = images.shape
    shape = (network.stem_channels, network.stacks, network.cells_per_stack)
    depth = {} if network.layers is None else {"layers": network.layers}  # of DARTS alone
    ends = {"in_channels": channels, "classes": len(images.classes), **depth}
    arch, op = {}, {}
    if "params" in settings.metrics:
        arch["params"] = _by_cell(lambda a: space.params(a, *shape, **ends), archs)
        op["params"] = _by_cell(lambda a: space.op_params(a, *shape, **depth), archs)
    if "flops" in settings.metrics:
        arch["flops"] = _by_cell(lambda a: space.flops(a, *shape, **ends, image_size=side), archs)
        op["flops"] = _by_cell(lambda a: space.op_flops(a, *shape, image_size=side, **depth), archs)
    mask = has_parameters(archs)
    return arch, {m: np.where(mask, values, values * 0.0) for m, values in op.items()}


def _by_cell(cost, archs: Archs) -> np.ndarray:
    """Return `cost(archs)` as float64, with NaN in the rows of cells that cannot be built at this size."""
    try:
        return cost(archs).astype(np.float64)
    except ValueError:  # one such cell is enough; find them one by one
        rows = []
        for n in range(len(archs)):
            try:
                rows.append(cost(archs[n])[0].astype(np.float64))
            except ValueError:
                rows.append(None)
        nothing = next(
            row * np.nan for row in [*rows, np.full(archs.ops.shape[1:], np.nan)] if row is not None
        )
        return np.stack([nothing if row is None else row for row in rows])
