"""Messages of a space about a row, said again with the name that the row has in its file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline import spaces
from pipeline.errors import DataError
from pipeline.spaces.archs import Archs

_ROW = re.compile(r"^.*?\b(?:record|row|configuration) (\d+)\b")


def renamed(error: DataError, path: Path, place: Callable[[int], str]) -> DataError:
    """Return the error with `place(row)` instead of "<space> row 3" at its beginning.

    place: row (from 0) -> file and row, or the row's own file. path: what is named if no row is.
    """
    text = str(error)
    match = _ROW.match(text)
    if not match:
        return DataError(f"{path}: {text}")
    return DataError(f"{place(int(match[1]))}: {text[match.end() :].lstrip(' :,')}")


def read_columns(
    path: Path, columns: Mapping[str, Sequence[str]], space: str, place: Callable[[int], str]
) -> Archs:
    """Return the space's cells that a table's columns spell (role -> N texts).

    Raises DataError, naming file and row, for a row that spells no cell, a cell that is not valid, and a
    cell that comes twice.
    """
    module = spaces.load(spaces.base(space))
    try:
        archs = module.from_columns(columns)
    except DataError as error:
        raise renamed(error, path, lambda row: f"{path}: {place(row)}") from error
    wrong = np.flatnonzero(~module.validate(archs))
    if len(wrong):
        raise DataError(
            f"{path}: {place(int(wrong[0]))}: not a valid cell of {module.NAME} ({len(wrong)} such in all); "
            "mend or remove it"
        )
    first = first_repeat(module.cell_key(archs))
    if first is not None:
        raise DataError(
            f"{path}: {place(first[1])}: the same cell as {place(first[0])}; each cell may come once"
        )
    return archs


def first_repeat(keys: np.ndarray) -> tuple[int, int] | None:
    """Return (earlier row, row) of the first row whose key has come before; None if there is none."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[inverse] != np.arange(len(keys)))
    return (int(first[inverse[again[0]]]), int(again[0])) if len(again) else None
