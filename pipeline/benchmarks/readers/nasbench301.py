"""NAS-Bench-301's trained architectures: a folder of `results_<k>.json`, one file a training.

Zela, Siems, Zimmer, Lukasik, Keuper & Hutter 2022: about 60,000 DARTS cells, each trained on CIFAR-10 with
40,000 images (10,000 to validate). A file holds `optimized_hyperparamater_config` (so spelt; the cells
are in it), `budget` (epochs), `info` (a list of one mapping: `val_accuracy` and what else was measured at
the end), `test_accuracy` (both in percent) and `runtime` (seconds). Whatever else is there is not read.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

import numpy as np
from pydantic import Field

from pipeline import settings as base
from pipeline import spaces
from pipeline.benchmarks.readers.json_results import Training, read_training
from pipeline.benchmarks.readers.row_names import renamed
from pipeline.benchmarks.source import Source
from pipeline.errors import ConfigError, DataError
from pipeline.spaces.archs import Archs
from pipeline.spaces.darts.configurations import from_configurations

ORIGIN = (
    "https://github.com/automl/nasbench301 (its README links the archive of trained architectures); give the "
    "folder into which it was unpacked"
)
VERSION = 1
SPACE = "darts"
AT_ONCE = 1000  # files whose configurations are held as text at a time
MOST_TRIALS = 1000  # trainings of one cell

log = logging.getLogger("nasflow")


class Settings(base.Settings):
    """What is read from the folder."""

    budget: int = Field(100, ge=1, description="epochs; trainings of any other number of epochs are left out")
    dataset: str = Field(
        "cifar10",
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="data set of the trainings; part of metrics' names",
    )


def read(path: Path, settings: Settings, space: str) -> Source:
    """Read all `results_*.json` below a folder, in the order of their sorted paths.

    Metrics: `<dataset>/val_acc@<budget>` and `.../test_acc@<budget>`, (N, trials); several trainings of
    isomorphic cells are the trials of one, NaN where a cell has fewer. Costs:
    `<dataset>/train_seconds@<budget>` (N, trials) and, where all files have it, `params` (N,).

    Raises ConfigError for another space. Raises DataError, naming the file and key: no such file in the
    folder, none with this budget, no whole JSON, a key that is missing or of the wrong type, a number that
    is not finite or impossible (accuracies must be percent), a configuration that is no DARTS cell.
    """
    if spaces.base(space) != SPACE:
        raise ConfigError(f"space: {path} holds cells of {SPACE}, and not of {space}")
    path = Path(path)
    archs, trainings = _read_folder(path, settings.budget)
    keys = spaces.load(SPACE).cell_key(archs)
    row, trial, first = _trials(keys)
    if trial.max() >= MOST_TRIALS:
        file = trainings[int(trial.argmax())].path
        raise DataError(f"{file}: more than {MOST_TRIALS} trainings of its cell; are these copies?")
    archs = archs[first]
    shape = (len(first), int(trial.max()) + 1)

    def placed(name: str) -> np.ndarray:
        values = np.full(shape, np.nan)
        values[row, trial] = [getattr(training, name) for training in trainings]
        return values

    what, seconds = f"{settings.dataset}/{{}}@{settings.budget}", placed("seconds")
    costs = {what.format("train_seconds"): seconds}
    notes = {what.format("train_seconds"): "runtime that the file states"}
    if all(training.params is not None for training in trainings):
        costs["params"] = np.array([trainings[k].params for k in first], dtype=np.int64)
        notes["params"] = "model_parameters that the file states"
    return Source(
        archs=archs,
        cells=spaces.load(SPACE).cell_ids(archs),
        metrics={
            what.format("val_acc"): (placed("val_percent") / 100).astype(np.float32),
            what.format("test_acc"): (placed("test_percent") / 100).astype(np.float32),
        },
        costs=costs,
        notes=notes,
        where="cell",
    )


def _read_folder(path: Path, budget: int) -> tuple[Archs, list[Training]]:
    """Return (cells, trainings) of the files with this budget, in order."""
    if not path.is_dir():
        raise DataError(f"{path}: not a folder; expected the folder of results_<k>.json files")
    files = sorted(path.rglob("results_*.json"))
    if not files:
        raise DataError(f"{path}: no results_<k>.json in it or below; expected one file a training")
    parts, trainings, others = [], [], Counter()
    for start in range(0, len(files), AT_ONCE):
        read = [read_training(file) for file in files[start : start + AT_ONCE]]
        others.update(training.budget for training, _ in read if training.budget != budget)
        kept = [pair for pair in read if pair[0].budget == budget]
        if kept:
            trainings += [training for training, _ in kept]
            parts.append(_cells(path, [t.path for t, _ in kept], [config for _, config in kept]))
    if not parts:
        there = ", ".join(
            f"{number:g} epochs ({count} files)" for number, count in sorted(others.items())[:10]
        )
        raise DataError(f"{path}: no file has budget {budget}; there are {there}; change `budget`")
    if others:
        log.info("%s: left out %d files of other budgets: %s", path, others.total(), sorted(others))
    return Archs.concatenate(parts), trainings


def _cells(path: Path, files: list[Path], configs: list[dict[str, str]]) -> Archs:
    """Return the cells of configurations, in order. Raises DataError, naming the first wrong file."""
    try:
        archs = from_configurations(configs)
    except DataError as error:
        raise renamed(error, path, lambda row: str(files[row])) from error
    wrong = np.flatnonzero(~spaces.load(SPACE).validate(archs))
    if len(wrong):
        raise DataError(f"{files[wrong[0]]}: its configuration is no valid pair of DARTS cells")
    return archs


def _trials(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group equal keys. Returns (row of each, its number within the row, first position of each row).

    Rows are in the order in which keys first appear; int64 (n,), (n,), (rows,).
    """
    _, first, inverse, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    row = np.argsort(np.argsort(first))[inverse]
    order = np.argsort(inverse, kind="stable")
    trial = np.empty(len(keys), dtype=np.int64)
    trial[order] = np.arange(len(keys)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, trial, np.sort(first)
