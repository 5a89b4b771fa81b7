"""Numbers in benchmark files: accuracies as fractions or in percent, and what they can be mistaken for."""

from __future__ import annotations

from typing import Literal

import numpy as np

Unit = Literal["fraction", "percent"]


def to_numbers(texts: list[str]) -> tuple[np.ndarray, int | None]:
    """Return (float64 (N,), None), or with the first row that is no finite number instead of None."""
    try:
        values = np.array([float(text) for text in texts])
    except ValueError:
        values = np.array([_number(text) for text in texts])
    bad = ~np.isfinite(values) | np.array(["_" in text for text in texts], dtype=bool)  # float("1_0") is 10
    return values, int(np.flatnonzero(bad)[0]) if bad.any() else None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def wrong_unit(values: np.ndarray, unit: Unit, dataset: str) -> tuple[int, str] | None:
    """Return the first of `values` (N,) that cannot be an accuracy in this unit, and why; None if all can.

    A mixture of fractions and percent is found by values that are impossible: above 1 for a fraction, and
    in percent so far below chance that only a fraction can be meant: at most 1 on CIFAR-10 (chance: 10 %),
    between 0 and 0.5 on other data sets.
    """
    return _wrong_fraction(values) if unit == "fraction" else _wrong_percent(values, dataset)


def _wrong_fraction(values: np.ndarray) -> tuple[int, str] | None:
    bad = (values < 0) | (values > 1)
    if not bad.any():
        return None
    row = int(bad.argmax())
    if not 1 < values[row] <= 100:
        return row, "expected a fraction between 0 and 1"
    if (values > 1).mean() > 0.5:
        return row, "it looks like percent: give unit: percent"
    return row, "it looks like percent among fractions; write all in one unit"


def _wrong_percent(values: np.ndarray, dataset: str) -> tuple[int, str] | None:
    ten_classes = dataset.startswith("cifar10") and not dataset.startswith("cifar100")
    low = values <= 1 if ten_classes else (values > 0) & (values < 0.5)
    bad = low | (values < 0) | (values > 100)
    if len(values) and ((values >= 0) & (values <= 1)).all():
        return 0, "no value is above 1, so these look like fractions: give unit: fraction"
    if not bad.any():
        return None
    row = int(bad.argmax())
    if 0 <= values[row] <= 1:
        return row, "it looks like a fraction among percent; write all in one unit"
    return row, "expected 0 to 100 percent"
