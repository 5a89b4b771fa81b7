"""Finding cells by key."""

from __future__ import annotations

import numpy as np


class KeyIndex:
    """Which row of `keys`, uint64 (N,) as from `cell_key`, holds a key. Of equal keys it is the first row.

    rows: int (N,), the rows that the keys stand for, if they are not 0 to N - 1; `keys` must then ascend, and
    are taken as they are.
    """

    def __init__(self, keys: np.ndarray, rows: np.ndarray | None = None):
        self._rows = np.argsort(keys, kind="stable") if rows is None else rows
        self._keys = keys[self._rows] if rows is None else keys

    def __len__(self) -> int:
        return len(self._keys)

    def rows(self, keys: np.ndarray) -> np.ndarray:
        """Return the row of each key, int64 (n,), -1 for one that is not there."""
        if not len(self._keys):
            return np.full(len(keys), -1, np.int64)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[place] == keys, self._rows[place].astype(np.int64), -1)
