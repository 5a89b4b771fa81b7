"""Zero-shot scores looked up by cell, for predictors, strategies and whoever asks from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline import spaces
from pipeline.artifacts import get_archs, open_h5
from pipeline.errors import DataError
from pipeline.spaces.archs import Archs
from pipeline.zeroshot.alignment import aligned

KIND = "zeroshot"


@dataclass(frozen=True)
class ZeroShot:
    """Scores of the cells `archs`; arrays are read when they are asked for.

    metrics: those that there are for architectures. op_metrics: those that operations have, too.
    """

    path: Path
    archs: Archs
    metrics: tuple[str, ...]
    op_metrics: tuple[str, ...]
    _read: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, path: Path | str, space: str | None = None) -> ZeroShot:
        """Open the artifact at `path`.

        space: that its cells must be of, if given. Raises ArtifactError if the file is missing, damaged or no
        collection of zero-shot scores, DataError if it holds cells of another space.
        """
        with open_h5(path, KIND) as handle:
            archs = get_archs(handle)
            arch, op = (tuple(handle[group]) if group in handle else () for group in ("arch", "op"))
        found = cls(Path(path), archs, arch, op)
        if space is not None:
            found.check_space(space)
        return found

    def __len__(self) -> int:
        return len(self.archs)

    def rows(self, archs: Archs) -> np.ndarray:
        """Return the row of each cell, by `cell_key`, int64 (N,).

        Raises DataError if the cells are of another space, or one of them was not scored.
        """
        self.check_space(archs.space)
        space = spaces.load(archs.space)
        rows, known = self._find(space.cell_key(archs))
        if not known.all():
            cell = space.cell_ids(archs[int(np.flatnonzero(~known)[0])])[0]
            raise DataError(
                f"{self.path}: {(~known).sum()} of {len(archs)} cells that were asked for were not scored "
                f"(first: {cell}); score more cells (zeroshot.n_candidates, or n_scored of the benchmark)"
            )
        return rows

    def arch(self, archs: Archs, metrics: Sequence[str], unscored: bool = False) -> np.ndarray:
        """Return scores of architectures, float64 (N, M); NaN where one is missing in the file.

        unscored: whether cells that the file does not have are NaN, too; otherwise DataError is raised for
        one of them, as it is for a metric that the file does not have.
        """
        columns = [self.column(metric) for metric in metrics]
        if not columns:
            return np.zeros((len(archs), 0))
        if unscored:
            self.check_space(archs.space)
            rows, known = self._find(spaces.load(archs.space).cell_key(archs))
        else:
            rows, known = self.rows(archs), np.ones(len(archs), dtype=bool)
        return np.stack([np.where(known, column[rows], np.nan) for column in columns], axis=1)

    def op(self, archs: Archs, metrics: Sequence[str]) -> np.ndarray:
        """Return scores of operations, float64, shaped as `archs.ops` with one more axis (M); NaN if missing.

        They are in the places in which `archs` spells the operations, whatever spelling was scored.
        Raises DataError for a cell that the file does not have, or a metric that operations do not have.
        """
        for metric in metrics:
            if metric not in self.op_metrics:
                raise DataError(
                    f"{self.path}: no scores of operations by {metric!r}; "
                    f"there are {', '.join(self.op_metrics) or 'none'}"
                )
        rows = self.rows(archs)
        columns = [self._dataset(f"op/{metric}")[rows] for metric in metrics]
        values = np.stack(columns, axis=-1) if columns else np.zeros((*archs.ops.shape, 0))
        return aligned(values, self.archs[rows], archs)

    def column(self, metric: str) -> np.ndarray:
        """Return a metric of all cells, float64. Raises DataError for one that the file does not have."""
        if metric not in self.metrics:
            raise DataError(
                f"{self.path}: no zero-shot metric {metric!r}; it has {', '.join(self.metrics)}; "
                "add it to zeroshot.metrics"
            )
        return self._dataset(f"arch/{metric}")

    def check_space(self, space: str) -> None:
        """Raise DataError if the file does not hold cells of `space`."""
        if self.archs.space != spaces.base(space):
            raise DataError(
                f"{self.path}: holds scores of {self.archs.space} cells, expected {space}; "
                "give the scores of the same benchmark"
            )

    def _find(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        known, order = self._index
        place = np.minimum(np.searchsorted(known, keys), max(len(known) - 1, 0))
        return order[place], known[place] == keys

    @cached_property
    def _index(self) -> tuple[np.ndarray, np.ndarray]:
        keys = spaces.load(self.archs.space).cell_key(self.archs)
        order = np.argsort(keys, kind="stable")
        return keys[order], order

    def _dataset(self, name: str) -> np.ndarray:
        if name not in self._read:
            with open_h5(self.path, KIND) as handle:
                self._read[name] = handle[name][()]
        return self._read[name]
