"""Files out of a .tar.gz: checked first, read once from beginning to end, nothing unpacked to disk."""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import tarfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

from pipeline.errors import DataError

_MAX_SIZE = 1 << 30  # bytes of all files unpacked; the largest official archive has 185 million
_MAX_HEADERS = 16 << 20  # bytes of an archive's headers; the official archives' have a few thousand
_CHUNK = 1 << 20
_TAR_ERRORS = (tarfile.TarError, RecursionError)  # headers that follow each other are read recursively


class _Bounded:
    """A stream of which at most `left` bytes are read: `tarfile` believes headers of any length."""

    def __init__(self, stream, path: Path):
        self._stream, self._path, self.left = stream, path, _MAX_HEADERS
        self.tell, self.seek = stream.tell, stream.seek

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes. Raises DataError if that is more than is left."""
        if not 0 <= size <= self.left:
            raise DataError(
                f"{self._path}: more than {_MAX_HEADERS >> 20} MiB of headers; no archive of CIFAR"
            )
        self.left -= size
        return self._stream.read(size)


def check_md5(path: Path, md5: str | None) -> None:
    """Compare a file's MD5 with `md5`, unless that is None. Raises DataError if it differs."""
    if md5 is None:
        return
    with open(path, "rb") as handle:
        found = hashlib.file_digest(handle, lambda: hashlib.new("md5", usedforsecurity=False)).hexdigest()
    if found != md5:
        raise DataError(
            f"{path}: wrong md5 {found}, expected {md5}; the download is damaged, or not the official "
            "archive: fetch it again, or set md5 to this one (or null) for an archive built anew"
        )


def read_members(path: Path, wanted: Collection[str], md5: str | None) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of the files in the archive that are called one of `wanted`, in its order.

    Names are compared without folders, and nothing is written: links, devices and paths that lead elsewhere
    are members like any others that are not wanted. Raises DataError: no such file, no .tar.gz, another MD5
    than `md5`, cut short, damaged, too large, a name twice; after the last one, if any of `wanted` was not
    there.
    """
    if not path.is_file():
        raise DataError(f"{path}: {'a folder, expected a .tar.gz' if path.is_dir() else 'no such file'}")
    try:
        _check_kind(path)
        check_md5(path, md5)
        yield from _members(path, wanted)
    except (*_TAR_ERRORS, EOFError, zlib.error, OSError, ValueError, OverflowError) as error:
        if getattr(error, "errno", None):  # the system's word, not that of gzip
            raise DataError(f"{path}: cannot be read ({error.strerror})") from error
        raise DataError(f"{path}: cut short or damaged ({error}); fetch it again") from error


def _check_kind(path: Path) -> None:
    with open(path, "rb") as handle:
        begins = handle.read(40)
    if not begins:
        raise DataError(f"{path}: empty; fetch it again")
    if begins[:2] != b"\x1f\x8b":
        shown = begins.decode("ascii", "replace").replace("\ufffd", "?")
        raise DataError(f"{path}: not a .tar.gz, it begins with {shown!r}; fetch the archive itself")


def _members(path: Path, wanted: Collection[str]) -> Iterator[tuple[str, bytes]]:
    seen, size = set(), 0
    with gzip.open(path) as plain:
        bounded = _Bounded(plain, path)
        with tarfile.open(fileobj=bounded, mode="r:") as archive:
            for member in archive:
                size += member.size
                if size > _MAX_SIZE:
                    raise DataError(f"{path}: more than {_MAX_SIZE >> 20} MiB of files; no archive of CIFAR")
                name = posixpath.basename(member.name)
                if not member.isreg() or name not in wanted:
                    continue
                if name in seen:
                    raise DataError(f"{path}: holds {name} twice; fetch the official archive")
                seen.add(name)
                bounded.left += member.size  # no more than _MAX_SIZE
                yield name, archive.extractfile(member).read()
        while plain.read(_CHUNK):  # to the end, where the checksum is
            size += _CHUNK
            if size > _MAX_SIZE:
                raise DataError(f"{path}: goes on after its last file; no archive of CIFAR")
    missing = [name for name in wanted if name not in seen]
    if missing:
        there = ", ".join(sorted(seen)) or "none of its files"
        raise DataError(
            f"{path}: there is no {' and no '.join(missing)} in it, but {there}; fetch the official archive"
        )
