"""The count of what each run of a strategy has asked for."""

from __future__ import annotations

import numpy as np

NEW, REPEAT, OVER = 0, 1, 2


class Ledger:
    """Books of `n_runs` runs that may each ask for `budget` cells.

    A cell is known by its canonical key, so isomorphic cells are one. The first time that a run asks
    for a cell costs one query; every further time is free and counted in `repeats`. What is no cell of
    the space is free and counted in `invalid`.
    """

    def __init__(self, n_runs: int, budget: int):
        self.budget = budget
        self.spent = np.zeros(n_runs, dtype=np.int64)
        self.repeats = np.zeros(n_runs, dtype=np.int64)
        self.invalid = np.zeros(n_runs, dtype=np.int64)
        self.idle = np.zeros(n_runs, dtype=np.int64)  # proposals since the last one that cost a query
        self._seen: list[set[int]] = [set() for _ in range(n_runs)]
        self._entries: list[tuple[int, int, int, int, int]] = []

    @property
    def left(self) -> np.ndarray:
        """Return int64 (n_runs,): how many queries each run can still pay for."""
        return self.budget - self.spent

    def enter(self, runs: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Book proposals in their order; charge those that are new to their run.

        runs: int (n,). keys: uint64 (n,). Returns uint8 (n,): NEW (charged), REPEAT (free) or OVER
        (not booked: the run's budget is spent).
        """
        verdicts = np.empty(len(runs), dtype=np.uint8)
        for i, (run, key) in enumerate(zip(runs.tolist(), keys.tolist(), strict=True)):
            seen = self._seen[run]
            if key in seen:
                verdicts[i] = REPEAT
                self.repeats[run] += 1
                self.idle[run] += 1
            elif len(seen) >= self.budget:
                verdicts[i] = OVER
            else:
                verdicts[i] = NEW
                seen.add(key)
                self.idle[run] = 0
                self._entries.append((run, len(seen), key, int(self.repeats[run]), int(self.invalid[run])))
        np.add.at(self.spent, runs[verdicts == NEW], 1)
        return verdicts

    def refuse(self, runs: np.ndarray) -> None:
        """Count a proposal that is no cell of the space for each entry of `runs`."""
        np.add.at(self.invalid, runs, 1)
        np.add.at(self.idle, runs, 1)

    def queries(self) -> dict[str, np.ndarray]:
        """Return all paid queries, run by run and in their order.

        Columns: run int64, query int64 (1 = the run's first), key uint64, repeats and invalid int64 (how
        many proposals of the run had been repeated or invalid by then).
        """
        entries = sorted(self._entries)
        names = ("run", "query", "key", "repeats", "invalid")
        columns = zip(*entries, strict=True) if entries else [()] * len(names)
        return {
            name: np.array(column, dtype=np.uint64 if name == "key" else np.int64)
            for name, column in zip(names, columns, strict=True)
        }
