"""The loop that spends a strategy's budget.

All runs of a strategy advance together, so that a strategy can work on arrays with one row a run.
A strategy is an object with two methods:

- `ask(left) -> (runs, archs)`: `left` int64 (n_runs,) is what each run can still pay for. Returns
  proposals, `runs` int (n,) saying which run each of `archs` (n) is for; every run with something left
  gets at least one.
- `tell(runs, archs, scores)`: accuracies float64 (n,) of the proposals that cost a query, in the order
  proposed; NaN where the network's training failed. They are validation accuracies, unless the search is
  asked to query test accuracies.

The loop first tells the initial cells. What is no cell of the space, and what the run has asked for
before, costs nothing, is counted and skipped; what lies beyond the budget is dropped. (Telling repeats
again would fill an ageing population with copies of its best cell, until nothing new came from it.)
Nothing but the queried accuracy reaches a strategy: the other one joins the trajectory at the end.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pipeline.errors import UserError
from pipeline.progress import finish, say
from pipeline.search.ledger import NEW, Ledger
from pipeline.spaces.archs import Archs

log = logging.getLogger("nasflow")
TEXTS, NUMBERS = ("cell", "source"), ("val_acc", "test_acc", "train_seconds")  # what an oracle says
QUERIED = {"val": "val_acc", "test": "test_acc"}  # `search.metric` -> column
MAX_IDLE = 1000  # proposals of one run in a row without a new cell before the search gives up
SAY_EVERY = 10.0  # seconds between log lines


class Oracle(Protocol):
    """Whoever knows, or finds out by training, what a cell achieves.

    optimum: the best queried accuracy of all cells that may be asked for; NaN if nobody knows it.
    """

    optimum: float

    def evaluate(self, archs: Archs):
        """Return columns with one row an architecture: cell, val_acc, test_acc, source, train_seconds.

        source: "known", "trained" (whether now or in an earlier run must not show) or "surrogate".
        train_seconds: what a benchmark recorded for the training; NaN if unknown or trained here.
        """


@dataclass(frozen=True)
class Trajectory:
    """What a strategy asked for: rows in the order of the queries, one run after the other.

    columns: run, query (1 = first), cell, val_acc, test_acc, source ("known", "trained", "surrogate"),
    repeats and invalid (so far in the run), train_seconds (so far in the run, as a benchmark recorded
    them; NaN if unknown), best_val_acc and best_test_acc (of the cell that is best by the queried accuracy
    so far), regret (the optimum less that cell's queried accuracy; NaN if the optimum is unknown).
    archs: the cell of each row, in canonical form.
    """

    columns: dict[str, np.ndarray]
    archs: Archs

    @property
    def sources(self) -> dict[str, int]:
        """Return how many different cells were known, how many trained, how many predicted."""
        cell, source = self.columns["cell"], self.columns["source"].astype(str)
        return {name: len(set(cell[source == name])) for name in np.unique(source).tolist()}

    @staticmethod
    def join(parts: Sequence[Trajectory]) -> Trajectory:
        """Join trajectories of different runs; runs are numbered anew, in order."""
        runs, first = [], 0
        for part in parts:
            runs.append(part.columns["run"] + first)
            first = int(runs[-1].max()) + 1
        columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
        return Trajectory(
            columns | {"run": np.concatenate(runs)}, Archs.concatenate([p.archs for p in parts])
        )


def spend(
    strategy, oracle: Oracle, space, initial: Archs, n_runs: int, budget: int, name: str, metric: str = "val"
) -> Trajectory:
    """Let a strategy spend `budget` queries in each of `n_runs` runs.

    space: the search's `Domain`. initial: the first cells, as many for each run, run after run.
    name: the strategy's, for messages. metric: "val" or "test", the accuracy that is told.
    Raises UserError if a run proposes nothing, or nothing new in MAX_IDLE proposals.
    """
    ledger, answers = Ledger(n_runs, budget), Answers(oracle, space, QUERIED[metric])
    runs = np.repeat(np.arange(n_runs), len(initial) // n_runs)
    _settle(strategy, ledger, answers, space, runs, initial)
    said = time.monotonic()
    while (ledger.left > 0).any():
        left = ledger.left
        runs, archs = strategy.ask(left.copy())
        _check(np.asarray(runs), archs, ledger, name)
        _settle(strategy, ledger, answers, space, np.asarray(runs), archs)
        _give_up_if_idle(ledger, name)
        say("queries", int(ledger.spent.sum()), n_runs * budget)
        if time.monotonic() - said > SAY_EVERY:
            said = time.monotonic()
            log.info("%s: %d of %d queries", name, ledger.spent.sum(), n_runs * budget)
    finish("queries")
    return _trajectory(ledger.queries(), answers, oracle.optimum)


def _settle(strategy, ledger: Ledger, answers: Answers, space, runs: np.ndarray, archs: Archs) -> None:
    """Book proposals, have the new ones evaluated, and tell them to the strategy."""
    valid = space.validate(archs)
    ledger.refuse(runs[~valid])
    runs, archs = runs[valid], archs[valid]
    keys = space.cell_key(archs)
    new = ledger.enter(runs, keys) == NEW
    answers.fetch(keys[new])
    if new.any():
        strategy.tell(runs[new], archs[new], answers.scores(keys[new]))


def _check(runs: np.ndarray, archs: Archs, ledger: Ledger, name: str) -> None:
    if len(runs) != len(archs):
        raise ValueError(f"{name}: {len(archs)} proposals for {len(runs)} entries of runs")
    asked = np.bincount(runs, minlength=len(ledger.left))
    for run in np.flatnonzero((ledger.left > 0) & (asked == 0)):
        raise UserError(_exhausted(ledger, name, run, "has nothing left to propose"))


def _give_up_if_idle(ledger: Ledger, name: str) -> None:
    for run in np.flatnonzero((ledger.left > 0) & (ledger.idle >= MAX_IDLE)):
        raise UserError(
            _exhausted(ledger, name, run, f"proposed nothing new in {ledger.idle[run]} proposals")
        )


def _exhausted(ledger: Ledger, name: str, run: int, what: str) -> str:
    return (
        f"strategies.{name}: run {run} {what} after {ledger.spent[run]} of {ledger.budget} queries "
        f"({ledger.repeats[run]} repeated, {ledger.invalid[run]} invalid); "
        "lower search.budget or give the strategy more room (population, generations)"
    )


class Answers:
    """What the oracle said, asked once a cell however many runs want it.

    It is asked for the canonical form, so that what is trained does not depend on which of several
    isomorphic spellings was proposed first. queried: the column that strategies are told.
    """

    def __init__(self, oracle: Oracle, space, queried: str):
        self.oracle, self.space, self.queried = oracle, space, queried
        self._row: dict[int, int] = {}  # key -> row in the columns below
        self._archs: list[Archs] = []
        self._columns: dict[str, list] = {name: [] for name in (*TEXTS, *NUMBERS)}

    def fetch(self, keys: np.ndarray) -> None:
        """Have the oracle evaluate what it was not asked yet. keys: uint64 (n,), canonical."""
        wanted = [key for key in dict.fromkeys(keys.tolist()) if key not in self._row]
        if not wanted:
            return
        archs = self.space.from_key(np.array(wanted, dtype=np.uint64))
        found = self.oracle.evaluate(archs)
        for name, column in self._columns.items():
            column.extend(found[name])
        self._archs.append(archs)
        for key in wanted:
            self._row[key] = len(self._row)

    def rows(self, keys: np.ndarray) -> np.ndarray:
        """Return int64 (n,): the row of each key."""
        return np.array([self._row[key] for key in keys.tolist()], dtype=np.int64)

    def scores(self, keys: np.ndarray) -> np.ndarray:
        """Return float64 (n,): the queried accuracy of each key, NaN if the network failed."""
        column = self._columns[self.queried]
        return np.array([column[row] for row in self.rows(keys)], dtype=np.float64)

    def columns(self) -> tuple[Archs, dict[str, np.ndarray]]:
        """Return all cells asked for and what the oracle said of them."""
        texts = {name: np.array(self._columns[name], dtype=object) for name in TEXTS}
        numbers = {name: np.array(self._columns[name], dtype=np.float64) for name in NUMBERS}
        return Archs.concatenate(self._archs), texts | numbers


def _trajectory(queries: dict[str, np.ndarray], answers: Answers, optimum: float = math.nan) -> Trajectory:
    """Join the paid queries with the answers."""
    rows = answers.rows(queries.pop("key"))
    archs, said = answers.columns()
    columns = {
        "run": queries["run"],
        "query": queries["query"],
        **{name: said[name][rows] for name in ("cell", "val_acc", "test_acc", "source")},
        "repeats": queries["repeats"],
        "invalid": queries["invalid"],
        "train_seconds": _summed_within(queries["run"], said["train_seconds"][rows]),
    }
    columns |= best_so_far(columns["run"], columns["val_acc"], columns["test_acc"], answers.queried)
    columns["regret"] = optimum - columns[f"best_{answers.queried}"]
    return Trajectory(columns, archs[rows])


def _summed_within(run: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the sum of `values` so far in each run, float64 (n,); rows are sorted by run."""
    total = np.empty(len(run))
    for r in np.unique(run):
        rows = run == r
        total[rows] = np.cumsum(values[rows])
    return total


def best_so_far(
    run: np.ndarray, val_acc: np.ndarray, test_acc: np.ndarray, queried: str = "val_acc"
) -> dict[str, np.ndarray]:
    """Return best_val_acc and best_test_acc float64 (n,) of rows that are sorted by run.

    Both belong to the cell with the best queried accuracy so far (the earliest of equals), so the other one
    can fall. Both are NaN as long as every network of the run failed.
    """
    score = val_acc if queried == "val_acc" else test_acc
    best = np.empty(len(run), dtype=np.int64)
    for r in np.unique(run):
        rows = np.flatnonzero(run == r)
        told = np.where(np.isnan(score[rows]), -np.inf, score[rows])
        rises = np.r_[True, told[1:] > np.maximum.accumulate(told)[:-1]]
        best[rows] = rows[np.maximum.accumulate(np.where(rises, np.arange(len(rows)), 0))]
    failed = np.isnan(score[best])
    return {
        "best_val_acc": np.where(failed, np.nan, val_acc[best]),
        "best_test_acc": np.where(failed, np.nan, test_acc[best]),
    }
