"""Opening files that may be compressed, as the ending of their name says."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import DataError

SPARE, PER_BYTE = 8 << 20, 100  # what a file may unfold to: so many bytes, and so many for each of its own
_OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def open_bytes(path: Path) -> BinaryIO:
    """Return a stream of a file's bytes, decompressed on the way for .gz, .bz2, .xz and .zst.

    Reading it raises OSError, EOFError, zlib.error or lzma.LZMAError if the file is damaged or cut short, and
    DataError if it unfolds to more than 8 MiB and a hundred times its size. Raises DataError if the package
    for .zst is not installed.
    """
    ending = path.suffix.lower()
    if ending == ".zst":
        return io.BufferedReader(_Bounded(_Zstandard(path), path), 1 << 16)
    if ending in _OPENERS:
        return io.BufferedReader(_Bounded(_OPENERS[ending](path, "rb"), path), 1 << 16)
    return open(path, "rb")


class _Bounded(io.RawIOBase):
    """A decompressed stream that ends in an error where it has grown too long for its file."""

    def __init__(self, stream, path: Path):
        self._stream, self._path = stream, path
        self._left = SPARE + PER_BYTE * path.stat().st_size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        n = self._stream.readinto(buffer)
        self._left -= n
        if self._left < 0:
            raise DataError(
                f"{self._path}: unfolds to more than {PER_BYTE} times its size, as files do that are made to "
                "fill the memory; if it is right, unpack it and name the unpacked file"
            )
        return n

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Zstandard(io.RawIOBase):
    """Zstandard frames one after another; unlike the package's own stream, it notices a frame cut short."""

    def __init__(self, path: Path):
        try:
            import zstandard
        except ImportError:
            raise DataError(
                f"{path}: reading .zst needs the package zstandard: pip install zstandard; or use .gz"
            ) from None
        self._error = zstandard.ZstdError
        self._fresh = lambda: zstandard.ZstdDecompressor().decompressobj()
        self._file, self._frame, self._rest = open(path, "rb"), None, b""  # noqa: SIM115 (closed by close)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while not self._rest:
            data = self._frame.unused_data if self._frame and self._frame.eof else b""
            data = data or self._file.read(1 << 12)
            if not data:
                if self._frame is not None and not self._frame.eof:
                    raise EOFError("compressed file ended before the end of its last frame")
                return 0
            if self._frame is None or self._frame.eof:
                self._frame = self._fresh()
            try:
                self._rest = self._frame.decompress(data)
            except self._error as error:
                raise OSError(str(error)) from error
        n = min(len(buffer), len(self._rest))
        buffer[:n], self._rest = self._rest[:n], self._rest[n:]
        return n

    def close(self) -> None:
        self._file.close()
        super().close()
