"""NAS-Bench-101's own spelling of cells: adjacency string and operation names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.errors import DataError
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101.codes import (
    CONV1X1,
    CONV3X3,
    INPUT,
    MAXPOOL3X3,
    NAME,
    OUTPUT,
    V,
    slots,
    vertices,
)
from pipeline.spaces.nasbench101.hashing import cell_ids
from pipeline.spaces.nasbench101.layout import validate

OFFICIAL_OPS = {
    "input": INPUT,
    "conv3x3-bn-relu": CONV3X3,
    "conv1x1-bn-relu": CONV1X1,
    "maxpool3x3": MAXPOOL3X3,
    "output": OUTPUT,
}
COLUMNS = ("adjacency", "ops", "hash")  # the columns of a table that say what a row's cell is; hash: a check
_INTERIOR_DIGITS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")  # operations written 0, 1, 2
_OFFICIAL_NAME = {code: name for name, code in OFFICIAL_OPS.items()}


def from_official(adjacency: Sequence[str], operations: Sequence[str]) -> Archs:
    """Return cells from the benchmark's records.

    adjacency: row-major strings of v*v characters 0 and 1. operations: comma-separated names of the v
    vertices, 'input,conv3x3-bn-relu,...,output'. Raises DataError naming the first record that is not
    so. Whether the cells are valid is for `validate` to say.
    """
    if len(adjacency) != len(operations):
        raise DataError(f"{len(adjacency)} adjacency strings but {len(operations)} operation lists")
    coded = {text: _parse_operations(text) for text in dict.fromkeys(operations)}
    ops = np.zeros((len(operations), V), dtype=np.uint8)
    adj = np.zeros((len(operations), V, V), dtype=np.uint8)
    lengths = np.array([len(text) for text in adjacency], dtype=np.int64)
    counts = np.array([len(coded[text] or ()) for text in operations], dtype=np.int64)
    bad = (counts < 2) | (counts > V) | (lengths != counts**2)
    for v in np.unique(counts[~bad]):
        rows = np.flatnonzero((counts == v) & ~bad)
        text = "".join(adjacency[i] for i in rows).encode("ascii", "replace")
        bits = (np.frombuffer(text, dtype=np.uint8) - ord("0")).reshape(-1, v, v)
        bad[rows] |= (bits > 1).any(axis=(1, 2))
        adj[np.ix_(rows, slots(v), slots(v))] = bits
        ops[np.ix_(rows, slots(v))] = [coded[operations[i]] for i in rows]
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"NAS-Bench-101 record {i}: adjacency {adjacency[i]!r} and operations {operations[i]!r}; "
            f"expected 2 to {V} vertices, a character 0 or 1 for each pair of them, "
            f"and operations out of {', '.join(OFFICIAL_OPS)}"
        )
    return Archs(NAME, ops, adj)


def _parse_operations(text: str) -> list[int] | None:
    names = text.split(",")
    return [OFFICIAL_OPS[name] for name in names] if all(name in OFFICIAL_OPS for name in names) else None


def to_official(archs: Archs) -> tuple[list[str], list[str]]:
    """Return (adjacency strings, operation names), the reverse of `from_official`."""
    adjacency, operations = [""] * len(archs), [""] * len(archs)
    counts = vertices(archs.ops)
    for v in np.unique(counts):
        rows = np.flatnonzero(counts == v)
        bits = archs.adj[np.ix_(rows, slots(v), slots(v))].reshape(len(rows), -1) + ord("0")
        codes = archs.ops[np.ix_(rows, slots(v))]
        distinct, which = np.unique(codes, axis=0, return_inverse=True)
        names = [",".join(_OFFICIAL_NAME[int(code)] for code in row) for row in distinct]
        text = bits.astype(np.uint8).tobytes().decode()
        for n, i in enumerate(rows.tolist()):
            adjacency[i] = text[n * v * v : (n + 1) * v * v]
            operations[i] = names[which[n]]
    return adjacency, operations


def from_columns(columns: Mapping[str, Sequence[str]]) -> Archs:
    """Return the cells of a table's columns (see `COLUMNS`), one text a row.

    adjacency: row-major strings of characters 0 and 1; leading zeros may be missing, as in tables that
    held them as numbers. ops: official names of all vertices ('input,conv3x3-bn-relu,...,output') or one
    digit for each interior vertex (0 conv3x3, 1 conv1x1, 2 maxpool3x3). hash (optional): the official md5,
    which must be the cell's own. Raises DataError naming the first row that is not so; that a cell is
    valid is for `validate` to say, and the hash of one that is not is not looked at.
    """
    unknown = [role for role in columns if role not in COLUMNS]
    missing = [role for role in COLUMNS[:2] if role not in columns]
    if unknown or missing:
        raise DataError(
            f"{NAME}: columns {', '.join(columns) or 'none'}; expected {' and '.join(COLUMNS[:2])}, "
            f"and, if the table has it, {COLUMNS[2]}"
        )
    operations = _with_names(columns["ops"])
    adjacency = [
        _with_leading_zeros(bits, ops.count(",") + 1)
        for bits, ops in zip(columns["adjacency"], operations, strict=True)
    ]
    archs = from_official(adjacency, operations)
    if "hash" in columns:
        _check_hashes(archs, columns["hash"])
    return archs


def _with_names(operations: Sequence[str]) -> list[str]:
    """Return official operation lists: those of interior digits spelt out, others as they are."""
    spelt = {text: text for text in operations if text and not text.isdigit()}
    for text in set(operations) - spelt.keys():
        if set(text) <= set("012"):
            spelt[text] = ",".join(["input", *(_INTERIOR_DIGITS[int(digit)] for digit in text), "output"])
    for row, text in enumerate(operations):
        if text not in spelt:
            raise DataError(
                f"NAS-Bench-101 record {row}: operations {text!r}; expected a digit for every interior "
                "vertex, 0 (conv3x3), 1 (conv1x1) or 2 (maxpool3x3)"
            )
    return [spelt[text] for text in operations]


def _with_leading_zeros(bits: str, v: int) -> str:
    """Return `bits` filled up to v*v characters where only zeros can be missing: the input feeds a vertex."""
    return bits.rjust(v * v, "0") if len(bits) > v * v - v else bits


def _check_hashes(archs: Archs, hashes: Sequence[str]) -> None:
    rows = np.flatnonzero(validate(archs))
    for row, own in zip(rows.tolist(), cell_ids(archs[rows]), strict=True):
        if hashes[row].strip().lower() != own:
            raise DataError(
                f"NAS-Bench-101 record {row}: hash {hashes[row]!r}, but its adjacency and operations are the "
                f"cell {own}; the row is damaged or its columns are mapped wrongly"
            )
