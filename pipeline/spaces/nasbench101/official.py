"""NAS-Bench-101's own spelling of cells: adjacency string and operation names."""

from __future__ import annotations

from collections.abc import Sequence

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

OFFICIAL_OPS = {
    "input": INPUT,
    "conv3x3-bn-relu": CONV3X3,
    "conv1x1-bn-relu": CONV1X1,
    "maxpool3x3": MAXPOOL3X3,
    "output": OUTPUT,
}
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
