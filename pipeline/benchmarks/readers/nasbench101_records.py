"""The records of NAS-Bench-101's TFRecord files: one training each, gathered into arrays.

A payload is a JSON list: module hash, epochs, adjacency (row-major string of 0 and 1), operations (separated
by commas), and what the training gave: a protocol buffer in base64, broken into lines.
"""

from __future__ import annotations

import binascii
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.benchmarks.readers import protobuf
from pipeline.benchmarks.readers.tfrecord import Batch, read_batches
from pipeline.errors import DataError
from pipeline.spaces.nasbench101.codes import V
from pipeline.spaces.nasbench101.official import OFFICIAL_OPS

ACCURACIES = ("train_acc", "val_acc", "test_acc")
_TYPES = [str, int, str, str, str]
_SHAPE = "a list of module hash, epochs, adjacency, operations and metrics"
_HASH = re.compile(r"[0-9a-f]{32}")
_BITS = re.compile(r"[01]*")
_MAX_EPOCHS, _MAX_BUDGETS = 1_000_000, 64
_FIELDS = [protobuf.TRAIN_ACCURACY, protobuf.VALIDATION_ACCURACY, protobuf.TEST_ACCURACY]


@dataclass
class Cells:
    """The cells of a file in the order in which they first appear. record: number of the first record."""

    index: dict[str, int] = field(default_factory=dict)  # module hash -> place
    adjacency: list[str] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)
    record: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Evaluations:
    """One evaluation of each of R trainings: accuracy float32 (R, 3), seconds float64 (R,)."""

    accuracy: np.ndarray
    seconds: np.ndarray


@dataclass(frozen=True)
class Records:
    """R trainings in the order of the file.

    record, cell, epochs, params: int32 (R,), the record's number, the place in `cells`, the training budget,
    the trainable parameters. final: at the end; halfway: at half the budget, NaN where there is none.
    """

    cells: Cells
    record: np.ndarray
    cell: np.ndarray
    epochs: np.ndarray
    params: np.ndarray
    final: Evaluations
    halfway: Evaluations


def read_records(path: Path, epochs: frozenset[int] = frozenset()) -> Records:
    """Read a file's records; only those of these budgets, if any are given.

    Cells of the other budgets count as cells, too. Raises DataError, naming the file, the record and the
    byte, for whatever `read_batches` refuses, a payload of another form, a cell told in two ways, an accuracy
    that is missing or outside [0, 1], a training that does not end at its budget.
    """
    cells, budgets = Cells(), set()
    parts = [_trainings(batch, cells, budgets, epochs) for batch in read_batches(path)]
    if epochs - budgets:
        raise DataError(
            f"{path}: no training of {_listed(epochs - budgets)} epochs in it, but of {_listed(budgets)}; "
            "ask for those"
        )
    columns = [np.concatenate([part[k] for part in parts]) for k in range(len(parts[0]))]
    return Records(cells, *columns[:4], Evaluations(*columns[4:6]), Evaluations(*columns[6:]))


