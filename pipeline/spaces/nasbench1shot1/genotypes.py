"""Raw architectures in the form of NAS-Bench-1Shot1's own program, in both directions.

A genotype is an adjacency matrix of 7 vertices and their 7 operation names, as NAS-Bench-101 is asked with.
Subspaces 1 and 2 have four interior vertices; the fifth (vertex 5) is a dummy without edges that carries
the name of the 1x1 convolution, and so do loose ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.errors import DataError
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench1shot1.definition import Parents, target_slots
from pipeline.spaces.nasbench101.codes import CONV1X1, INPUT, MAXPOOL3X3, NAME, NONE, OUTPUT, V
from pipeline.spaces.nasbench101.layout import prune
from pipeline.spaces.nasbench101.official import OFFICIAL_OPS

_OFFICIAL_NAME = {code: name for name, code in OFFICIAL_OPS.items()}


def from_genotype(parents: Parents, adjacency: np.ndarray, ops: Sequence[Sequence[str]]) -> Archs:
    """Return the NAS-Bench-101 cells, pruned, that genotypes stand for.

    adjacency: numbers 0 and 1 (N, 7, 7). ops: the official names of the 7 vertices, or those of the interior
    vertices alone. Loose ends may have lost their edges. Raises DataError naming the first genotype whose
    shape or names are others, or whose vertices have another number of parents than the subspace says.
    """
    adjacency = np.asarray(adjacency)
    if adjacency.shape != (len(ops), V, V):
        raise DataError(f"{len(ops)} operation lists and adjacency {adjacency.shape}; expected (N, {V}, {V})")
    coded = np.full((len(ops), V), NONE, dtype=np.uint8)
    for row, names in enumerate(ops):
        coded[row] = _codes(parents, row, names)
    linked = adjacency != 0
    wanted = np.zeros(V, dtype=np.int64)
    wanted[target_slots(parents)] = parents
    given = linked.sum(axis=1)  # (N, 7)
    loose = (given == 0) & ~linked.any(axis=2)
    loose[:, -1] = False
    bad = ((given != wanted) & ~loose).any(axis=1) | np.tril(linked).any(axis=(1, 2))
    bad |= ((adjacency != 0) & (adjacency != 1)).any(axis=(1, 2))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"genotype {row}: adjacency {adjacency[row].tolist()}; expected 0 and 1 above the diagonal, and "
            f"columns that add up to {', '.join(map(str, wanted))}, or to 0 for a vertex without any edge"
        )
    return prune(Archs(NAME, coded, linked.astype(np.uint8)))


def _codes(parents: Parents, row: int, names: Sequence[str]) -> list[int]:
    """Return the operation codes of 7 slots."""
    interior = len(parents) - 1
    if len(names) == interior:
        names = ["input", *names, *[_OFFICIAL_NAME[CONV1X1]] * (V - 2 - interior), "output"]
    codes = [OFFICIAL_OPS.get(name, NONE) for name in names]
    inner = all(INPUT < code <= MAXPOOL3X3 for code in codes[1:-1])
    if len(codes) != V or codes[0] != INPUT or codes[-1] != OUTPUT or not inner:
        raise DataError(
            f"genotype {row}: operations {list(names)}; expected {', '.join(OFFICIAL_OPS)} for {V} vertices, "
            f"or those of the {interior} interior ones"
        )
    return codes


def to_genotype(raw: Archs) -> tuple[np.ndarray, list[list[str]]]:
    """Return (adjacency uint8 (N, 7, 7), names of the 7 vertices) of raw architectures."""
    codes = np.where(raw.ops == NONE, CONV1X1, raw.ops)
    return raw.adj.copy(), [[_OFFICIAL_NAME[code] for code in row] for row in codes.tolist()]
