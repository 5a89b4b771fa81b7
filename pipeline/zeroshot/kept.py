"""Scores kept on disk by cell and metric, so that none is computed twice.

A folder holds the scores of one identity: code, network, batch, initialisations. Which cells and which
metrics are asked for, and in what chunks, is not part of it. So more cells or one more metric cost just
what is new, and a killed job loses the networks since its last block. A block is a file, written whole or
not at all and named by its content, so that jobs side by side never write the same one. When a chunk is
done, its blocks are gathered into one file.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.lookup import KeyIndex
from pipeline.storage.kept_arrays import DAMAGED, keep_arrays, open_arrays

log = logging.getLogger("nasflow")


@dataclass
class Column:
    """One metric of n cells. arch: float64 (n,). op: float64 (n, ...) or None. reason: n texts, "" if fine.

    known: bool (n,), whether it was computed; NaN is a result, too.
    """

    known: np.ndarray
    arch: np.ndarray
    op: np.ndarray | None
    reason: np.ndarray

    @classmethod
    def empty(cls, n: int, op_shape: tuple[int, ...] | None) -> Column:
        """Return a column in which nothing is known. op_shape: of a cell's operations; None without."""
        op = None if op_shape is None else np.full((n, *op_shape), np.nan)
        return cls(np.zeros(n, dtype=bool), np.full(n, np.nan), op, np.full(n, "", dtype=object))

    def copy_from(self, other: Column, rows: np.ndarray, others: np.ndarray) -> None:
        """Take over what `other` knows: its rows `others` become the rows `rows`, both int64 (k,)."""
        there = other.known[others]
        rows, others = rows[there], others[there]
        self.known[rows], self.arch[rows], self.reason[rows] = True, other.arch[others], other.reason[others]
        if self.op is not None:
            self.op[rows] = other.op[others]


@dataclass
class Sheet:
    """Scores of n cells as far as they are known. keys: uint64 (n,), from `spelling_keys`.

    seconds: float64 (n,), time spent on each cell.
    """

    keys: np.ndarray
    columns: dict[str, Column] = field(default_factory=dict)
    seconds: np.ndarray | None = None

    def __post_init__(self):
        if self.seconds is None:
            self.seconds = np.zeros(len(self.keys))

    def known(self, metrics) -> np.ndarray:
        """Return bool (n, M): which scores are known."""
        nothing = np.zeros(len(self.keys), dtype=bool)
        known = [self.columns[m].known if m in self.columns else nothing for m in metrics]
        return np.stack(known, axis=1)

    def copy_from(self, other: Sheet) -> None:
        """Take over what `other` knows of the same cells."""
        rows = KeyIndex(self.keys).rows(other.keys)
        others = np.flatnonzero(rows >= 0)
        rows = rows[others]
        for metric, column in other.columns.items():
            if metric not in self.columns:
                shape = None if column.op is None else column.op.shape[1:]
                self.columns[metric] = Column.empty(len(self.keys), shape)
            self.columns[metric].copy_from(column, rows, others)
        self.seconds[rows] += other.seconds[others]

    def __getitem__(self, rows: np.ndarray) -> Sheet:
        """Select cells."""
        columns = {
            metric: Column(c.known[rows], c.arch[rows], None if c.op is None else c.op[rows], c.reason[rows])
            for metric, c in self.columns.items()
        }
        return Sheet(self.keys[rows], columns, self.seconds[rows])


class KeptScores:
    """The files of one identity in `folder`. identity: digest of all that a score depends on but its cell."""

    def __init__(self, folder: Path, identity: str):
        self.folder = Path(folder) / identity

    def read(self, keys: np.ndarray, metrics=None) -> Sheet:
        """Return what is kept of the cells `keys`. metrics: only these; None: all."""
        sheet = Sheet(keys)
        for file in self._files():
            found = _read(file, keys, metrics)
            if found is not None:
                sheet.copy_from(found)
        return sheet

    def write(self, sheet: Sheet) -> Path:
        """Keep a sheet, whole or not at all; return its file. Raises ArtifactError if the disk is full."""
        arrays = {"keys": sheet.keys, "seconds": sheet.seconds}
        for metric, column in sheet.columns.items():
            arrays |= {f"known/{metric}": column.known, f"arch/{metric}": column.arch}
            arrays[f"reason/{metric}"] = column.reason.astype(str)
            if column.op is not None:
                arrays[f"op/{metric}"] = column.op
        sha = hashlib.sha256()
        for name, values in arrays.items():
            if name != "seconds":
                sha.update(name.encode() + np.ascontiguousarray(values).tobytes())
        path = self.folder / f"{sha.hexdigest()[:24]}.npz"
        keep_arrays(path, arrays, compress=True)
        return path

    def gather(self, keys: np.ndarray) -> None:
        """Put all files that hold only cells of `keys` into one."""
        files = [file for file in self._files() if _holds_only(file, keys)]
        if len(files) < 2:
            return
        whole = Sheet(keys)
        for file in files:
            found = _read(file, keys, None)
            if found is not None:
                whole.copy_from(found)
        there = np.any([c.known for c in whole.columns.values()], axis=0)
        kept = self.write(whole[np.flatnonzero(there)])
        for file in files:
            if file != kept:
                file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.npz"))


def spelling_keys(archs: Archs) -> np.ndarray:
    """Return uint64 (N,), a hash of each cell as it is spelt: what a network and its operations depend on."""
    rows = archs.ops.reshape(len(archs), -1)
    if archs.adj is not None:
        rows = np.concatenate([rows, archs.adj.reshape(len(archs), -1)], axis=1)
    hashes = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows]
    return np.frombuffer(b"".join(hashes), dtype="<u8").astype(np.uint64)


def _read(file: Path, keys: np.ndarray, metrics) -> Sheet | None:
    """Return a file's scores of the cells `keys`; None without any, or if it is damaged or gone."""
    try:
        with open_arrays(file) as kept:
            found = kept["keys"]
            rows = np.flatnonzero(np.isin(found, keys))
            if not len(rows):
                return None
            columns = {}
            for name in kept.files:
                group, _, metric = name.partition("/")
                if group == "known" and (metrics is None or metric in metrics):
                    op = kept[f"op/{metric}"][rows] if f"op/{metric}" in kept.files else None
                    reason = kept[f"reason/{metric}"][rows].astype(object)
                    columns[metric] = Column(kept[name][rows], kept[f"arch/{metric}"][rows], op, reason)
            return Sheet(found[rows], columns, kept["seconds"][rows])
    except FileNotFoundError:  # gathered by another job just now; its cells are not ours
        return None
    except DAMAGED:
        log.warning("%s: damaged; what it held is computed again", file)
        return None


def _holds_only(file: Path, keys: np.ndarray) -> bool:
    try:
        with open_arrays(file) as kept:
            return bool(np.isin(kept["keys"], keys).all())
    except DAMAGED:
        return False
