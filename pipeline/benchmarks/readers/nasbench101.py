"""NAS-Bench-101's own files, and EC-NAS' of the same form, without TensorFlow.

Ying et al. 2019: every cell trained on CIFAR-10 several times, for one or more numbers of epochs; 40,000
images to train, 10,000 to validate, 10,000 to test. Half-way evaluations are those at half of the epochs,
under the same learning-rate schedule: not what a training of half as many epochs gives.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import Field, PositiveInt

from pipeline import spaces
from pipeline.benchmarks.readers.nasbench101_records import (
    ACCURACIES,
    Cells,
    Evaluations,
    Records,
    read_records,
)
from pipeline.benchmarks.source import Source
from pipeline.errors import ConfigError, DataError
from pipeline.settings import Settings as Base
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101.codes import NAME
from pipeline.spaces.nasbench101.hashing import cell_ids
from pipeline.spaces.nasbench101.layout import validate
from pipeline.spaces.nasbench101.official import from_official

ORIGIN = (
    "https://storage.googleapis.com/nasbench/nasbench_only108.tfrecord (522,767,376 bytes, sha256 "
    "4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1) or "
    "https://storage.googleapis.com/nasbench/nasbench_full.tfrecord (2,085,986,016 bytes, sha256 "
    "3d64db8180fb1b0207212f9032205064312b6907a3bbc81eabea10db2f5c7e9c); "
    "see https://github.com/google-research/nasbench"
)
VERSION = 1


class Settings(Base):
    """What is read from a TFRecord file of NAS-Bench-101's form."""

    epochs: list[PositiveInt] = Field(
        default=[], description="training budgets to keep, in epochs; empty: all that are in the file"
    )
    check_hash: bool = Field(
        default=True, description="compute every cell's hash and compare (20 s for the whole space)"
    )
    dataset: str = Field(
        default="cifar10",
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="data set of the trainings; part of the metrics' names",
    )


def read(path: Path, settings: Settings, space: str) -> Source:
    """Read a file: cells in the order in which they first appear, written as they are there.

    Metrics are `<dataset>/<train_acc|val_acc|test_acc>@<epochs>` (N, trials), and `..._halfway@<epochs>`
    where all trainings were evaluated half-way; costs are `params` (N,), `<dataset>/train_seconds@<epochs>`
    and `..._halfway@<epochs>` (N, trials). Trials are in the order of the file.

    Raises ConfigError for a space of other cells; DataError, naming the file and record, for whatever
    `read_records` refuses, and for a cell that is none of the space, that its hash does not name, that has
    fewer or more trainings than others, or different numbers of parameters.
    """
    if spaces.base(space) != NAME:
        raise ConfigError(f"space: {path} holds cells of {NAME}, and not of {space}")
    path = Path(path)
    records = read_records(path, frozenset(settings.epochs))
    hashes = list(records.cells.index)
    archs = _cells(path, records.cells, hashes, settings.check_hash)
    metrics, costs = {}, {"params": _params(path, records, hashes)}
    for epochs, order in _trials(path, records, hashes).items():
        for evaluations, when in ((records.final, ""), (records.halfway, "_halfway")):
            if np.isnan(evaluations.seconds[order]).any():
                continue  # EC-NAS evaluates after one epoch instead of half-way
            _add(metrics, costs, evaluations, order, f"{settings.dataset}/", f"{when}@{epochs}")
    notes = {"params": "trainable parameters as the file states them"}
    notes |= {name: "seconds of training that the file states" for name in costs if name != "params"}
    return Source(archs, hashes, metrics, costs, notes, where="cell")


def _cells(path: Path, cells: Cells, hashes: list[str], check_hash: bool) -> Archs:
    """Return the cells. Raises DataError for one that is invalid or named wrongly."""
    archs = from_official(cells.adjacency, cells.operations)
    invalid = np.flatnonzero(~validate(archs))
    if len(invalid):
        i = int(invalid[0])
        raise DataError(
            f"{path}: record {cells.record[i]}: adjacency {cells.adjacency[i]} with operations "
            f"{cells.operations[i]} is no cell of {NAME} ({len(invalid)} such in all); expected "
            "edges forward, at most 9, each operation on a path from input to output"
        )
    if check_hash:
        right = cell_ids(archs)
        wrong = np.flatnonzero(np.array(right) != np.array(hashes))
        if len(wrong):
            i = int(wrong[0])
            raise DataError(
                f"{path}: record {cells.record[i]}: module hash {hashes[i]}, but its cell's is {right[i]} "
                f"({len(wrong)} such in all); fetch the file again, or give check_hash: false if its hashes "
                "are of another kind"
            )
    return archs


def _params(path: Path, records: Records, hashes: list[str]) -> np.ndarray:
    """Return the trainable parameters of each cell, int64 (N,), 0 if no training of it was kept."""
    params = np.zeros(len(hashes), dtype=np.int64)
    params[records.cell] = records.params
    other = np.flatnonzero(params[records.cell] != records.params)
    if len(other):
        k = int(other[0])
        cell = records.cell[k]
        raise DataError(
            f"{path}: record {records.record[k]}: {records.params[k]} trainable parameters, but a later "
            f"training of the same cell {hashes[cell]} has {params[cell]}; expected the same of all"
        )
    return params


def _trials(path: Path, records: Records, hashes: list[str]) -> dict[int, np.ndarray]:
    """Return, for each budget, the rows of `records` of each cell's trials, int64 (N, trials).

    Raises DataError for a cell with fewer or more trials of a budget than most have.
    """
    rows = {epochs: np.flatnonzero(records.epochs == epochs) for epochs in np.unique(records.epochs).tolist()}
    counts = {e: np.bincount(records.cell[r], minlength=len(hashes)) for e, r in rows.items()}
    trials = 1 + int(np.bincount(np.concatenate(list(counts.values())))[1:].argmax())
    for epochs, count in counts.items():
        wrong = np.flatnonzero(count != trials)
        if len(wrong):
            i = int(wrong[0])
            raise DataError(
                f"{path}: cell {hashes[i]} has {count[i]} trainings of {epochs} epochs, most have {trials} "
                f"({len(wrong)} such cells in all); every cell needs as many: fetch the file again, or keep "
                "other budgets (epochs)"
            )
    return {e: r[np.argsort(records.cell[r], kind="stable")].reshape(-1, trials) for e, r in rows.items()}


def _add(
    metrics: dict, costs: dict, evaluations: Evaluations, order: np.ndarray, before: str, after: str
) -> None:
    for k, what in enumerate(ACCURACIES):
        metrics[f"{before}{what}{after}"] = evaluations.accuracy[:, k][order]
    costs[f"{before}train_seconds{after}"] = evaluations.seconds[order]
