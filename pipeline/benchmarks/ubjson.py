"""How deeply a UBJSON file is nested: XGBoost reads it recursively, and would end the process.

Only the part of UBJSON that XGBoost writes: lengths are `L`; arrays have a type and a length, a length, or an
end. Source: the UBJSON specification, draft 12 (https://ubjson.org).
"""

from __future__ import annotations

DEEPEST = 64  # XGBoost's own models have fewer than 16 levels
_SIZES = {
    ord(kind): size for kind, size in zip("ZNTFiUIlLdDC", (0, 0, 0, 0, 1, 1, 2, 4, 8, 4, 8, 1), strict=True)
}
_OBJECT, _LIST, _TEXT, _END_OBJECT, _END_LIST = map(ord, "{[S}]")


def check_nesting(content: bytes) -> None:
    """Raise ValueError if `content` is cut short, not UBJSON as XGBoost writes it, or nested too deeply."""
    pos, open_ = 0, []  # of each container that is open: None for an object, values left of a list, or -1
    try:
        while True:
            if open_ and open_[-1] is None:
                if content[pos] == _END_OBJECT:
                    pos += 1
                    open_.pop()
                else:
                    pos = _value(content, _after_text(content, pos), open_)
            elif open_ and (open_[-1] == 0 or (open_[-1] < 0 and content[pos] == _END_LIST)):
                pos += open_.pop() < 0
            else:
                if open_:
                    open_[-1] -= open_[-1] > 0
                pos = _value(content, pos, open_)
            if not open_:
                return
            if len(open_) > DEEPEST:
                raise ValueError(f"nested deeper than {DEEPEST} levels")
    except (IndexError, KeyError) as error:
        raise ValueError(f"no UBJSON of XGBoost from byte {pos} on") from error


def _value(content: bytes, pos: int, open_: list) -> int:
    """Return where the value that begins at `pos` ends, or its content begins if it is a container."""
    kind, pos = content[pos], pos + 1
    if kind == _TEXT:
        return _after_text(content, pos)
    if kind == _OBJECT:
        open_.append(None)
        return pos
    if kind != _LIST:
        return pos + _SIZES[kind]
    if content[pos : pos + 1] == b"$":
        size = _SIZES[content[pos + 1]]
        length, pos = _length(content, pos + 3)
        return pos + size * length
    if content[pos : pos + 1] == b"#":
        length, pos = _length(content, pos + 1)
        open_.append(length)
        return pos
    open_.append(-1)
    return pos


def _length(content: bytes, pos: int) -> tuple[int, int]:
    """Return (a length, where it ends)."""
    length = int.from_bytes(content[pos + 1 : pos + 9], "big")
    if content[pos] != ord("L") or length > len(content):
        raise ValueError(f"a length at byte {pos} that the file does not have")
    return length, pos + 9


def _after_text(content: bytes, pos: int) -> int:
    length, pos = _length(content, pos)
    return pos + length
