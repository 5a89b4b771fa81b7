"""Look-ups in a benchmark table, with a ledger of what they would have cost.

A look-up stands for trainings: one of each cell, data set, number of epochs and trial. A training is paid for
once; whatever is asked of it again is free and counted as a repeat. Only what is asked is read from the
file, so that opening a table of 423,624 cells takes no longer than it has to.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import spaces
from pipeline.benchmarks.tables import KIND, check_name, dataset_names, mean_over_trials, no_metric
from pipeline.errors import DataError
from pipeline.spaces.archs import Archs
from pipeline.spaces.lookup import KeyIndex
from pipeline.storage.artifacts import get_archs, open_h5


@dataclass
class Ledger:
    """What was asked. queries: look-ups of a cell that cost at least one training. repeats: free ones.

    trials: trainings paid for. train_seconds: their time as the benchmark recorded it; trainings of unknown
    time count in `untimed` instead.
    """

    queries: int = 0
    repeats: int = 0
    trials: int = 0
    train_seconds: float = 0.0
    untimed: int = 0


@dataclass(frozen=True)
class Answer:
    """Accuracies float64 (N,), and what each look-up cost: trials int64 (N,), train_seconds float64 (N,).

    rows: int64 (N,), the table's rows. train_seconds is NaN where a paid training's time is unknown.
    """

    rows: np.ndarray
    values: np.ndarray
    trials: np.ndarray
    train_seconds: np.ndarray


class Benchmark:
    """A benchmark table to be asked. name, space, val_metric, test_metric (or None): the table's."""

    def __init__(self, path: Path | str, name: str | None = None):
        """Open the table at `path`, which must be that of the benchmark `name`, if given.

        Raises ArtifactError if it is another's, or if the file is missing, damaged or no benchmark.
        """
        self.path, self.ledger = Path(path), Ledger()
        with open_h5(path, KIND) as handle:
            check_name(handle, name)
            self.name, self.space = str(handle.attrs["name"]), str(handle.attrs["space"])
            self.val_metric = str(handle.attrs["val_metric"])
            self.test_metric = str(handle.attrs["test_metric"]) or None
            self._index = KeyIndex(handle["index/key"][()], handle["index/row"][()])
            self.metric_names = dataset_names(handle["metrics"])
            self.cost_names = dataset_names(handle["costs"]) if "costs" in handle else []
        self._read: dict[str, np.ndarray] = {}
        self._paid: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self._index)

    def rows(self, archs: Archs) -> np.ndarray:
        """Return the row of each architecture, int64 (N,). Raises DataError for one that is not there."""
        if archs.space != self.space:
            raise DataError(
                f"{self.name}: holds cells of {self.space}; cells of {archs.space} were asked for"
            )
        rows = self._index.rows(spaces.load(archs.space).cell_key(archs))
        absent = np.flatnonzero(rows < 0)
        if len(absent):
            cell = spaces.load(archs.space).cell_ids(archs[int(absent[0])])[0]
            raise DataError(
                f"{self.name}: {len(absent)} of {len(archs)} cells that were asked for are not among the "
                f"{len(self)} {archs.space} cells of this table (first: {cell}); ask for cells of the "
                "table, or take a table of the whole space"
            )
        return rows

    def query(self, archs: Archs, metric: str | None = None, trial: int | None = None) -> Answer:
        """Look up a metric (default: `val_metric`) of each architecture: the mean over trials, or one trial.

        Raises DataError for a cell or a metric that the table does not have, or a trial that a cell lacks.
        """
        metric = metric or self.val_metric
        rows, values = self.rows(archs), self.values(metric)
        if trial is None:
            wanted, found = ~np.isnan(values[rows]), mean_over_trials(values[rows])
        else:
            found, wanted = self._one_trial(metric, values, rows, trial)
        return Answer(rows, found, *self._pay(metric, rows, wanted))

    def values(self, metric: str) -> np.ndarray:
        """Return a metric of all rows, float32 (N, trials), uncounted. Raises DataError if unknown."""
        if metric not in self.metric_names:
            raise no_metric(self.name, metric, self.metric_names)
        return self._dataset(f"metrics/{metric}")

    def archs(self) -> Archs:
        """Return all architectures, in the order of the rows."""
        with open_h5(self.path, KIND) as handle:
            return get_archs(handle)

    def cells(self) -> np.ndarray:
        """Return the names of all cells, object (N,)."""
        with open_h5(self.path, KIND) as handle:
            return handle["table/cell"].asstr()[()]

    def train_seconds(self, metric: str) -> np.ndarray | None:
        """Return what a training that gives `metric` takes, float64 (N, 1 or trials); None if unknown."""
        dataset, _, rest = metric.partition("/")
        name = f"{dataset}/train_seconds@{rest.rpartition('@')[2]}"
        if name not in self.cost_names:
            return None
        seconds = self._dataset(f"costs/{name}").astype(np.float64)
        return seconds.reshape(len(seconds), -1)

    def _dataset(self, path: str) -> np.ndarray:
        if path not in self._read:
            with open_h5(self.path, KIND) as handle:
                self._read[path] = handle[path][()]
        return self._read[path]

    def _one_trial(self, metric: str, values: np.ndarray, rows: np.ndarray, trial: int):
        if not 0 <= trial < values.shape[1] or np.isnan(values[rows, trial]).any():
            least = int((~np.isnan(values[rows])).sum(axis=1).min()) if len(rows) else values.shape[1]
            raise DataError(
                f"{self.name}: trial {trial} of {metric} was asked for, but some cell has only {least} "
                f"(counted from 0; the table has up to {values.shape[1]})"
            )
        wanted = np.zeros((len(rows), values.shape[1]), dtype=bool)
        wanted[:, trial] = True
        return values[rows, trial].astype(np.float64), wanted

    def _pay(self, metric: str, rows: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Book the trainings `wanted` bool (N, trials) of `rows`; return (trials, train_seconds) of each."""
        dataset, _, rest = metric.partition("/")
        training = f"{dataset}@{rest.rpartition('@')[2]}"
        paid = self._paid.setdefault(training, np.zeros((len(self), wanted.shape[1]), dtype=bool))
        if paid.shape[1] < wanted.shape[1]:
            paid = np.pad(paid, ((0, 0), (0, wanted.shape[1] - paid.shape[1])))
            self._paid[training] = paid
        first = np.zeros(len(rows), dtype=bool)
        first[np.unique(rows, return_index=True)[1]] = True  # the same cell twice in one call
        new = wanted & ~paid[rows, : wanted.shape[1]] & first[:, None]
        paid[rows, : wanted.shape[1]] |= wanted
        trials = new.sum(axis=1)
        seconds = self.train_seconds(metric)
        if seconds is None:
            spent = np.where(trials > 0, np.nan, 0.0)
        else:
            known = seconds[rows][:, : wanted.shape[1]]
            each = np.full(new.shape, np.nan)  # of trials whose time is not in the table
            each[:, : new.shape[1] if known.shape[1] == 1 else known.shape[1]] = known
            spent = np.where(new, each, 0.0).sum(axis=1)
        self.ledger.queries += int((trials > 0).sum())
        self.ledger.repeats += int((trials == 0).sum())
        self.ledger.trials += int(trials.sum())
        self.ledger.train_seconds += float(np.nansum(spent))
        self.ledger.untimed += int(trials[np.isnan(spent)].sum())
        return trials, spent
