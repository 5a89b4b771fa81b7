"""Files of kept results (.npz), read back without trusting them."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

SPARE, PER_BYTE = 1 << 30, 64  # what may be declared: so many bytes, and so many for each byte of the file
# whatever reading a file that is damaged, or made to do harm, may raise
DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, MemoryError, RuntimeError)


@contextmanager
def open_arrays(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """Open a .npz file of plain arrays; nothing in it is unpickled.

    Raises one of `DAMAGED`; a ValueError if its arrays are declared to take more than 1 GiB and 64 bytes for
    each byte of the file, or another size than the archive says.
    """
    if not path.is_file() and path.exists():
        raise ValueError(f"{path}: no regular file")
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > SPARE + PER_BYTE * path.stat().st_size:
            raise ValueError(f"{path}: declares more than it can hold")
        for entry in entries:
            _check_size(archive, entry)
    with np.load(path, allow_pickle=False) as arrays:
        yield arrays


def _check_size(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Raise ValueError if an array's header asks for another size than its entry has."""
    with archive.open(entry) as file:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{entry.filename}: array of format {version}")
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(file)
        size = dtype.itemsize
        for n in shape:
            size *= n
        if size != entry.file_size - file.tell():
            raise ValueError(f"{entry.filename}: an array of {size} bytes in {entry.file_size}")
