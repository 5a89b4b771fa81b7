"""The spellings of DARTS architectures in use: genotype, compact list, 32 digits, configuration.

- genotype: `Genotype(normal=[('sep_conv_3x3', 1), …], normal_concat=range(2, 6), reduce=[…], …)`, as the
  DARTS literature prints it: two (operation, source) for each of the nodes 2 to 5;
- compact: `[[(0, 0), (1, 5), …], […]]`, as NASLib writes it: (source, operation), operations counted from
  0 = max_pool_3x3 in the order of `OP_NAMES`;
- digits: `hashing.cell_ids`;
- configuration: `configurations`.
Texts are matched, never evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pipeline.errors import DataError
from pipeline.spaces.archs import Archs
from pipeline.spaces.darts.codes import (
    CELL_NAMES,
    CHOICES,
    EDGES_PER_NODE,
    INTERMEDIATE,
    N_CELLS,
    OP_NAMES,
)
from pipeline.spaces.darts.keys import canonical_key
from pipeline.spaces.darts.layout import chosen_edges, from_edges

COLUMNS = ("genotype", "compact_arch", "cell")  # a table has one of these to say what a row's cells are

_CODE = {name: code for code, name in enumerate(OP_NAMES) if code}
_EDGES = len(INTERMEDIATE) * EDGES_PER_NODE  # of one cell
_CONCAT = r"(?:range\(2,6\)|\[2,3,4,5\]|\(2,3,4,5\))"
_NAMED_EDGE = re.compile(r"\('(\w+)',(\d{1,3})\),?", re.ASCII)
_GENOTYPE = re.compile(
    rf"Genotype\(normal=\[([^\[\]]*)\],normal_concat={_CONCAT},reduce=\[([^\[\]]*)\],reduce_concat={_CONCAT}\)"
)
_NUMBERED_EDGE = re.compile(r"[(\[](\d{1,3}),(\d{1,3})[)\]],?", re.ASCII)
_COMPACT_CELL = r"[(\[]((?:[(\[]\d{1,3},\d{1,3}[)\]],?)*)[)\]]"
_COMPACT = re.compile(rf"[(\[]{_COMPACT_CELL},{_COMPACT_CELL}[)\]]", re.ASCII)

Edges = list[tuple[int, int]]  # (source, operation code), node by node, the normal cell first
Texts = Sequence[str]


def from_official(genotypes: Texts) -> Archs:
    """Return the architectures that texts `Genotype(…)` spell; the two edges of a node in either order.

    Raises DataError naming the first row that is not one of this space.
    """
    return _parsed(genotypes, _genotype_edges)


def to_official(archs: Archs) -> list[str]:
    """Return the genotype of each architecture, the reverse of `from_official`."""
    cells = [
        [", ".join(f"('{OP_NAMES[code]}', {source})" for source, code in cell) for cell in cells]
        for cells in _edges_by_cell(archs)
    ]
    return [
        f"Genotype(normal=[{normal}], normal_concat=range(2, 6), "
        f"reduce=[{reduction}], reduce_concat=range(2, 6))"
        for normal, reduction in cells
    ]


def from_compact(texts: Texts) -> Archs:
    """Return the architectures that compact lists spell. Raises DataError naming the first bad row."""
    return _parsed(texts, _compact_edges)


def to_compact(archs: Archs) -> list[str]:
    """Return the compact list of each architecture, the reverse of `from_compact`."""
    return [
        str([[(source, code - 1) for source, code in cell] for cell in cells])
        for cells in _edges_by_cell(archs)
    ]


def from_cell_ids(names: Texts) -> Archs:
    """Return the architectures that `cell_ids` calls so. Raises DataError naming the first bad row."""
    return _parsed(names, _digit_edges)


def from_columns(columns: Mapping[str, Texts]) -> Archs:
    """Return the architectures of a table's column: one of "genotype", "compact_arch" and "cell" (32 digits).

    Raises DataError for other columns, or naming the first row that is not as expected.
    """
    readers = dict(zip(COLUMNS, (from_official, from_compact, from_cell_ids), strict=True))
    if len(columns) != 1 or not set(columns) <= set(readers):
        raise DataError(
            f"DARTS: columns {', '.join(columns) or 'none'}; expected one of {', '.join(COLUMNS)}"
        )
    ((role, texts),) = columns.items()
    return readers[role](texts)


def short(cell: str) -> str:
    """Return a short name of the architecture that `cell_ids` calls `cell`: its canonical key in base 36.

    12 digits and letters, equal for isomorphic architectures. Raises DataError if `cell` is no such name.
    """
    return np.base_repr(int(canonical_key(from_cell_ids([cell]))[0]), 36).lower().zfill(12)


def archs_of(rows: Sequence[Edges], describe: Callable[[int], str]) -> Archs:
    """Return the architectures with these edges: 16 a row, normal cell first, node by node.

    Raises DataError for the first row that is not of this space; `describe(row)` says which it is.
    """
    edges = np.array(rows, dtype=np.int64).reshape(len(rows), N_CELLS, len(INTERMEDIATE), EDGES_PER_NODE, 2)
    sources, codes = edges[..., 0], edges[..., 1]
    nodes = np.array(INTERMEDIATE)[:, None]
    late = (sources >= nodes) | (sources < 0)  # (N, 2, 4, 2)
    unknown = (codes < 1) | (codes > CHOICES)
    twice = sources[..., :1] == sources[..., 1:]
    bad = late | unknown | twice
    if bad.any():
        row, cell, node, edge = np.argwhere(bad)[0]
        where = f"{describe(row)}: {CELL_NAMES[cell]} cell, node {INTERMEDIATE[node]}"
        if late[row, cell, node, edge]:
            raise DataError(
                f"{where} has an edge from node {sources[row, cell, node, edge]}; expected an earlier node"
            )
        if unknown[row, cell, node, edge]:
            raise DataError(f"{where}: expected operations out of {', '.join(OP_NAMES[1:])}")
        raise DataError(
            f"{where} has two edges from node {sources[row, cell, node, 0]}; "
            "expected two different earlier nodes"
        )
    return from_edges(sources, codes)


def _parsed(texts: Texts, parse: Callable[[str], Edges | str]) -> Archs:
    """Return the architectures of `texts`; `parse` gives the edges of one, or says what it should be."""
    rows = []
    for row, text in enumerate(texts):
        edges = parse(text)
        if isinstance(edges, str):
            raise DataError(f"{_described(row, text)}: expected {edges}")
        rows.append(edges)
    return archs_of(rows, lambda row: _described(row, texts[row]))


def _described(row: int, text: str) -> str:
    return f"DARTS row {row}, {text if len(text) <= 80 else text[:77] + '...'!r}"


def _genotype_edges(text: str) -> Edges | str:
    match = _GENOTYPE.fullmatch("".join(text.split()).replace('"', "'"))
    if not match:
        return (
            "Genotype(normal=[('operation', source), ...], normal_concat=range(2, 6), reduce=[...], "
            "reduce_concat=range(2, 6))"
        )
    edges: Edges = []
    for name, cell in zip(CELL_NAMES, match.groups(), strict=True):
        found = _NAMED_EDGE.findall(cell)
        if len(found) != _EDGES or _NAMED_EDGE.sub("", cell):
            return (
                f"{_EDGES} pairs ('operation', source) in its {name} cell, two for each of the nodes 2 to 5"
            )
        edges += [(int(source), _CODE.get(operation, 0)) for operation, source in found]
    return edges


def _compact_edges(text: str) -> Edges | str:
    match = _COMPACT.fullmatch("".join(text.split()))
    if not match:
        return "[[(source, operation), ...], [...]], numbers only"
    edges: Edges = []
    for name, cell in zip(CELL_NAMES, match.groups(), strict=True):
        found = _NUMBERED_EDGE.findall(cell)
        if len(found) != _EDGES:
            return f"{_EDGES} pairs (source, operation) in its {name} cell, two for each of the nodes 2 to 5"
        edges += [(int(source), int(operation) + 1) for source, operation in found]
    return edges


def _digit_edges(text: str) -> Edges | str:
    if len(text) != 4 * _EDGES or not (text.isascii() and text.isdigit()):
        return f"{4 * _EDGES} digits: source and operation of each edge, normal cell first"
    digits = [int(digit) for digit in text]
    return [(source, code + 1) for source, code in zip(digits[::2], digits[1::2], strict=True)]


def _edges_by_cell(archs: Archs) -> list[list[Edges]]:
    """Return for each architecture its two cells' 8 (source, operation code), sources ascending in a node."""
    edges = np.stack(chosen_edges(archs), axis=-1).reshape(len(archs), N_CELLS, _EDGES, 2)
    return [[[tuple(edge) for edge in cell] for cell in cells] for cells in edges.tolist()]
