"""A benchmark table from networks that were trained here."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipeline import spaces
from pipeline.benchmarks.settings import TableSettings
from pipeline.benchmarks.tables import BenchmarkTable
from pipeline.children.reading import KIND as CHILDREN
from pipeline.children.reading import load_children
from pipeline.errors import ArtifactError
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import open_h5

ACCURACIES = ("val_acc", "test_acc", "train_acc", "val_top5", "test_top5")  # the last where they are measured
COUNTED = {
    "params": "trainable parameters of the network",
    "train_flops": "3 x forward multiply-accumulates x training images x epochs "
    "(the backward pass is counted as two forward passes)",
}


class Trained(NamedTuple):
    """What the trained networks are, beside their cells.

    image_shape: (C, H, W). classes, n_train: of the image set, the latter its training images.
    """

    image_shape: tuple[int, int, int]
    classes: int
    n_train: int


def build_table(archs: Archs, columns, trained: Trained, settings: TableSettings):
    """Return (BenchmarkTable, {failed cell: reason}).

    columns: DataFrame or mapping with the columns cell, position, status, reason, params, val_acc, test_acc,
    train_acc and perhaps val_top5 and test_top5, a row for each of `archs`; position is the cell's in the
    space's permutation, of which the first `n_held_out` cells are held out. Cells whose training failed are
    left out.
    Raises ArtifactError if cells are missing, come twice, or if no network was trained to its end.
    """
    column = {name: np.asarray(columns[name]) for name in ("cell", "position", "status", "reason", "params")}
    order = np.argsort(column["position"], kind="stable")
    _check_positions(column["position"][order], settings)
    ok = column["status"][order] == "ok"
    failed = {str(column["cell"][i]): str(column["reason"][i]) for i in order[~ok]}
    rows = order[ok]
    if not len(rows):
        raise ArtifactError(
            f"{settings.benchmark}: every network failed (first: {next(iter(failed.values()))})"
        )
    table = BenchmarkTable(
        name=settings.benchmark,
        archs=archs[rows],
        cells=[str(cell) for cell in column["cell"][rows]],
        role=np.where(column["position"][rows] < settings.n_held_out, "held_out", "labelled"),
        metrics={
            metric_name(settings, name): np.asarray(columns[name], dtype=np.float32)[rows][:, None]
            for name in ACCURACIES
            if name in columns
        },
        val_metric=metric_name(settings, "val_acc"),
        test_metric=metric_name(settings, "test_acc"),
        costs={
            "params": column["params"][rows].astype(np.int64),
            "train_flops": train_flops(archs[rows], trained, settings),
        },
    )
    return table, failed


def read_children(paths, settings: TableSettings):
    """Return (Archs, DataFrame, Trained) of all chunks of trained networks, in the order of the permutation.

    Raises ArtifactError if a chunk is missing or damaged, is of another space, or if the chunks were not
    trained on the same images.
    """
    children = load_children(paths)
    if children.archs.space != spaces.base(settings.space):
        raise ArtifactError(f"{paths[0]}: cells of {children.archs.space}, expected {settings.space}")
    trained = set()
    for path in paths:
        with open_h5(path, CHILDREN) as handle:
            if handle.attrs["images"] != settings.images:
                raise ArtifactError(
                    f"{path}: trained on {handle.attrs['images']!r}, expected {settings.images!r}"
                )
            shape = tuple(int(n) for n in handle.attrs["image_shape"])
            trained.add(Trained(shape, int(handle.attrs["classes"]), int(handle.attrs["n_train"])))
    if len(trained) != 1:
        raise ArtifactError(
            f"{settings.benchmark}: the chunks were trained on different images; train all again"
        )
    return children.archs, children.table, trained.pop()


def metric_name(settings: TableSettings, name: str) -> str:
    """Return a metric's full name: what `name` is measured on, and after how many epochs."""
    return f"{settings.images}/{name}@{settings.epochs}"


def train_flops(archs: Archs, trained: Trained, settings: TableSettings) -> np.ndarray:
    """Return what training costs, float64 (N,): see `COUNTED`."""
    channels, side, _ = trained.image_shape
    network = settings.network
    forward = spaces.load(archs.space).flops(
        archs,
        stem_channels=network.stem_channels,
        stacks=network.stacks,
        cells_per_stack=network.cells_per_stack,
        in_channels=channels,
        classes=trained.classes,
        image_size=side,
        **({} if network.layers is None else {"layers": network.layers}),  # of DARTS alone
    )
    return 3.0 * forward.astype(np.float64) * trained.n_train * settings.epochs


def _check_positions(positions: np.ndarray, settings: TableSettings) -> None:
    """Positions (sorted) must be 0, 1, …, up to the number of configured cells."""
    expected = np.arange(settings.n_held_out + settings.n_labelled)
    if np.array_equal(positions, expected):
        return
    twice = positions[1:][np.diff(positions) == 0]
    missing = np.setdiff1d(expected, positions)
    if len(twice):
        problem = f"cell {twice[0]} of the sample comes twice; give every chunk once"
    elif len(missing):
        problem = (
            f"{len(missing)} of {len(expected)} cells are missing (first: {missing[0]}); give all chunks"
        )
    else:
        problem = (
            f"{len(positions)} networks, expected {len(expected)}; the chunks are of another configuration"
        )
    raise ArtifactError(f"{settings.benchmark}: {problem}")
