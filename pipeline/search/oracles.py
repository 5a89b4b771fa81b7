"""An oracle that looks cells up; the one that trains them is `pipeline.children.oracle`."""

from __future__ import annotations

import numpy as np

from pipeline.benchmarks.tables import BenchmarkTable
from pipeline.errors import UserError
from pipeline.spaces.archs import Archs


class TableOracle:
    """Accuracies from a benchmark table that holds every cell a strategy may ask for.

    table: the benchmark. canonical_key: the space's, (archs) -> uint64 (n,); isomorphic cells find the
    same row.
    """

    def __init__(self, table: BenchmarkTable, canonical_key):
        self.table, self.canonical_key = table, canonical_key
        keys = canonical_key(table.archs)
        self.order = np.argsort(keys, kind="stable")
        self.keys = keys[self.order]
        self.cells = np.array(table.cells, dtype=object)
        self.val_acc = table.mean(table.val_metric)
        self.test_acc = table.mean(table.test_metric)

    def evaluate(self, archs: Archs) -> dict[str, np.ndarray]:
        """Return cell, val_acc, test_acc, source of each architecture.

        Raises UserError if one of them is not in the table.
        """
        keys = self.canonical_key(archs)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        rows = self.order[place]
        missing = np.flatnonzero(self.keys[place] != keys)
        if len(missing):
            cell = archs[int(missing[0])]
            raise UserError(
                f"{self.table.name}: {len(missing)} of {len(archs)} cells that were asked for are not in "
                f"this benchmark table (first: ops {cell.ops[0].tolist()}); "
                "search with an oracle that trains, or take a table of the whole space"
            )
        return {
            "cell": self.cells[rows],
            "val_acc": self.val_acc[rows],
            "test_acc": self.test_acc[rows],
            "source": np.full(len(rows), "known", dtype=object),
        }
