"""The bytes of a pickle: read piece by piece, with numbers and texts taken out of them."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import NoReturn

from pipeline.errors import DataError

MAX_RECORD = 4 << 20  # bytes of pickle without a finished record; an object takes up to 72 times its bytes
MAX_STRINGS, MAX_LONG = 1_000_000, 64 << 20  # different short strings; bytes of long ones
AHEAD = 1 << 16  # bytes kept ahead, so that most dicts lie in the buffer as a whole
_CHUNK = 1 << 20  # bytes read at once
_MAX_TEXT = 1 << 20  # bytes
_AGAIN = "truncated, the file ends inside of the pickle; fetch it again"


class ByteReader:
    """A stream's bytes from `pos` on in `buf`, of which the first is byte `base` of the stream.

    read: read(n) -> bytes, at most n, empty at the end. name: file, for messages.
    """

    def __init__(self, read: Callable[[int], bytes], name: str):
        self._read, self.name = read, name
        self.buf, self.pos, self.base, self.eof = b"", 0, 0, False
        self.strings: dict[bytes, str] = {}
        self._long = 0
        self.begun = 0  # where the present record begins

    def where(self) -> str:
        """Return the path of keys down to what is being read."""
        return ""

    def refuse(self, reason: str) -> NoReturn:
        """Raise the DataError for `reason` at the present place."""
        path = self.where()
        raise DataError(f"{self.name}: {path + ', ' if path else ''}byte {self.base + self.pos}: {reason}")

    def refill(self, wanted: int) -> None:
        """Drop what is done from the buffer, and read until `wanted` bytes are there or the file ends."""
        self.base, rest = self.base + self.pos, self.buf[self.pos :]
        self.pos, parts, size = 0, [rest], len(rest)
        while size < wanted and not self.eof:
            part = self._read(_CHUNK)
            self.eof = not part
            parts.append(part)
            size += len(part)
        self.buf = b"".join(parts)
        if self.base - self.begun > MAX_RECORD:
            self.refuse(f"more than {MAX_RECORD >> 20} MiB without a finished record; no benchmark file")

    def take(self, size: int, most: int = _MAX_TEXT) -> bytes:
        """Return the next `size` bytes."""
        if size > most:
            self.refuse(f"a text or number of {size} bytes, expected at most {most}")
        if len(self.buf) - self.pos < size:
            self.refill(size)
            if len(self.buf) < size:
                self.refuse(_AGAIN)
        self.pos += size
        return self.buf[self.pos - size : self.pos]

    def number(self, form: struct.Struct):
        """Return the next number."""
        value = form.unpack_from(self.buf, self.pos)[0]
        self.pos += form.size
        return value

    def text(self, raw: bytes) -> str:
        """Return the string of UTF-8 `raw`; short ones that come again are one object."""
        found = self.strings.get(raw)
        if found is None:
            try:
                found = raw.decode()
            except UnicodeDecodeError:
                self.refuse("damaged, a text is not UTF-8; fetch the file again")
            if len(raw) <= 128:
                self.strings[raw] = found
            else:
                self._long += len(raw)
            if len(self.strings) > MAX_STRINGS or self._long > MAX_LONG:
                self.refuse("more different texts than any benchmark file holds")
        return found

    def line(self) -> str:
        """Return the text up to the end of the line."""
        stop = self.buf.find(b"\n", self.pos, self.pos + 256)
        if stop < 0:
            if self.eof and len(self.buf) - self.pos < 256:
                self.refuse(_AGAIN)
            self.refuse("damaged, a name without an end")
        line = self.buf[self.pos : stop].decode("latin1")
        self.pos = stop + 1
        return line


def step(path: str, key) -> str:
    """Return a path of keys with one more."""
    if type(key) is str and re.fullmatch(r"[A-Za-z_]\w{0,40}", key):
        return f"{path}.{key}" if path else key
    return f"{path}[{repr(key)[:60]}]"


def is_pair(key) -> bool:
    """Return whether a key is a (text, number)."""
    return type(key) is tuple and len(key) == 2 and type(key[0]) is str and type(key[1]) is int


def is_huge(key) -> bool:
    """Return whether a key is a whole number, or has one, of which very many can have the same hash."""
    number = key[1] if type(key) is tuple else key
    return type(number) is int and abs(number) >= 1 << 61
