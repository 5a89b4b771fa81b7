"""Tables in CSV, TSV or Parquet: anybody's own, the configuration says which column is what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, StringConstraints, model_validator

from pipeline import settings as base
from pipeline import spaces
from pipeline.benchmarks.names import CostName, MetricName
from pipeline.benchmarks.readers.accuracies import Unit, to_numbers, wrong_unit
from pipeline.benchmarks.readers.row_names import read_columns
from pipeline.benchmarks.readers.text_table import TextTable, read_text_table
from pipeline.benchmarks.source import Source
from pipeline.errors import DataError

ORIGIN = "a table of your own: CSV or TSV (also compressed: .gz, .bz2, .xz, .zst) or Parquet"
VERSION = 1

Column = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Cost(base.Settings):
    """A cost in another unit than the table's."""

    column: Column = Field(description="the table's column")
    factor: float = Field(1.0, gt=0, allow_inf_nan=False, description="what its values are multiplied by")


class Settings(base.Settings):
    """Which column of the table holds what."""

    columns: dict[str, Column] = Field(
        min_length=1,
        description="what spells the cell -> column; nasbench101: adjacency, ops, hash (optional); "
        "nasbench201: arch_str; darts: genotype, compact_arch or cell",
    )
    metrics: dict[MetricName, Column | Annotated[list[Column], Field(min_length=1)]] = Field(
        min_length=1, description="<data set>/<what>@<epochs> -> column, or a column for each trial"
    )
    costs: dict[CostName, Column | Cost] = Field(
        {}, description="cost, such as params -> column, or {column: params_M, factor: 1e6}"
    )
    unit: Unit | dict[MetricName, Unit] = Field(
        "fraction", description="unit of accuracies: fraction or percent; or a unit for each metric"
    )
    delimiter: str | None = Field(
        None, min_length=1, max_length=1, description="what separates columns; null: a comma, in .tsv a tab"
    )

    @model_validator(mode="after")
    def _fits_together(self):
        if isinstance(self.unit, dict) and set(self.unit) != set(self.metrics):
            raise ValueError(f"unit: expected one for each of {', '.join(self.metrics)}, or one for all")
        if self.delimiter in ("\n", "\r", '"'):
            raise ValueError(f"delimiter: {self.delimiter!r} cannot separate columns")
        if clash := set(self.costs) & {name.split("/")[0] for name in self.costs if "/" in name}:
            raise ValueError(f"costs: {min(clash)!r} is a cost and the data set of another; rename one")
        return self

    def trials(self, metric: str) -> list[str]:
        """Return the columns of a metric, one a trial."""
        columns = self.metrics[metric]
        return [columns] if isinstance(columns, str) else columns

    def unit_of(self, metric: str) -> Unit:
        """Return the unit of a metric's columns."""
        return self.unit[metric] if isinstance(self.unit, dict) else self.unit


def read(path: Path, settings: Settings, space: str) -> Source:
    """Read a table. Rows are counted from 1, without the line of column names.

    Raises DataError, naming file, row and column, for whatever `read_text_table` and `read_columns`
    refuse, for a value that is no finite number, for an accuracy that is impossible in its unit, and for a
    negative cost.
    """
    path = Path(path)
    costs = {k: c if isinstance(c, Cost) else Cost(column=c) for k, c in settings.costs.items()}
    names = [*settings.columns.values(), *(cost.column for cost in costs.values())]
    names += [name for metric in settings.metrics for name in settings.trials(metric)]
    table = read_text_table(path, names, settings.delimiter)
    spelling = {role: table.columns[name] for role, name in settings.columns.items()}
    archs = read_columns(path, spelling, space, table.place)
    return Source(
        archs=archs,
        cells=_cell_ids(archs, spelling),
        metrics={metric: _accuracies(table, settings, metric) for metric in settings.metrics},
        costs={name: _cost(table, cost) for name, cost in costs.items()},
        notes={
            name: f"column {cost.column} of the table" + (f" x {cost.factor:g}" if cost.factor != 1 else "")
            for name, cost in costs.items()
        },
    )


def _cell_ids(archs, spelling: dict[str, list[str]]) -> list[str]:
    """Return the official names; a column of hashes has been compared with them already."""
    if "hash" in spelling:
        return [text.lower() for text in spelling["hash"]]
    return spaces.load(archs.space).cell_ids(archs)


def _accuracies(table: TextTable, settings: Settings, metric: str) -> np.ndarray:
    """Return a metric as fractions, float32 (N, trials)."""
    unit, dataset = settings.unit_of(metric), metric.split("/")[0]
    trials = []
    for column in settings.trials(metric):
        values = _numbers(table, column, f"an accuracy ({metric}, {unit})")
        if wrong := wrong_unit(values, unit, dataset):
            row, why = wrong
            raise DataError(
                f"{table.path}: {table.place(row)}, column {column!r}: {table.columns[column][row]} is no "
                f"accuracy in unit {unit} ({metric}); {why}"
            )
        trials.append(values / 100 if unit == "percent" else values)
    return np.stack(trials, axis=1).astype(np.float32)


def _cost(table: TextTable, cost: Cost) -> np.ndarray:
    """Return a cost (N,): int64 where all are whole numbers but for rounding, else float64."""
    with np.errstate(over="ignore"):  # infinity is refused below
        values = _numbers(table, cost.column, "a number") * cost.factor
    bad = np.flatnonzero((values < 0) | (values > 2**53))
    if len(bad):
        row = int(bad[0])
        raise DataError(
            f"{table.path}: {table.place(row)}, column {cost.column!r}: "
            f"{table.columns[cost.column][row][:80]!r} is no cost; expected a number from 0 to 2^53"
        )
    whole = np.rint(values)
    return whole.astype(np.int64) if (np.abs(values - whole) <= 1e-9 * whole).all() else values


def _numbers(table: TextTable, column: str, expected: str) -> np.ndarray:
    """Return a column as float64 (N,). Raises DataError for the first text that is no finite number."""
    values, bad = to_numbers(table.columns[column])
    if bad is not None:
        text = table.columns[column][bad]
        found = f"{text[:80]!r} is no finite number" if text else "empty"
        raise DataError(f"{table.path}: {table.place(bad)}, column {column!r}: {found}; expected {expected}")
    return values
