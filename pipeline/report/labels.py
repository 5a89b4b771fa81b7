"""A benchmark table as the report needs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.benchmarks.tables import BenchmarkTable, load_table
from pipeline.spaces import load
from pipeline.spaces.archs import Archs

TOP5 = ("val_top5", "test_top5")


@dataclass(frozen=True)
class Labels:
    """A benchmark table.

    frame: cell, role, val_acc, test_acc (means over trials), params where known, val_top5 and test_top5 where
    the table has them (of images of many classes).

    space: the configured space, which may be part of the one that `archs` name. test_metric: None if the
    table has no test accuracy; test_acc is NaN then. trials: most trials of a cell. noise: standard deviation
    of the validation accuracy over the trials of one cell, the median of the cells with two or more; NaN
    without any. source: facts of the file that the table was read from; empty for networks trained here.
    """

    name: str
    space: str
    space_size: int
    val_metric: str
    test_metric: str | None
    trials: int
    archs: Archs
    frame: pd.DataFrame
    noise: float = np.nan
    source: dict = field(default_factory=dict)

    @property
    def coverage(self) -> float:
        """Share of the space's cells that the table holds."""
        return len(self.frame) / self.space_size

    def count(self, role: str) -> int:
        """How many cells have this role."""
        return int((self.frame["role"] == role).sum())


def read_labels(path: Path, benchmarks: dict) -> Labels:
    """Read a benchmark table. benchmarks: that part of the configuration, for the space's name."""
    table = load_table(path)
    frame = pd.DataFrame({"cell": table.cells, "role": table.role})
    frame["val_acc"], frame["test_acc"] = table.mean(table.val_metric), table.test_mean
    for name in TOP5:
        metric = table.val_metric.replace("/val_acc@", f"/{name}@")
        if metric in table.metrics:
            frame[name] = table.mean(metric)
    if "params" in table.costs:
        frame["params"] = table.costs["params"]
    space = benchmarks.get(table.name, {}).get("space", table.archs.space)
    return Labels(
        name=table.name,
        space=space,
        space_size=int(load(space).SIZE),
        val_metric=table.val_metric,
        test_metric=table.test_metric,
        trials=table.metrics[table.val_metric].shape[1],
        archs=table.archs,
        frame=frame,
        noise=_noise(table),
        source=table.source,
    )


def _noise(table: BenchmarkTable) -> float:
    """Median over cells of the standard deviation over trials (n - 1 in the denominator)."""
    values = table.metrics[table.val_metric].astype(np.float64)
    values = values[(~np.isnan(values)).sum(axis=1) >= 2]
    return float(np.median(np.nanstd(values, axis=1, ddof=1))) if len(values) else np.nan