def _listed(numbers: set[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def _trainings(batch: Batch, cells: Cells, budgets: set[int], wanted: frozenset[int]) -> tuple:
    """Return the columns of `Records` for a batch, evaluations as two each; add to cells and budgets."""
    kept, cell, epochs, messages = [], [], [], []
    for i, payload in enumerate(batch.payloads):
        try:
            module_hash, budget, adjacency, operations, metrics = _parsed(payload)
            if budget not in budgets:
                _add_budget(budget, budgets)
            place = cells.index.get(module_hash)
            if place is None:
                place = _add_cell(cells, module_hash, adjacency, operations, batch.first + i)
            elif cells.adjacency[place] != adjacency or cells.operations[place] != operations:
                raise ValueError(
                    f"cell {module_hash} is another one here than in record {cells.record[place]}; "
                    "a hash names one cell, written in one way"
                )
            if wanted and budget not in wanted:
                continue
            messages.append(binascii.a2b_base64(metrics.replace("\n", ""), strict_mode=True))
        except binascii.Error as error:
            raise batch.refused(i, f"the metrics are no base64 text ({error})") from error
        except ValueError as error:
            raise batch.refused(i, str(error)) from error
        kept.append(i)
        cell.append(place)
        epochs.append(budget)
    try:
        evaluations, params = protobuf.model_metrics(messages)
    except protobuf.Malformed as error:
        raise batch.refused(
            kept[error.index], f"the metrics are no ModelMetrics protocol buffer: {error}"
        ) from error
    kept, cell, epochs = (np.array(values, dtype=np.int32) for values in (kept, cell, epochs))
    final, halfway = evaluations[:, -1], _halfway(evaluations, epochs)
    _check(batch, kept, epochs, final, halfway)
    numbers = (kept + np.int32(batch.first), cell, epochs, params.astype(np.int32))
    return *numbers, *_columns(final), *_columns(halfway)


def _parsed(payload: bytes) -> list:
    """Return a payload's five fields. Raises ValueError."""
    try:
        fields = json.loads(payload.decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the payload is no JSON ({str(error)[:80]}); expected {_SHAPE}") from error
    if type(fields) is not list or [type(value) for value in fields] != _TYPES:
        raise ValueError(f"the payload is {payload[:60]!r}...; expected {_SHAPE}")
    return fields


def _add_budget(budget: int, budgets: set[int]) -> None:
    if not 1 <= budget <= _MAX_EPOCHS:
        raise ValueError(f"trained for {budget} epochs; expected 1 to {_MAX_EPOCHS}")
    if len(budgets) == _MAX_BUDGETS:
        raise ValueError(
            f"more than {_MAX_BUDGETS} different numbers of epochs; expected a few, as 4, 12, 36, 108"
        )
    budgets.add(budget)


def _add_cell(cells: Cells, module_hash: str, adjacency: str, operations: str, record: int) -> int:
    """Add a cell that has not been met before, and return its place. Raises ValueError."""
    if not _HASH.fullmatch(module_hash):
        raise ValueError(f"module hash {module_hash[:60]!r}; expected 32 hexadecimal digits")
    names = operations.split(",")
    if not 2 <= len(names) <= V or not OFFICIAL_OPS.keys() >= set(names):
        raise ValueError(
            f"operations {operations[:120]!r}; expected 2 to {V}, out of {', '.join(OFFICIAL_OPS)}, "
            "separated by commas"
        )
    if len(adjacency) != len(names) ** 2 or not _BITS.fullmatch(adjacency):
        raise ValueError(
            f"adjacency {adjacency[:60]!r}; expected {len(names) ** 2} characters 0 or 1, "
            f"for {len(names)} operations"
        )
    place = cells.index[module_hash] = len(cells.index)
    cells.adjacency.append(adjacency)
    cells.operations.append(operations)
    cells.record.append(record)
    return place


def _columns(evaluations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (accuracy float32 (R, 3), seconds float64 (R,)), copies, so that the rest can be forgotten."""
    return evaluations[:, _FIELDS].astype(np.float32), evaluations[:, protobuf.TRAINING_TIME].copy()


def _halfway(evaluations: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    """Return the evaluation within 5 % of half the budget, float64 (R, 5), NaN where there is none."""
    at = evaluations[:, :-1, protobuf.CURRENT_EPOCH]  # (R, E - 1), NaN where there are fewer
    off = np.where(np.isnan(at), np.inf, np.abs(at / epochs[:, None] - 0.5))
    values = np.full((len(epochs), protobuf.N_FIELDS), np.nan)
    if off.size:
        nearest = off.argmin(axis=1)
        there = np.flatnonzero(off.min(axis=1) <= 0.05)
        values[there] = evaluations[there, nearest[there]]
    return values


def _check(
    batch: Batch, kept: np.ndarray, epochs: np.ndarray, final: np.ndarray, halfway: np.ndarray
) -> None:
    """Raise DataError for the first record whose final evaluation, or one half-way, cannot be right."""
    there = ~np.isnan(halfway[:, protobuf.CURRENT_EPOCH])
    for values, rows, when in ((final, slice(None), "at the end"), (halfway, there, "half-way")):
        accuracy = values[rows][:, _FIELDS]
        wrong = ~((accuracy >= 0) & (accuracy <= 1)).all(axis=1)
        seconds = values[rows][:, protobuf.TRAINING_TIME]
        wrong_time = ~((seconds >= 0) & np.isfinite(seconds))
        if (wrong | wrong_time).any():
            k = int(np.flatnonzero(wrong | wrong_time)[0])
            record = int(kept[rows][k])
            if wrong[k]:
                told = ", ".join(
                    f"{name} {x}" for name, x in zip(ACCURACIES, accuracy[k].tolist(), strict=True)
                )
                raise batch.refused(
                    record, f"{told} {when}; expected fractions from 0 to 1 (nan: missing or not a number)"
                )
            raise batch.refused(
                record, f"training time {seconds[k]} s {when}; expected a finite number, at least 0"
            )
    ends = final[:, protobuf.CURRENT_EPOCH]
    early = np.flatnonzero(~(np.abs(ends - epochs) <= np.maximum(1.0, 0.1 * epochs)))
    if len(early):
        k = int(early[0])
        raise batch.refused(
            int(kept[k]), f"the last evaluation is after {ends[k]} epochs; expected it after {epochs[k]}"
        )
