"""Regression targets of many networks: in memory while they are few, else in a scratch file."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pipeline.errors import DataError, UserError

IN_MEMORY = 256 << 20  # bytes
READERS = 4  # threads; they wait for the system, not for Python


class Targets:
    """Targets of N networks for I images, F numbers each; written network by network, then read anyhow.

    Up to `IN_MEMORY` bytes are an array. More are a file, of which only the pairs that are asked for
    come to memory (the system may keep the rest in memory that nobody else wants). It has no name: nothing
    of it is left when the process ends, however it ends.
    """

    def __init__(self, shape: tuple[int, int, int], dtype: str = "float32", scratch: Path | None = None):
        """shape: (N, I, F). dtype: "float32" or "float16". scratch: folder for the file.

        Raises UserError if the folder has no room for it.
        """
        self.shape, self.dtype = shape, np.dtype(dtype)
        n_bytes = int(np.prod(shape, dtype=np.int64)) * self.dtype.itemsize
        self._row = shape[2] * self.dtype.itemsize  # bytes of a pair
        self._array = np.empty(shape, self.dtype) if n_bytes <= IN_MEMORY else None
        self._file = None if n_bytes <= IN_MEMORY else _nameless(scratch, n_bytes)  # its descriptor
        if self._file is not None:
            weakref.finalize(self, os.close, self._file)

    @property
    def in_memory(self) -> bool:
        """Whether the targets are an array."""
        return self._array is not None

    def write(self, network: int, values: np.ndarray) -> None:
        """Store a network's targets (I, F). Raises DataError if a number is too large for the type."""
        with np.errstate(over="ignore"):  # said below
            stored = np.ascontiguousarray(values, self.dtype)
        if self.dtype == np.float16 and not np.isfinite(stored).all():
            raise DataError(
                f"targets of network {network} do not fit float16; set preprocessing.dtype: float32"
            )
        if self._array is not None:
            self._array[network] = stored
        else:
            _at(os.pwritev, self._file, stored, network * self.shape[1] * self._row)

    def of_network(self, network: int) -> np.ndarray:
        """Return a network's targets, float32 (I, F)."""
        if self._array is not None:
            return self._array[network].astype(np.float32, copy=False)
        found = np.empty(self.shape[1:], self.dtype)
        _at(os.preadv, self._file, found, int(network) * found.nbytes)
        return found.astype(np.float32, copy=False)

    def pairs(self, networks, images) -> np.ndarray:
        """Return the targets of B pairs (rows of networks, rows of images), float32 (B, F)."""
        networks, images = np.asarray(networks, np.int64), np.asarray(images, np.int64)
        if self._array is not None:
            return self._array[networks, images].astype(np.float32, copy=False)
        found = np.empty((len(networks), self.shape[2]), self.dtype)
        size = self._row
        for row, start in zip(found, ((networks * self.shape[1] + images) * size).tolist(), strict=True):
            if os.preadv(self._file, (row,), start) != size:
                raise UserError("info-NAS: the scratch file of targets was cut short; run it again")
        return found.astype(np.float32, copy=False)

    def ahead(self, batches: Iterable[tuple]) -> Iterator[np.ndarray]:
        """Yield `pairs(networks, images)` of each batch in turn.

        From a file, a few threads read the next batches while the caller works on one.
        """
        if self.in_memory:
            yield from (self.pairs(*batch) for batch in batches)
            return
        with ThreadPoolExecutor(READERS) as pool:
            waiting = deque()
            for batch in batches:
                waiting.append(pool.submit(self.pairs, *batch))
                if len(waiting) > 2 * READERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


def _nameless(folder: Path | None, n_bytes: int) -> int:
    """Return the descriptor of a new file of n_bytes that has no name.

    Raises UserError if there is no room for it.
    """
    where = Path(folder or tempfile.gettempdir())
    try:
        where.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=where) as file:
            if hasattr(os, "posix_fallocate"):  # a full disk shows now, not after half an hour
                os.posix_fallocate(file.fileno(), 0, n_bytes)
            return os.dup(file.fileno())
    except OSError as error:
        raise UserError(
            f"{where}: no scratch file of {n_bytes / 1e9:.1f} GB for the targets ({error.strerror}); "
            "free space, or set preprocessing.dtype: float16"
        ) from error


def _at(transfer, descriptor: int, array: np.ndarray, start: int) -> None:
    """Read or write all of an array at a place in the file; the system may do it in several pieces."""
    view, done = memoryview(array).cast("B"), 0
    while done < len(view):
        try:
            moved = transfer(descriptor, (view[done:],), start + done)
        except OSError as error:
            raise UserError(f"the scratch file of targets cannot be used ({error.strerror})") from error
        if moved == 0:
            raise UserError("info-NAS: the scratch file of targets was cut short; run it again")
        done += moved
