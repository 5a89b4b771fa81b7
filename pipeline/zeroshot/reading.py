"""Zero-shot scores looked up by cell, for predictors, strategies and whoever asks from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline import spaces
from pipeline.errors import DataError
from pipeline.spaces.archs import Archs
from pipeline.spaces.lookup import KeyIndex
from pipeline.storage.artifacts import get_archs, open_h5
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
        rows = self._index.rows(space.cell_key(archs))
        absent = np.flatnonzero(rows < 0)
        if len(absent):
            cell = space.cell_ids(archs[int(absent[0])])[0]
            raise DataError(
                f"{self.path}: {len(absent)} of {len(archs)} cells that were asked for were not scored "
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
            rows = self._index.rows(spaces.load(archs.space).cell_key(archs))
        else:
            rows = self.rows(archs)
        # the row of a cell that was not scored is -1: one more value at the end
        return np.stack([np.append(column, np.nan)[rows] for column in columns], axis=1)

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

    @cached_property
    def _index(self) -> KeyIndex:
        return KeyIndex(spaces.load(self.archs.space).cell_key(self.archs))

    def _dataset(self, name: str) -> np.ndarray:
        if name not in self._read:
            with open_h5(self.path, KIND) as handle:
                self._read[name] = handle[name][()]
        return self._read[name]
