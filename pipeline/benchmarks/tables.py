"""A benchmark table: architectures, their metrics with a trial axis, and their costs.

One layout for every source, whether networks trained here or a public benchmark. A metric is named in
full, `<data set>/<what>@<epochs>` (`digits/val_acc@12`), so that a validation accuracy is never taken for
a test accuracy, nor one after 12 epochs for one after 200. Accuracies are fractions in [0, 1].
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import h5py
import numpy as np

from pipeline import spaces
from pipeline.benchmarks.names import is_metric
from pipeline.errors import ArtifactError, DataError
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import get_archs, get_table, open_h5, put, put_archs, put_table, write_h5

KIND = "benchmark"
ROLES = ("held_out", "labelled", "unused")


@dataclass(frozen=True)
class BenchmarkTable:
    """N architectures and what is known of them.

    cells: N ids. role: (N,) strings, "held_out" (predictors are only ever tested on it), "labelled", or
    "unused" (for searches alone).
    metrics: full name -> float32 (N, trials), NaN where a trial is missing.
    val_metric, test_metric: names of the metric that a search may see and of the one that it is judged by;
    test_metric is None where the source has no test accuracy. costs: name -> (N,) or (N, trials), e.g.
    params, train_flops, cifar10/train_seconds@108. source: facts of the file that it was read from.
    """

    name: str
    archs: Archs
    cells: list[str]
    role: np.ndarray
    metrics: dict[str, np.ndarray]
    val_metric: str
    test_metric: str | None
    costs: dict[str, np.ndarray] = field(default_factory=dict)
    source: dict = field(default_factory=dict)

    def __post_init__(self):
        n = len(self.archs)
        for name, values in self.metrics.items():
            if not is_metric(name):
                raise ValueError(f"metric {name!r}: expected <data set>/<what>@<epochs>")
            if values.ndim != 2 or len(values) != n:
                raise ValueError(f"metric {name!r}: shape {values.shape}, expected ({n}, trials)")
        lengths = {"cells": len(self.cells), "role": len(self.role)} | {
            k: len(v) for k, v in self.costs.items()
        }
        if wrong := {name: length for name, length in lengths.items() if length != n}:
            raise ValueError(f"{n} architectures, but {wrong}")
        if unknown := set(np.unique(self.role)) - set(ROLES):
            raise ValueError(f"roles {sorted(unknown)}: expected {', '.join(ROLES)}")
        for name in (self.val_metric, self.test_metric):
            if name is not None:
                self._known(name)

    def __len__(self) -> int:
        return len(self.archs)

    def mean(self, metric: str) -> np.ndarray:
        """Return the mean over the trials that there are, float64 (N,); NaN where there is none.

        Raises DataError for a metric that the table does not have.
        """
        return mean_over_trials(self._known(metric))

    @property
    def test_mean(self) -> np.ndarray:
        """Mean test accuracy over trials, float64 (N,); NaN throughout where the table has none."""
        return np.full(len(self), np.nan) if self.test_metric is None else self.mean(self.test_metric)

    def rows(self, role: str) -> np.ndarray:
        """Return the positions of the architectures with this role, int64. Raises ValueError for another."""
        if role not in ROLES:
            raise ValueError(f"role {role!r}: expected {', '.join(ROLES)}")
        return np.flatnonzero(self.role == role)

    def _known(self, metric: str) -> np.ndarray:
        if metric not in self.metrics:
            raise no_metric(self.name, metric, self.metrics)
        return self.metrics[metric]


def no_metric(table: str, metric: str, known) -> DataError:
    """Return the error of a metric that a table does not have; it names what is there."""
    return DataError(f"{table}: no metric {metric!r}; it has {', '.join(sorted(known))}")


def mean_over_trials(values: np.ndarray) -> np.ndarray:
    """Return the mean over existing trials: (N, trials) -> float64 (N,), NaN where there is none."""
    values = values.astype(np.float64)
    there = ~np.isnan(values)
    count = there.sum(axis=1)
    total = np.where(there, values, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def write_table(
    path,
    table: BenchmarkTable,
    job,
    inputs=(),
    failed: Mapping[str, str] | None = None,
    notes: Mapping | None = None,
) -> None:
    """Write a table as an artifact of kind "benchmark".

    failed: cells that were left out -> why. notes: cost -> how it is counted.
    """
    failed = failed or {}
    with write_h5(path, KIND, job, inputs=inputs) as handle:
        handle.attrs.update(
            name=table.name,
            space=table.archs.space,
            val_metric=table.val_metric,
            test_metric=table.test_metric or "",
            n_failed=len(failed),
            source=json.dumps(table.source, sort_keys=True),
        )
        put_archs(handle, table.archs)
        keys = spaces.load(table.archs.space).cell_key(table.archs)
        order = np.argsort(keys, kind="stable")
        put(handle, "index/key", keys[order])
        put(handle, "index/row", order.astype(np.uint32))
        for name, values in table.metrics.items():
            put(handle.require_group("metrics"), name, values)
        for name, values in table.costs.items():
            put(handle.require_group("costs"), name, values).attrs["counted"] = (notes or {}).get(name, "")
        if failed:
            group = handle.create_group("failed")
            put(group, "cell", list(failed))
            put(group, "reason", list(failed.values()))
        columns = {"cell": table.cells, "role": table.role}
        columns |= {name: table.costs[name] for name in ("params",) if name in table.costs}
        put_table(handle, columns | {name: table.mean(name).astype(np.float32) for name in table.metrics})


def load_table(path, name: str | None = None) -> BenchmarkTable:
    """Return the table at `path`.

    name: of the benchmark that it must be the table of, if given. Raises ArtifactError if it is another's,
    or if the file is missing, damaged or no benchmark.
    """
    with open_h5(path, KIND) as handle:
        check_name(handle, name)
        columns = get_table(handle)
        return BenchmarkTable(
            name=str(handle.attrs["name"]),
            archs=get_archs(handle),
            cells=columns["cell"].tolist(),
            role=columns["role"].to_numpy(dtype=object).astype(str),
            metrics=_datasets(handle["metrics"]),
            val_metric=str(handle.attrs["val_metric"]),
            test_metric=str(handle.attrs["test_metric"]) or None,
            costs=_datasets(handle["costs"]) if "costs" in handle else {},
            source=json.loads(handle.attrs["source"]),
        )


def check_name(handle: h5py.File, name: str | None) -> None:
    """Raise ArtifactError if the open table is not the one of the benchmark `name` (None: of any)."""
    found = str(handle.attrs["name"])
    if name not in (None, found):
        raise ArtifactError(f"{handle.filename}: the table of {found!r}, expected that of {name!r}")


def _datasets(group: h5py.Group) -> dict[str, np.ndarray]:
    """Return every array in a group by its path below it."""
    return {name: group[name][()] for name in dataset_names(group)}


def dataset_names(group: h5py.Group) -> list[str]:
    """Return the paths of all arrays below a group, sorted."""
    found: list[str] = []
    group.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return sorted(found)
