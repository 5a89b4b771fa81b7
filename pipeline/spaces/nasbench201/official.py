"""NAS-Bench-201's own spelling of cells, and the short one used where there is little room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product

import numpy as np

from pipeline.errors import DataError
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench201.codes import NAME, OP_NAMES
from pipeline.spaces.nasbench201.keys import cell_key, from_key

COLUMNS = ("arch_str",)  # the columns of a table that say what a row's cell is
_FORM = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"


def from_official(strings: Sequence[str]) -> Archs:
    """Return the cells that the benchmark's strings `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|` spell.

    Raises DataError naming the first row that is not so.
    """
    keys = _key_of_string()
    found = [keys.get(text, -1) for text in strings]
    if -1 in found:
        row = found.index(-1)
        raise DataError(
            f"NAS-Bench-201 row {row}: {strings[row]!r} is no cell; expected {_FORM.format(*['op'] * 6)} "
            f"with every op out of {', '.join(OP_NAMES)}"
        )
    return from_key(np.array(found, dtype=np.uint64))


def to_official(archs: Archs) -> list[str]:
    """Return the benchmark's string of each cell, the reverse of `from_official`."""
    strings = _strings()
    return [strings[key] for key in cell_key(archs).tolist()]


def from_columns(columns: Mapping[str, Sequence[str]]) -> Archs:
    """Return the cells of a table's columns (`COLUMNS`): {"arch_str": the official strings}.

    Raises DataError for other columns than that, or naming the first row that is no such string.
    """
    if tuple(columns) != COLUMNS:
        raise DataError(f"{NAME}: columns {', '.join(columns) or 'none'}; expected just {COLUMNS[0]}")
    return from_official(columns["arch_str"])


def short(cell: str) -> str:
    """Return the six operation codes of one official string, e.g. "312040", for tight places.

    Codes are places in `OP_NAMES`, the edges in the string's order. Raises DataError if `cell` is no such
    string.
    """
    return "".join(map(str, from_official([cell]).ops[0].tolist()))


@cache
def _strings() -> list[str]:
    """Return all official strings by `cell_key`."""
    return [_FORM.format(*names) for names in product(OP_NAMES, repeat=6)]


@cache
def _key_of_string() -> dict[str, int]:
    return {text: key for key, text in enumerate(_strings())}
