"""The md5 hash by which NAS-Bench-101 and everything built on it name a cell.

Every vertex starts from the md5 of its degrees and label; as many times as the cell has vertices, each
takes the md5 of its sorted in-neighbours' hashes, its sorted out-neighbours' hashes and its own; the
cell's hash is the md5 of the sorted list. Cells are worked on in blocks: all that can be gathered and
sorted is done as arrays, and only md5 itself is called vertex by vertex.
"""

from __future__ import annotations

import hashlib
from functools import cache, partial

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101.codes import CONV1X1, CONV3X3, INPUT, MAXPOOL3X3, OUTPUT, V, slots, vertices

_LABEL = {INPUT: -1, CONV3X3: 0, CONV1X1: 1, MAXPOOL3X3: 2, OUTPUT: -2}
_md5 = partial(hashlib.md5, usedforsecurity=False)
_BLOCK = 16_384
_SHARED_ROUNDS = 2  # after these, hardly two vertices of different cells have equal surroundings


def cell_ids(archs: Archs) -> list[str]:
    """Return the official module hash of each cell (32 hexadecimal digits); equal for isomorphic cells."""
    ids = np.empty(len(archs), dtype="S32")
    counts = vertices(archs.ops)
    for v in np.unique(counts):
        rows = np.flatnonzero(counts == v)
        known: dict[bytes, bytes] = {}
        for start in range(0, len(rows), _BLOCK):
            part = rows[start : start + _BLOCK]
            used = slots(v)
            ids[part] = _hash(archs.ops[np.ix_(part, used)], archs.adj[np.ix_(part, used, used)], known)
    return ids.astype(str).tolist()


def short(cell: str) -> str:
    """Return a short name of the cell that `cell_ids` calls `cell`: the first 8 digits of its hash."""
    return cell[:8]


def _hash(ops: np.ndarray, adj: np.ndarray, known: dict[bytes, bytes]) -> np.ndarray:
    """Return S32 (n,) for cells of v vertices: ops (n, v), adj (n, v, v)."""
    v = ops.shape[1]
    n_in, n_out = (adj.sum(axis=axis, dtype=np.uint8) for axis in (1, 2))  # (n, v)
    hashes = _first_hashes()[n_out, n_in, ops]
    groups = list(_groups(adj, n_in, n_out))
    for turn in range(v):
        hashes = _round(hashes, groups, known if turn < _SHARED_ROUNDS else None)
    hashes.sort(axis=1)
    lists = [str([text.decode() for text in row]).encode() for row in hashes.tolist()]
    return np.array([_md5(text).hexdigest() for text in lists], dtype="S32")


@cache
def _first_hashes() -> np.ndarray:
    """Return S32 (out-degree, in-degree, operation code): the vertices' hashes before the first round."""
    table = np.zeros((8, 8, OUTPUT + 1), dtype="S32")
    for n_out, n_in in np.ndindex(8, 8):
        for code, label in _LABEL.items():
            table[n_out, n_in, code] = _md5(str((n_out, n_in, label)).encode()).hexdigest()
    return table


def _groups(adj, n_in, n_out):
    """Yield (cells (m,), vertices (m,), in-neighbours (m, a), out-neighbours (m, b)) of equal degrees."""
    for code in np.unique(n_in * np.uint8(V + 1) + n_out).tolist():
        a, b = divmod(code, V + 1)
        cells, points = np.nonzero((n_in == a) & (n_out == b))
        sources = np.nonzero(adj[cells, :, points])[1].reshape(len(cells), a)
        targets = np.nonzero(adj[cells, points, :])[1].reshape(len(cells), b)
        yield cells, points, sources, targets


def _round(hashes: np.ndarray, groups: list, known: dict[bytes, bytes] | None) -> np.ndarray:
    """Return the vertices' next hashes, S32 (n, v); `known` remembers what was hashed before."""
    new = np.empty_like(hashes)
    for cells, points, sources, targets in groups:
        pieces = []
        for neighbours in (sources, targets):
            around = np.sort(hashes[cells[:, None], neighbours], axis=1)
            pieces += [_characters(around), np.full((len(cells), 1), ord("|"), np.uint8)]
        pieces.append(_characters(hashes[cells, points]))
        message = np.concatenate(pieces, axis=1)
        width, text = message.shape[1], message.tobytes()
        if known is None:
            digests = [_md5(text[i : i + width]).digest() for i in range(0, len(text), width)]
        else:
            digests = [_remembered(text[i : i + width], known) for i in range(0, len(text), width)]
        new[cells, points] = np.frombuffer(b"".join(digests).hex().encode(), dtype="S32")
    return new


def _characters(hashes: np.ndarray) -> np.ndarray:
    """Return the characters of S32 (m,) or (m, k) as uint8 (m, 32 k)."""
    return hashes.reshape(-1).view(np.uint8).reshape(len(hashes), 32 * (hashes.size // len(hashes)))


def _remembered(message: bytes, known: dict[bytes, bytes]) -> bytes:
    digest = known.get(message)
    if digest is None:
        digest = known[message] = _md5(message).digest()
    return digest
