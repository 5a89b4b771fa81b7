"""Whether an HDF5 file holds plain arrays that fit into memory, found out before any of them is read.

HDF5 can name other files (external links, external storage, virtual data sets), and a few bytes of it can
stand for any number of values (chunks that are not there, compression, texts that many places share).
Artifacts have the first never, and the second within bounds.

Source: the HDF5 File Format Specification, version 3.0.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import prod
from pathlib import Path

import h5py
from h5py import h5a, h5d, h5g, h5l, h5o, h5t, h5z

from pipeline.errors import ArtifactError

SPARE, PER_BYTE = 1 << 30, 64  # what may be declared: so many bytes, and so many for each byte of the file
TEXTS_PER_FILE = 256  # of one attribute; each might be as long as the file
MOST_OBJECTS, DEEPEST = 1_000_000, 16
_TEXT = 64  # bytes that a text of a column takes in memory beside its own
_FILTERS = (h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32)
_REMEMBERED = 4096
_passed: set[tuple] = set()  # files that were looked at, by place and time: many are opened again and again
_PLAIN = (h5t.INTEGER, h5t.FLOAT, h5t.ENUM, h5t.STRING)


class _Odd(Exception):
    """What the file holds and no artifact does."""


def check_plain(file: h5py.File, path: Path) -> None:
    """Refuse a file that names other files, or declares more than it can hold.

    Allowed are groups, and arrays of numbers and of texts of one length, whose bytes (a text counts 64 more)
    are at most 1 GiB and 64 for each byte of the file. Raises ArtifactError, naming the object.
    """
    stat = os.stat(path)
    which = (str(path), stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
    if which in _passed:
        return
    try:
        _check(file, stat.st_size)
    except _Odd as odd:
        raise ArtifactError(
            f"{path}: {odd}; no artifact of nasflow is so, and nothing is read of it"
        ) from odd
    except (RuntimeError, OSError, KeyError, ValueError) as error:
        raise ArtifactError(f"{path}: damaged ({str(error)[:150]}); make or fetch it again") from error
    if len(_passed) >= _REMEMBERED:
        _passed.clear()
    _passed.add(which)


def _check(file: h5py.File, size: int) -> None:
    """Raise _Odd for a file of `size` bytes that is not plain."""
    declared = 0
    _check_attributes(file.id, "/", size)
    for name, found in _objects(file.id):
        _check_attributes(found, name, size)
        if not isinstance(found, h5d.DatasetID):
            continue
        declared += _declared(found, name)
        if declared > SPARE + PER_BYTE * size:
            raise _Odd(f"{name} takes {declared} bytes of memory, too many for a file of {size} bytes")


def _objects(root) -> Iterator[tuple[str, h5d.DatasetID | h5g.GroupID]]:
    """Yield (path, group or array) of everything below `root`, each object once."""
    seen, left = set(), [("", root, 0)]
    while left:
        path, group, depth = left.pop()
        for child in group:
            name = f"{path}/{child.decode('utf-8', 'replace')[:100]}"
            if group.links.get_info(child).type != h5l.TYPE_HARD:
                raise _Odd(f"{name} is a link to another place or file")
            info = h5o.get_info(group, child)
            if (place := (info.fileno, info.addr)) in seen:
                continue
            seen.add(place)
            if len(seen) > MOST_OBJECTS:
                raise _Odd(f"more than {MOST_OBJECTS} objects")
            if info.type not in (h5o.TYPE_GROUP, h5o.TYPE_DATASET):
                raise _Odd(f"{name} is neither a group nor an array")
            found = h5o.open(group, child)
            if info.type == h5o.TYPE_GROUP:
                if depth == DEEPEST:
                    raise _Odd(f"{name[:200]} lies deeper than {DEEPEST} groups")
                left.append((name, found, depth + 1))
            yield name, found


def _declared(data: h5d.DatasetID, name: str) -> int:
    """Return the bytes that a data set, or one of its chunks, takes in memory. Raises _Odd."""
    made = data.get_create_plist()
    if made.get_external_count() or made.get_layout() == h5d.VIRTUAL:
        raise _Odd(f"{name} keeps its values in other files")
    for k in range(made.get_nfilters()):
        if made.get_filter(k)[0] not in _FILTERS:
            raise _Odd(f"{name} is packed by another filter than gzip ({made.get_filter(k)[0]})")
    kind = data.get_type()
    if kind.get_class() not in _PLAIN or _is_open_ended(kind):
        raise _Odd(f"{name} holds neither numbers nor texts of one length")
    item = kind.get_size() + (_TEXT if kind.get_class() == h5t.STRING else 0)
    chunk = made.get_chunk() if made.get_layout() == h5d.CHUNKED else ()
    return item * max(prod(data.shape), prod(chunk))


def _check_attributes(thing, name: str, size: int) -> None:
    for k in range(h5a.get_num_attrs(thing)):
        attribute = h5a.open(thing, index=k)
        kind, where = attribute.get_type(), f"attribute {attribute.name.decode('utf-8', 'replace')[:100]}"
        if kind.get_class() not in _PLAIN:
            raise _Odd(f"{where} of {name} holds neither numbers nor texts")
        if _is_open_ended(kind) and prod(attribute.shape) * size > max(SPARE, TEXTS_PER_FILE * size):
            raise _Odd(f"{where} of {name} has {prod(attribute.shape)} texts")


def _is_open_ended(kind) -> bool:
    return kind.get_class() == h5t.STRING and kind.is_variable_str()
