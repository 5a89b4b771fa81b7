"""The one format of all benchmarks: architectures, metrics with a trial axis, costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.artifacts import get_archs, get_table, open_h5, put, put_archs, put_table, write_h5
from pipeline.errors import ArtifactError, DataError
from pipeline.job import Job
from pipeline.spaces.archs import Archs

KIND = "benchmark"
ROLES = ("held_out", "labelled")


@dataclass(frozen=True)
class BenchmarkTable:
    """N architectures of one space and what is known of them.

    cells: the space's official names. role: what a cell may be used for, one of `ROLES` each.
    metrics: full name, such as `digits/val_acc@12` (data set / metric @ epochs), to float32 (N, trials);
    accuracies are fractions, NaN is a trial that there is not. costs: name to (N,).
    val_metric, test_metric: the names that predictors learn and that a search reports.
    """

    name: str
    archs: Archs
    cells: list[str]
    role: np.ndarray
    metrics: dict[str, np.ndarray]
    val_metric: str
    test_metric: str
    costs: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.cells)

    def mean(self, metric: str) -> np.ndarray:
        """Return a metric's mean over the trials that there are, float64 (N,).

        Raises DataError if the table has no such metric.
        """
        if metric not in self.metrics:
            raise DataError(f"{self.name}: no metric {metric!r}; there are {', '.join(self.metrics)}")
        trials = self.metrics[metric].astype(np.float64)
        there = ~np.isnan(trials)
        count = there.sum(axis=1)
        total = np.where(there, trials, 0.0).sum(axis=1)
        return np.divide(total, count, out=np.full(len(trials), np.nan), where=count > 0)

    def rows(self, role: str) -> np.ndarray:
        """Return the rows of one role, int64."""
        return np.flatnonzero(self.role == role)


def write_table(path: Path, table: BenchmarkTable, job: Job, inputs=(), facts: Mapping | None = None) -> None:
    """Write a table as an artifact. facts: further attributes."""
    for name, values in table.metrics.items():
        if "acc@" in name and np.nanmax(values, initial=0) > 1:
            raise DataError(f"{table.name}: {name} is larger than 1; accuracies are fractions")
    with write_h5(path, KIND, job, inputs=inputs) as handle:
        handle.attrs["name"] = table.name
        handle.attrs["space"] = table.archs.space
        handle.attrs["val_metric"], handle.attrs["test_metric"] = table.val_metric, table.test_metric
        for key, value in (facts or {}).items():
            handle.attrs[key] = value
        put_archs(handle, table.archs)
        for name, values in table.metrics.items():
            put(handle, f"metrics/{name}", values.astype(np.float32))
        for name, values in table.costs.items():
            put(handle, f"costs/{name}", values)
        columns = {"cell": table.cells, "role": table.role, **table.costs}
        put_table(handle, columns | {name: table.mean(name) for name in table.metrics})


def load_table(path: Path | str) -> BenchmarkTable:
    """Read a table. Raises ArtifactError if the file is missing, damaged or something else."""
    with open_h5(path, KIND) as handle:
        frame = get_table(handle)
        metrics: dict[str, np.ndarray] = {}
        handle["metrics"].visititems(lambda name, item: metrics.update({name: item[()]} if hasattr(item, "shape") else {}))
        val, test = str(handle.attrs["val_metric"]), str(handle.attrs["test_metric"])
        if val not in metrics or test not in metrics:
            raise ArtifactError(f"{path}: names {val!r} and {test!r} as its metrics, but has {', '.join(metrics)}")
        return BenchmarkTable(
            name=str(handle.attrs["name"]),
            archs=get_archs(handle),
            cells=frame["cell"].tolist(),
            role=frame["role"].to_numpy().astype(str),
            metrics=metrics,
            val_metric=val,
            test_metric=test,
            costs={name: item[()] for name, item in handle.get("costs", {}).items()},
        )
