"""What a reader makes of a benchmark file, and the checks that hold for every source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline import spaces
from pipeline.errors import DataError
from pipeline.spaces.archs import Archs


@dataclass(frozen=True)
class Source:
    """N architectures of a benchmark file, in the order of the file.

    cells: official name of each (hash, string). metrics: full name, `<data set>/<what>@<epochs>` -> float32
    (N, trials), fractions, NaN where a cell has fewer trials than another. costs: name -> number (N,) or
    (N, trials), such as `params`, `flops`, `cifar10/train_seconds@108`. notes: cost -> how it is counted.
    where: how a row is called in messages, "record" or "row".
    """

    archs: Archs
    cells: Sequence[str]
    metrics: Mapping[str, np.ndarray]
    costs: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    where: str = "row"


def check(source: Source, path: Path) -> None:
    """Refuse what no benchmark can hold.

    Raises DataError, naming the file and the first row: no cell at all, not a cell of the space, the same
    cell twice, an accuracy outside [0, 1] or infinite, a cell without any trial of a metric.
    """
    n, space = len(source.archs), spaces.load(source.archs.space)
    if n == 0:
        raise DataError(f"{path}: no architecture in it; expected at least one {source.where}")
    wrong = np.flatnonzero(~space.validate(source.archs))
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"{path}: {source.where} {row} ({source.cells[row]}): not a valid cell of {space.NAME} "
            f"({len(wrong)} such in all); mend or remove it"
        )
    keys = space.cell_key(source.archs)
    order = np.argsort(keys, kind="stable")
    twice = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    if len(twice):
        first, second = sorted(order[[twice[0], twice[0] + 1]].tolist())
        raise DataError(
            f"{path}: {source.where}s {first} and {second} hold the same cell ({source.cells[second]}; "
            f"{len(twice)} repeats in all); each cell may come once"
        )
    for name, values in source.metrics.items():
        _check_metric(source, path, name, np.asarray(values))


def _check_metric(source: Source, path: Path, name: str, values: np.ndarray) -> None:
    bad = np.flatnonzero(((values < 0) | (values > 1) | np.isinf(values)).any(axis=1))
    if len(bad):
        row = int(bad[0])
        raise DataError(
            f"{path}: {source.where} {row} ({source.cells[row]}): {name} = {values[row].tolist()}, expected "
            f"fractions between 0 and 1 ({len(bad)} such in all)"
        )
    empty = np.flatnonzero(np.isnan(values).all(axis=1))
    if len(empty):
        row = int(empty[0])
        raise DataError(
            f"{path}: {source.where} {row} ({source.cells[row]}): {name} is missing (NaN; "
            f"{len(empty)} such in all); every cell needs at least one trial"
        )
