"""Embeddings of many cells as one file: written in batches, read by cell, asked for nearest neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from pipeline.autoencoders.neighbours import nearest
from pipeline.errors import ArtifactError, DataError
from pipeline.spaces import load
from pipeline.spaces.archs import Archs
from pipeline.spaces.lookup import KeyIndex
from pipeline.storage.artifacts import get_provenance, open_h5, put_table
from pipeline.storage.files import checksum

KIND = "embeddings"
AT_ONCE = 4096  # cells of a batch and of a chunk in the file


def write_embeddings(handle: h5py.File, space: str, keys: np.ndarray, encoder) -> None:
    """Fill an open artifact: `keys` (uint64, ascending) and the embeddings of the cells that they name.

    encoder: `pipeline.autoencoders.reading.Encoder`. Memory: the keys and one batch.
    """
    handle.attrs["space"] = space
    put_table(handle, {"key": keys})
    latents = None
    for start in range(0, len(keys), AT_ONCE):
        batch = encoder.embed(load(space).from_key(keys[start : start + AT_ONCE]))
        if latents is None:
            shape, chunks = (len(keys), batch.shape[1]), (min(AT_ONCE, len(keys)), batch.shape[1])
            latents = handle.create_dataset(
                "latents", shape, np.float32, chunks=chunks, fletcher32=True, track_times=False
            )
        latents[start : start + len(batch)] = batch


class Embeddings:
    """An open file of kind "embeddings"; use it in a `with` block.

    space: what the cells are of. keys: uint64 (N,), `cell_key` of every row, ascending. The embeddings stay
    in the file.
    """

    def __init__(self, path: Path | str, autoencoder: Path | None = None, table: Path | None = None):
        """Open a file. autoencoder, table: artifacts that it is used with, if any.

        Raises ArtifactError if it was made from others than these, or if it is missing or damaged.
        """
        self.path = Path(path)
        self._opened = open_h5(path, KIND)
        handle = self._opened.__enter__()
        try:
            self._check_made_from(handle, {"autoencoder": autoencoder, "table": table})
            self.space = str(handle.attrs["space"])
            self.keys, self._latents = handle["table/key"][()], handle["latents"]
            self._index = KeyIndex(self.keys)
        except BaseException:
            self.close()
            raise

    def _check_made_from(self, handle: h5py.File, files: dict[str, Path | None]) -> None:
        made_from = get_provenance(handle)["inputs"]
        for role, file in files.items():
            if file is not None and made_from.get(role) != checksum(file):
                raise ArtifactError(
                    f"{self.path}: these embeddings were made from another {role} than {file} is now; "
                    f"make them again (snakemake {self.path})"
                )

    def __enter__(self) -> Embeddings:
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._opened.__exit__(None, None, None)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def n_features(self) -> int:
        """How many numbers an embedding has."""
        return self._latents.shape[1]

    def rows_of(self, archs: Archs) -> np.ndarray:
        """Return the row of each architecture, int64 (n,).

        Raises DataError, which names the first one that has no row, or if they are of another space.
        """
        if archs.space != self.space:
            raise DataError(f"{self.path}: holds cells of {self.space}, but these are of {archs.space}")
        keys = load(self.space).cell_key(archs)
        rows = self._index.rows(keys)
        absent = rows < 0
        if absent.any():
            first = load(self.space).cell_ids(archs[int(np.argmax(absent))])[0]
            raise DataError(
                f"{self.path}: has no embedding of {absent.sum()} of {len(keys)} cells, first of {first}; "
                "make it from the table that they are in"
            )
        return rows

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the embeddings of some rows, float32 (n, F), in their order."""
        rows = np.asarray(rows, np.int64)
        order, position = np.unique(rows, return_inverse=True)
        unique = np.empty((len(order), self.n_features), np.float32)
        for block in np.unique(order // AT_ONCE):
            first, last = np.searchsorted(order, [block * AT_ONCE, (block + 1) * AT_ONCE])
            values = self._latents[block * AT_ONCE : (block + 1) * AT_ONCE]
            unique[first:last] = values[order[first:last] - block * AT_ONCE]
        return unique[position]

    def of(self, archs: Archs) -> np.ndarray:
        """Return the embeddings of some architectures, float32 (n, F); errors as in `rows_of`."""
        return self.read(self.rows_of(archs))

    def archs(self, rows: np.ndarray) -> Archs:
        """Return the architectures of some rows."""
        return load(self.space).from_key(self.keys[rows])

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield all embeddings in order, float32 (up to 4096, F) at a time."""
        for start in range(0, len(self), AT_ONCE):
            yield self._latents[start : start + AT_ONCE]

    def nearest(self, vectors: np.ndarray, k: int = 1, skip: np.ndarray | None = None):
        """Return (rows (Q, k), distances (Q, k)) of the cells nearest to `vectors` (Q, F), nearest first.

        skip: bool (N,), rows that are never returned, such as cells that were asked for already.
        """
        return nearest(vectors, self.blocks(), k, skip)
