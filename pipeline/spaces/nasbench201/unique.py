"""The strings by which NAS-Bench-201 itself counts functionally different cells: 6,466 of them.

A string is an expression, built node by node; the input is `0`. A node is its edges' terms, sorted as text
and joined by `+`. An edge from node i brings
- `#`, if its operation is `none`, or if node i is just `#` (only node 1 can be: it has one edge);
- node i's own expression, without parentheses, if it is a skip connection;
- `(node i)@operation` otherwise.
The cell is its output node. Since a skip's terms are not sorted in among the others, and a node that
receives nothing from two edges is `#+#`, which counts as something, the same computation may have several
strings; since an expression is a tree, one convolution used twice and two convolutions have the same. So
these 6,466 classes are neither finer nor coarser than the 5,425 of the canonical key: together they make
7,122. Read as trees without what is missing, both come to the same 4,930.
"""

from __future__ import annotations

from functools import cache
from itertools import product

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench201.codes import EDGES, N_NODES, N_OPS, NONE, OP_NAMES, OUTPUT_NODE, SKIP_CONNECT
from pipeline.spaces.nasbench201.keys import cell_key

_MISSING = "#"


def unique_strings(archs: Archs) -> list[str]:
    """Return the benchmark's unique string of each cell, character by character as it writes them."""
    strings = _unique_strings()
    return [strings[key] for key in cell_key(archs).tolist()]


@cache
def _unique_strings() -> list[str]:
    """Return all unique strings by `cell_key`."""
    return [_expression(ops) for ops in product(range(N_OPS), repeat=len(EDGES))]


def _expression(ops: tuple[int, ...]) -> str:
    nodes = ["0"]
    for node in range(1, N_NODES):
        terms = [
            _term(nodes[source], op)
            for (source, target), op in zip(EDGES, ops, strict=True)
            if target == node
        ]
        nodes.append("+".join(sorted(terms)))
    return nodes[OUTPUT_NODE]


def _term(source: str, op: int) -> str:
    if op == NONE or source == _MISSING:
        return _MISSING
    return source if op == SKIP_CONNECT else f"({source})@{OP_NAMES[op]}"
