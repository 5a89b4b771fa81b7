"""Opening files that may be compressed, as the ending of their name says."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import DataError


def open_bytes(path: Path) -> BinaryIO:
    """Return a stream of a file's bytes, decompressed on the way for .gz, .bz2, .xz and .zst.

    Reading it raises OSError, EOFError, zlib.error or lzma.LZMAError if the file is damaged or cut short.
    Raises DataError if the package for .zst is not installed.
    """
    ending = path.suffix.lower()
    if ending == ".zst":
        return io.BufferedReader(_Zstandard(path), 1 << 16)
    opener = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}.get(ending, open)
    return opener(path, "rb")


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
