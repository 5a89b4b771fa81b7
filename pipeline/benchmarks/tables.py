"""A benchmark table: architectures, their metrics with a trial axis, and their costs.

One layout for every source, whether networks trained here or a public benchmark. A metric is named in
full, `<data set>/<what>@<epochs>` (`digits/val_acc@12`), so that a validation accuracy is never taken for
a test accuracy, nor one after 12 epochs for one after 200. Accuracies are fractions in [0, 1].
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import h5py
import numpy as np

from pipeline.artifacts import get_archs, get_table, open_h5, put, put_archs, put_table, write_h5
from pipeline.errors import DataError
from pipeline.spaces.archs import Archs

KIND = "benchmark"
ROLES = ("held_out", "labelled")
METRIC_NAME = re.compile(r"[^/@]+/[^/@]+@\d+")


@dataclass(frozen=True)
class BenchmarkTable:
    """N architectures and what is known of them.

    cells: N ids. role: (N,) strings, "held_out" (only ever tested on) or "labelled".
    metrics: full name -> float32 (N, trials), NaN where a trial is missing.
    val_metric, test_metric: names of the metric that a search may see and of the one that it is judged by.
    costs: name -> (N,), e.g. params, train_flops.
    """

    name: str
    archs: Archs
    cells: list[str]
    role: np.ndarray
    metrics: dict[str, np.ndarray]
    val_metric: str
    test_metric: str
    costs: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        n = len(self.archs)
        for name, values in self.metrics.items():
            if not METRIC_NAME.fullmatch(name):
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
            self._known(name)

    def __len__(self) -> int:
        return len(self.archs)

    def mean(self, metric: str) -> np.ndarray:
        """Return the mean over the trials that there are, float64 (N,); NaN where there is none.

        Raises DataError for a metric that the table does not have.
        """
        values = self._known(metric).astype(np.float64)
        there = ~np.isnan(values)
        count = there.sum(axis=1)
        total = np.where(there, values, 0.0).sum(axis=1)
        return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)

    def rows(self, role: str) -> np.ndarray:
        """Return the positions of the architectures with this role, int64. Raises ValueError for another."""
        if role not in ROLES:
            raise ValueError(f"role {role!r}: expected {', '.join(ROLES)}")
        return np.flatnonzero(self.role == role)

    def _known(self, metric: str) -> np.ndarray:
        if metric not in self.metrics:
            raise DataError(f"{self.name}: no metric {metric!r}; it has {', '.join(sorted(self.metrics))}")
        return self.metrics[metric]


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
            test_metric=table.test_metric,
            n_failed=len(failed),
        )
        put_archs(handle, table.archs)
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


def load_table(path) -> BenchmarkTable:
    """Return the table at `path`. Raises ArtifactError if it is missing, damaged or no benchmark."""
    with open_h5(path, KIND) as handle:
        columns = get_table(handle)
        return BenchmarkTable(
            name=str(handle.attrs["name"]),
            archs=get_archs(handle),
            cells=columns["cell"].tolist(),
            role=columns["role"].to_numpy(dtype=object).astype(str),
            metrics=_datasets(handle["metrics"]),
            val_metric=str(handle.attrs["val_metric"]),
            test_metric=str(handle.attrs["test_metric"]),
            costs=_datasets(handle["costs"]) if "costs" in handle else {},
        )


def _datasets(group: h5py.Group) -> dict[str, np.ndarray]:
    """Return every array in a group by its path below it."""
    found = {}
    group.visititems(
        lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
    )
    return found
