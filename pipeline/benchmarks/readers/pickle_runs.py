"""Whole dicts of (short key -> float) at one go: nearly all of the bytes of a benchmark file.

An entry has 11 to 30 bytes. Its key is a small number, a string `set@epoch` that is new (in protocol 2 with
its number; in protocol 4 without), or the number of a string.
"""

from __future__ import annotations

import re

import numpy as np

_PAIR = {
    ord("K"): rb"K(.)G(.{8})",
    ord("h"): rb"h(.)G(.{8})",
    ord("j"): rb"j(.{4})G(.{8})",
    ord("X"): rb"X(.)\x00\x00\x00([A-Za-z0-9-]++@\d++)r(.{4})G(.{8})",
    0x8C: rb"\x8c(.)([A-Za-z0-9-]++@\d++)\x94G(.{8})",
}
_RUN = {op: re.compile(b"(?:" + re.sub(rb"\((?!\?)", b"(?:", p) + b")++u", re.S) for op, p in _PAIR.items()}
_PARTS = {op: re.compile(p, re.S) for op, p in _PAIR.items()}
NEW = (0x58, 0x8C)  # first bytes of runs whose keys are new strings


def find(buf: bytes, pos: int) -> int | None:
    """Return where the run from `pos` on ends; None if there is no run."""
    run = _RUN.get(buf[pos])
    found = run.match(buf, pos) if run else None
    return found and found.end()


def entries(buf: bytes, pos: int, end: int, n_numbered: int) -> tuple[list, list[int] | None, bytes] | None:
    """Return (keys, numbers or None, values) of a run: keys are int or bytes, or numbers stand for them.

    n_numbered: how many objects have a number so far. values: float64, big-endian. Returns None if the bytes
    are not what the pattern takes them for: a text of another length, numbers that do not follow each other.
    """
    op = buf[pos]
    parts = list(zip(*_PARTS[op].findall(buf, pos, end), strict=True))
    first, values = b"".join(parts[0]), b"".join(parts[-1])
    if op == 0x4B:
        return list(first), None, values
    if op in (0x68, 0x6A):
        return [], np.frombuffer(first, "u1" if op == 0x68 else "<u4").tolist(), values
    texts = list(parts[1])
    if list(first) != list(map(len, texts)):
        return None
    if op == 0x58:
        numbers = np.frombuffer(b"".join(parts[2]), "<u4")
        if not np.array_equal(numbers, np.arange(n_numbered, n_numbered + len(numbers))):
            return None
    return texts, None, values
