"""An integer per architecture that is equal for two exactly if they are isomorphic.

Isomorphic: the intermediate nodes of either cell are numbered in another order that keeps its edges
pointing forward. The two input nodes are not interchangeable, nor are the two cells.

The key is a canonical form, not a hash: of all such orders it spells the one with the smallest number, and
it can be read back. A node is spelt by one digit: which pair of sources, which two operations; a cell by
four digits of bases 49, 147, 294 and 490; an architecture by two cells, in all less than 2**60.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations, permutations

import numpy as np

from pipeline.spaces.archs import Archs
from pipeline.spaces.darts.codes import CELL_SPELLINGS, CHOICES, INTERMEDIATE, N_CELLS, NAME, SIZE, WAYS
from pipeline.spaces.darts.layout import chosen_edges, from_edges

_PAIRS = sorted(
    combinations(range(INTERMEDIATE[-1]), 2), key=lambda pair: pair[::-1]
)  # (0,1), (0,2), (1,2), …
_WEIGHTS = [int(np.prod(WAYS[node + 1 :])) for node in range(len(WAYS))]
_BACKWARD = 2**40  # larger than any spelling: an order with a backward edge never wins
_BLOCK = 8192


def canonical_key(archs: Archs) -> np.ndarray:
    """Return uint64 (N,), equal exactly for isomorphic architectures. Raises ValueError for invalid ones."""
    digits = _digits(archs).reshape(N_CELLS * len(archs), len(WAYS))  # a row a cell
    spellings = np.empty(len(digits), dtype=np.uint64)
    for start in range(0, len(digits), _BLOCK):
        block = digits[start : start + _BLOCK]
        terms = [table[block[:, node]] for node, table in enumerate(_spelling_tables())]
        spellings[start : start + _BLOCK] = sum(terms).min(axis=1)  # over the 24 orders
    normal, reduction = spellings.reshape(-1, N_CELLS).T
    return normal * np.uint64(CELL_SPELLINGS) + reduction


def cell_key(archs: Archs) -> np.ndarray:
    """Return uint64 (N,), what the benchmark counts as one architecture: its canonical key."""
    return canonical_key(archs)


def from_key(keys: np.ndarray) -> Archs:
    """Return the architectures that `keys` (uint64 (N,)) spell; every number below `SIZE` spells one.

    Raises ValueError for a larger one.
    """
    keys = np.asarray(keys, dtype=np.uint64)
    if len(keys) and keys.max() >= SIZE:
        raise ValueError(f"{NAME}: {keys.max()} is no architecture's key; keys go from 0 to {SIZE - 1}")
    cells = np.stack(np.divmod(keys, np.uint64(CELL_SPELLINGS)), axis=1).astype(np.int64)  # (N, 2)
    digits = cells[:, :, None] // _WEIGHTS % WAYS  # (N, 2, 4)
    pairs, operations = np.divmod(digits, CHOICES**2)
    codes = np.stack(np.divmod(operations, CHOICES), axis=-1) + 1
    return from_edges(np.array(_PAIRS)[pairs], codes)


def _digits(archs: Archs) -> np.ndarray:
    """Return the digit of each intermediate node in its present place, int64 (N, 2, 4)."""
    sources, codes = chosen_edges(archs)
    first, second = sources[..., 0], sources[..., 1]
    pairs = second * (second - 1) // 2 + first  # the place in _PAIRS
    return (pairs * CHOICES + codes[..., 0] - 1) * CHOICES + codes[..., 1] - 1


@cache
def _spelling_tables() -> list[np.ndarray]:
    """Return, for each intermediate node, int64 (its digits, 24 orders): what it adds to a spelling."""
    orders = [(0, 1, *order) for order in permutations(INTERMEDIATE)]  # node -> its new number
    return [np.stack([_terms(node, place) for place in orders], axis=1) for node in range(len(WAYS))]


def _terms(node: int, place: tuple[int, ...]) -> np.ndarray:
    """Return int64 (digits,): what each of the node's digits adds if node v is called place[v]."""
    operations = np.arange(CHOICES**2).reshape(CHOICES, CHOICES)
    target = place[INTERMEDIATE[node]]
    terms = []
    for a, b in _PAIRS[: WAYS[node] // CHOICES**2]:
        pair = tuple(sorted((place[a], place[b])))
        if pair[1] > target:
            terms.append(np.full(operations.size, _BACKWARD))
            continue
        swapped = operations.T if place[a] > place[b] else operations
        digits = _PAIRS.index(pair) * CHOICES**2 + swapped.ravel()
        terms.append(digits * _WEIGHTS[target - INTERMEDIATE[0]])
    return np.concatenate(terms)
