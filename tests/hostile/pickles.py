"""Pickles that are made to do harm."""

from __future__ import annotations

import struct

from tests.hostile.running import MARKER

HEAD = b"\x80\x02"
_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}."  # of torch's older files


def text(of: str) -> bytes:
    """Return the instruction that pushes a text."""
    return b"X" + struct.pack("<I", len(of)) + of.encode()


def calling(module: str, name: str, argument: str) -> bytes:
    """Return a pickle that calls module.name(argument) when Python's own `pickle` reads it."""
    return HEAD + f"c{module}\n{name}\n".encode() + text(argument) + b"\x85R."


def legacy(pickled: bytes) -> bytes:
    """Return a file of torch.save in the older form."""
    return _MAGIC + pickled


TOUCH = f"touch {MARKER}"
WRITE = f"open({MARKER!r}, 'w').close()"
FAR = (1 << 61) - 1  # whole multiples of it have one hash
_KEYS = b"".join(b"\x8a\x10" + (k * FAR).to_bytes(16, "little") + b"N" for k in range(30_000))
PICKLES = {  # name -> (pickle, what the message says)
    "os.system": (calling("os", "system", TOUCH), "os.system"),
    "posix.system": (calling("posix", "system", TOUCH), "posix.system"),
    "eval": (calling("builtins", "eval", WRITE), "builtins.eval"),
    "Python 2's eval": (calling("__builtin__", "eval", WRITE), "__builtin__.eval"),
    "name from the stack": (
        b"\x80\x04" + text("os") + text("system") + b"\x93" + text(TOUCH) + b"\x85R.",
        "os.system",
    ),
    "old call": (HEAD + b"(" + text(TOUCH) + b"ios\nsystem\n.", ""),
    "object": (HEAD + b"(cos\nsystem\n" + text(TOUCH) + b"o.", "os.system"),
    "call hidden in a dict": (
        HEAD + b"}(" + text("meta_archs") + b"cos\nsystem\n" + text(TOUCH) + b"\x85Ru.",
        "os.system",
    ),
    "state": (HEAD + b"}" + text("__setstate__") + b"cos\nsystem\nsb.", "os.system"),
    "extension": (HEAD + b"\x82\x01.", ""),
    "nested lists": (HEAD + b"]" * 300_000 + b"a" * 299_999 + b".", ""),
    "nested tuples": (HEAD + b"N" + b"\x85" * 300_000 + b".", ""),
    "marks": (HEAD + b"(" * 900_000 + b".", ""),
    "number of an object": (HEAD + b"}r\xff\xff\xff\x7f" + b"N.", ""),
    "length of bytes": (HEAD + b"B\xff\xff\xff\xff.", ""),
    "length of text": (b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7f.", ""),
    "length of a number": (HEAD + b"\x8b\xff\xff\xff\x7f.", ""),
    "laughs": (HEAD + b"]q\x00" + b"".join(b"(" + b"h\x00" * 99 + b"tq\x00" for _ in range(3000)) + b".", ""),
    "keys of one hash": (HEAD + b"}(" + _KEYS + b"u.", "huge number as"),
}  # fmt: skip
