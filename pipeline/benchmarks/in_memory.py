"""Look-ups in a benchmark table that is in memory, with the same ledger as in a file."""

from __future__ import annotations

import numpy as np

from pipeline import spaces
from pipeline.benchmarks.queries import Benchmark, Ledger
from pipeline.benchmarks.tables import BenchmarkTable
from pipeline.spaces.archs import Archs
from pipeline.spaces.lookup import KeyIndex


class TableInMemory(Benchmark):
    """A `BenchmarkTable` to be asked; see `Benchmark`."""

    def __init__(self, table: BenchmarkTable):
        self.table, self.ledger = table, Ledger()
        self.name, self.space = table.name, table.archs.space
        self.val_metric, self.test_metric = table.val_metric, table.test_metric
        self.metric_names, self.cost_names = sorted(table.metrics), sorted(table.costs)
        self._index = KeyIndex(spaces.load(self.space).cell_key(table.archs))
        self._paid: dict[str, np.ndarray] = {}

    def archs(self) -> Archs:
        """Return all architectures, in the order of the rows."""
        return self.table.archs

    def cells(self) -> np.ndarray:
        """Return the names of all cells, object (N,)."""
        return np.array(self.table.cells, dtype=object)

    def _dataset(self, path: str) -> np.ndarray:
        group, _, name = path.partition("/")
        return {"metrics": self.table.metrics, "costs": self.table.costs}[group][name]
