"""Files of kept results: arrays behind a checksum, read back without trusting them."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from pipeline.storage.files import read_checked, write_checked

SPARE, PER_BYTE = 1 << 30, 64  # what may be declared: so many bytes, and so many for each byte of the file
# whatever reading a file that is damaged, or made to do harm, may raise
DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, MemoryError, RuntimeError)


@contextmanager
def open_arrays(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """Open a file of plain arrays that `keep_arrays` wrote; nothing in it is unpickled.

    Raises one of `DAMAGED`; a ValueError if its arrays are declared to take more than 1 GiB and 64 bytes for
    each byte of the file, or another size than the archive says.
    """
    content = read_checked(path)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > SPARE + PER_BYTE * len(content):
            raise ValueError(f"{path}: declares more than it can hold")
        for entry in entries:
            _check_size(archive, entry)
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        yield arrays


def keep_arrays(path: Path, arrays: Mapping[str, np.ndarray], compress: bool = False) -> None:
    """Write arrays as .npz behind a checksum, whole or not at all. Raises ArtifactError if the disk is full.

    The archive's own checksums leave out its directory: a name that changed there is an array less.
    """
    content = io.BytesIO()
    (np.savez_compressed if compress else np.savez)(content, **arrays)
    write_checked(path, content.getbuffer())


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
