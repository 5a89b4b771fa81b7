"""Files of `torch.save`: where in them the pickle lies, without torch.

Since torch 1.6 it is the entry `data.pkl` of a zip archive that is not compressed; before (and so in
NAS-Bench-201's official files) the file is a row of pickles: a magic number, a protocol number, facts on the
machine, the object, and then tensors' bytes, which are not read here.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from pipeline.benchmarks.readers.safe_pickle import Machine
from pipeline.errors import DataError

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_MAX_DIRECTORY = 16 << 20  # bytes of a zip archive's table of contents
_END, _WIDE_END = re.compile(rb"PK\x05\x06"), re.compile(rb"PK\x06\x06")
_ZIP_ERRORS = (zipfile.BadZipFile, EOFError, ValueError, RuntimeError, OverflowError, struct.error)
_OTHER_KINDS = (  # first bytes -> what such a file is
    (b"BZh", "it is compressed with bzip2, as files of NATS-Bench are (reader nats_bench takes the folder)"),
    (b"\x1f\x8b", "it is compressed with gzip: unpack it with gunzip"),
    (b"\x89HDF", "it is an HDF5 file, perhaps a finished benchmark table"),
    (b"version https://git-lfs", "it is a Git LFS pointer: fetch the file itself with git lfs pull"),
    (b"<", "it is a web page, perhaps the download page's warning: fetch the file itself"),
)


def load(path: Path, record: Callable, of: str, skip: frozenset[str]):
    """Return the object of a file that `torch.save` wrote; see `Machine` for record, of and skip.

    Raises DataError, naming the file and place: no such file, damaged, or naming types that are not allowed.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(64)
            file.seek(0)
            if head.startswith(b"PK\x03\x04"):
                return _load_zip(path, file, record, of, skip)
            if head.startswith(b"\x80\x02\x8a\x0a"):
                return _load_legacy(path, file, record, of, skip)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not head:
        raise DataError(f"{path}: the file is empty; fetch it again")
    kinds = [what for magic, what in _OTHER_KINDS if head.lstrip().startswith(magic)]
    guess = kinds[0] if kinds else "or its first bytes are damaged: fetch it again"
    raise DataError(f"{path}: no file of torch.save (it begins with {head[:8]!r}); {guess}")


def _load_legacy(path: Path, file, record, of, skip):
    machine = Machine(file.read, str(path))
    found = machine.load(), machine.load()
    if found != (_MAGIC, _PROTOCOL):
        raise DataError(f"{path}: no file of torch.save (wrong magic or protocol number); fetch it again")
    machine.load()  # facts on the machine that wrote it
    machine.watch(record, of, skip)
    return machine.load()


def _load_zip(path: Path, file, record, of, skip):
    _check_directory(path, file)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [e for e in archive.infolist() if e.filename.split("/")[-1] == "data.pkl"]
            plain = [e for e in entries if e.compress_type == zipfile.ZIP_STORED and not e.flag_bits & 1]
            if len(entries) != 1 or not plain:
                raise DataError(f"{path}: a zip archive without one plain data.pkl, so not of torch.save")
            with archive.open(entries[0]) as stream:
                return _checked(Machine(stream.read, str(path), record, of, skip), stream)
    except _ZIP_ERRORS as error:
        raise DataError(f"{path}: damaged zip archive ({error}); fetch the file again") from error


def _checked(machine: Machine, stream):
    """Return the object; read to the end, where the archive's CRC-32 is compared, even if it is refused."""
    try:
        return machine.load()
    finally:
        while stream.read(1 << 20):
            pass


def _check_directory(path: Path, file) -> None:
    """Refuse an archive whose table of contents alone would fill the memory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - (1 << 16) - 98))
    tail = file.read()
    file.seek(0)
    if b"PK\x05\x06" not in tail:
        raise DataError(f"{path}: truncated zip archive, it has no table of contents; fetch the file again")
    lengths = [int.from_bytes(tail[m.end() + 8 : m.end() + 12], "little") for m in _END.finditer(tail)]
    wide = [int.from_bytes(tail[m.end() + 36 : m.end() + 44], "little") for m in _WIDE_END.finditer(tail)]
    length = max([*(n for n in lengths if n != 0xFFFFFFFF), *wide], default=0)
    if length > _MAX_DIRECTORY:
        raise DataError(
            f"{path}: damaged zip archive, or made to do harm: a table of contents of {length} bytes"
        )
