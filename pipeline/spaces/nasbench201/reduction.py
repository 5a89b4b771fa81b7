"""The computation that a cell stands for, and one spelling for all cells that stand for the same.

The reduced computation graph of a cell has the input, the output and one vertex for every convolution or
pooling that is left when
- `none` edges are gone, and with them every operation that receives nothing or cannot reach the output;
- a skip connection hands on what it gets, so that its source's terms go straight into the target's sum.
Every vertex, and the output, has a sum for its input: a multiset of other vertices, in no order. A vertex
is an operation of its own with weights of its own: what goes to two places from one convolution is one
vertex used twice, and two convolutions of the same sum are two vertices. So graphs are compared, not
expressions. Two poolings of the same sum stay two vertices as well.

There are 5,425 classes of isomorphic graphs among the 15,625 strings (5,260 if equal poolings of one sum
were one vertex, 4,930 if one convolution used twice were the same as two convolutions).

"Receives nothing" is said of the graph: in the network, batch normalisation makes a constant of its shift
even where a convolution's input is zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, permutations, product

from pipeline.spaces.nasbench201.codes import EDGES, N_NODES, NONE, OUTPUT_NODE, SKIP_CONNECT

INPUT = -1  # the cell's input as a term of a sum; operations are named by the number of their edge
Sum = tuple[int, ...]


def reduced_graph(ops: Sequence[int]) -> tuple[dict[int, tuple[int, Sum]], Sum]:
    """Return ({edge: (operation, sum that it takes)}, sum that is the output) of one cell's 6 operations.

    Only operations that the output depends on are there. An empty output means that nothing reaches it.
    """
    sums: list[Sum] = [(INPUT,), *[()] * (N_NODES - 1)]
    found = {}
    for edge, ((source, target), op) in enumerate(zip(EDGES, ops, strict=True)):
        if op == NONE or not sums[source]:
            continue
        if op == SKIP_CONNECT:
            sums[target] += sums[source]
        else:
            found[edge] = (op, sums[source])
            sums[target] += (edge,)
    output = sums[OUTPUT_NODE]
    used, waiting = set(), list(output)
    while waiting:
        term = waiting.pop()
        if term != INPUT and term not in used:
            used.add(term)
            waiting += found[term][1]
    return {edge: found[edge] for edge in sorted(used)}, output


def spelling(ops: Sequence[int]) -> tuple:
    """Return the canonical form of one cell's reduced graph: equal exactly for isomorphic graphs.

    It spells the graph with its operations in some order: for each the operation and the places of its
    sum's terms, and in the end those of the output's. Of all orders that ascend by the operations'
    expressions (which isomorphism keeps) the smallest spelling is taken; only operations of equal
    expressions have to be permuted, so there are few.
    """
    operations, output = reduced_graph(ops)
    return min(_spelled(order, operations, output) for order in _orders(operations))


def _orders(operations: dict[int, tuple[int, Sum]]) -> Iterator[list[int]]:
    """Yield every order of the operations that ascends by expression."""
    expressions: dict[int, tuple] = {INPUT: ()}
    for edge, (op, terms) in operations.items():  # ascending edges: what a sum takes comes before
        expressions[edge] = (op, *sorted(expressions[term] for term in terms))
    ascending = sorted(operations, key=expressions.__getitem__)
    ties = [permutations(group) for _, group in groupby(ascending, key=expressions.__getitem__)]
    for parts in product(*ties):
        yield [edge for part in parts for edge in part]


def _spelled(order: list[int], operations: dict[int, tuple[int, Sum]], output: Sum) -> tuple:
    place = {edge: i for i, edge in enumerate(order)} | {INPUT: INPUT}

    def places(terms: Sum) -> list[int]:
        return sorted(place[term] for term in terms)

    rows = [(operations[edge][0], *places(operations[edge][1])) for edge in order]
    return (*rows, tuple(places(output)))
