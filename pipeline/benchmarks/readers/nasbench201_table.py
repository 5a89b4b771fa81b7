"""All trials of NAS-Bench-201 together: the table, and whether it is whole."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from pipeline.benchmarks.readers.accuracies import wrong_unit
from pipeline.benchmarks.readers.nasbench201_trials import DATASETS, FULL, LESS, Trials
from pipeline.benchmarks.source import Source
from pipeline.errors import DataError
from pipeline.spaces.nasbench201.official import from_official

NOTES = {
    "params": "as the file gives it, for the first of the data sets kept (classifiers differ)",
    "flops": "multiplications and additions as the file gives them, for the first of the data sets kept",
    "latency": "seconds a batch as the file gives it, mean, for the first of the data sets kept",
    **{
        f"{dataset}/train_seconds@{epochs}": "sum over epochs of the training time, in seconds"
        for dataset in DATASETS
        for epochs in (LESS, FULL)
    },
}

log = logging.getLogger("nasflow")


def table(trials: Trials, meta, path_of: Callable[[int], str], listed: str = "meta_archs") -> Source:
    """Return all that was collected, a row an architecture, in the order of the file's list `meta`.

    path_of: how messages call an architecture. listed: how they call the list.
    Raises DataError: no such list, a string that is no cell or comes twice, results that are missing, of
    another string or for none, a data set that only some were trained on, accuracies that are no percent.
    A metric that was not recorded for every architecture is left out, with a warning.
    """
    _check_list(trials, meta, listed)
    indexes = _whole(trials, meta, path_of, listed)
    cells = [meta[index] for index in indexes]
    try:
        archs = from_official(cells)
    except DataError as error:
        raise trials.refused(listed, str(error)) from None
    arrays = {name: _array(rows, indexes) for name, rows in trials.rows.items()}
    metrics = {name: arrays[name] for name in sorted(arrays) if _kept(trials, name, arrays[name])}
    if not metrics:
        raise DataError(
            f"{trials.name}: it has no results for the data sets to keep; see the setting datasets"
        )
    for name, values in metrics.items():
        _check_percent(trials, name, values, indexes, path_of)
    fractions = {name: (values / 100).astype(np.float32) for name, values in metrics.items()}
    return Source(archs, cells, fractions, _costs(arrays), NOTES, "row")


def _check_list(trials: Trials, meta, listed: str) -> None:
    if type(meta) is not list or not meta or any(type(t) is not str or len(t) > 200 for t in meta):
        raise trials.refused(listed, "expected a list of architecture strings")
    first: dict[str, int] = {}
    for i, text in enumerate(meta):
        if first.setdefault(text, i) != i:
            raise trials.refused(f"{listed}[{i}]", f"{text} comes twice, first at {first[text]}")


def _whole(trials: Trials, meta: list[str], path_of: Callable[[int], str], listed: str) -> list[int]:
    """Return the indexes of all architectures with results, ascending."""
    strings = trials.strings
    for index in strings:
        if not 0 <= index < len(meta):
            raise trials.refused(path_of(index), f"{listed} has {len(meta)} architectures only")
        if strings[index] != meta[index]:
            raise trials.refused(
                path_of(index), f"arch_str is {strings[index]!r:.120}, but {listed} says {meta[index]!r}"
            )
    missing = [index for index in range(len(meta)) if index not in strings]
    if missing and (not trials.allow_partial or not strings):
        raise trials.refused(
            path_of(missing[0]),
            f"missing ({len(missing)} of {len(meta)} architectures of {listed} have no results); fetch the "
            "whole file, or set allow_partial: true",
        )
    return sorted(strings)


def _array(rows: dict[int, list[float]], indexes: list[int]) -> np.ndarray:
    """Return float64 (N, trials): a row's trials in the order of their seeds, then NaN."""
    array = np.full((len(indexes), max(map(len, rows.values()))), np.nan)
    for row, index in enumerate(indexes):
        found = rows.get(index, ())
        array[row, : len(found)] = found
    return array


def _kept(trials: Trials, name: str, values: np.ndarray) -> bool:
    """Return whether this is a metric that every architecture has."""
    if "_acc" not in name:
        return False
    if name in trials.lacking:
        raise DataError(f"{trials.name}: {trials.lacking[name]}, but other architectures have {name}")
    if not np.isnan(values).all(axis=1).any():
        return True
    if not np.isnan(values).all():
        log.warning("%s: %s is left out, as not all have it: no %s", trials.name, name, trials.gaps[name])
    return False


def _check_percent(trials: Trials, name: str, values: np.ndarray, indexes: list[int], path_of) -> None:
    """Refuse fractions, and on CIFAR-10 also single ones (below chance on the others is no proof)."""
    rows, columns = np.nonzero(~np.isnan(values))
    found = values[rows, columns]
    fractions = found.max() <= 1
    wrong = (0, "") if fractions else None
    if not fractions and name.startswith(("cifar10/", "cifar10-valid/")):
        wrong = wrong_unit(found, "percent", "cifar10")
    if wrong is not None:
        why = "no value is above 1, so these look like fractions" if fractions else wrong[1]
        value, path = found[wrong[0]], path_of(indexes[rows[wrong[0]]])
        raise trials.refused(path, f"{name} = {value}: {why}; expected percent, as in the official file")


def _costs(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the costs that are known of every architecture."""
    costs = {name: arrays[name][:, 0].astype(np.int64) for name in ("params", "flops")}
    latency = arrays.get("latency")
    if latency is not None and not np.isnan(latency).any():
        costs["latency"] = latency[:, 0]
    for name in sorted(arrays):
        if "/train_seconds@" in name and not np.isnan(arrays[name]).all(axis=1).any():
            costs[name] = arrays[name]
    return costs
