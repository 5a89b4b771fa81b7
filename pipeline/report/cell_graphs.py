"""The graphs that show a cell: which nodes and arrows there are, what they say, and which do not count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline import spaces
from pipeline.report.layers import Sizes
from pipeline.spaces.archs import Archs

# Operations that are of one kind share a colour, whichever space they come from.
KINDS = {
    "conv3x3": "conv3x3",
    "nor_conv_3x3": "conv3x3",
    "sep_conv_3x3": "conv3x3",
    "conv1x1": "conv1x1",
    "nor_conv_1x1": "conv1x1",
    "sep_conv_5x5": "conv5x5",
    "dil_conv_3x3": "dilated3x3",
    "dil_conv_5x5": "dilated5x5",
    "maxpool3x3": "maxpool",
    "max_pool_3x3": "maxpool",
    "avg_pool_3x3": "avgpool",
    "skip_connect": "skip",
}
LABELS = {
    "conv3x3": "conv 3×3",
    "conv1x1": "conv 1×1",
    "maxpool3x3": "max pool",
    "nor_conv_3x3": "conv 3×3",
    "nor_conv_1x1": "conv 1×1",
    "avg_pool_3x3": "avg pool",
    "max_pool_3x3": "max pool",
    "skip_connect": "skip",
    "sep_conv_3x3": "sep 3×3",
    "sep_conv_5x5": "sep 5×5",
    "dil_conv_3x3": "dil 3×3",
    "dil_conv_5x5": "dil 5×5",
}
TITLES = {"normal": "normal cell", "reduce": "reduction cell"}
BOX, DOT = 76.0, 26.0  # widths where operations are on edges: of an operation, and of a node between them


@dataclass(frozen=True)
class Vertex:
    """Something drawn. op: the operation's name, or "input", "output", "node".

    label: what it says; what follows an underscore is an index.
    """

    op: str
    label: str


@dataclass(frozen=True)
class CellGraph:
    """One picture; edges run from lower to higher numbers.

    faded: vertices that do not lie between input and output, so that they compute nothing. faint: edges that
    are the same in all cells. layer, sizes: see `pipeline.report.layers.draw`.
    """

    vertices: Mapping[int, Vertex]
    edges: Sequence[tuple[int, int]]
    title: str = ""
    faded: frozenset = frozenset()
    faint: frozenset = frozenset()
    layer: Mapping[int, int] | None = None
    sizes: Sizes = field(default_factory=Sizes)


def cell_graphs(arch: Archs) -> list[CellGraph]:
    """Return the pictures of one architecture: one, or two where it has a normal and a reduction cell."""
    space = spaces.load(arch.space)
    if space.OPERATIONS_ON == "nodes":
        return [_operations_on_nodes(arch, space)]
    names = getattr(space, "CELL_NAMES", ("",) * space.N_CELLS)
    cells = arch.ops[0].reshape(space.N_CELLS, len(space.EDGES))
    return [_operations_on_edges(ops, space, TITLES.get(n, n)) for ops, n in zip(cells, names, strict=True)]


def _operations_on_nodes(arch: Archs, space) -> CellGraph:
    names = [space.OP_NAMES[code] for code in arch.ops[0]]
    vertices = {v: Vertex(n, LABELS.get(n, n)) for v, n in enumerate(names) if n != "none"}
    edges = [(int(i), int(j)) for i, j in zip(*np.nonzero(arch.adj[0]), strict=True)]
    return CellGraph(vertices, edges)


def _operations_on_edges(ops: np.ndarray, space, title: str) -> CellGraph:
    """Every operation becomes a box between two nodes, just above the node that it leads to."""
    inputs, output = space.INPUT_NODES, getattr(space, "OUTPUT_NODE", None)
    used = [(i, j, space.OP_NAMES[code]) for (i, j), code in zip(space.EDGES, ops.tolist(), strict=True)]
    used = [edge for edge in used if edge[2] != "none"]
    vertices = {k: Vertex("input", _input(k, len(inputs))) for k in inputs}
    number, layer = {k: k for k in inputs}, dict.fromkeys(inputs, 0)
    edges = []
    for j in range(len(inputs), space.N_NODES):
        into = [(i, op) for i, target, op in used if target == j]
        if j != output and not any(j in edge[:2] for edge in used):
            continue
        depth = (
            2 * (j - len(inputs)) if output is None else max((layer[number[i]] for i, _ in into), default=0)
        )
        for i, op in into:
            box = len(vertices)
            vertices[box], layer[box] = Vertex(op, LABELS.get(op, op)), depth + 1
            edges.append((number[i], box))
        number[j] = len(vertices)
        edges += [(number[j] - 1 - k, number[j]) for k in range(len(into))]
        vertices[number[j]] = (
            Vertex("output", "output") if j == output else Vertex("node", str(j - 2 * (output is None)))
        )
        layer[number[j]] = depth + 2
    faint = []
    if output is None:  # the nodes' outputs, side by side
        end = len(vertices)
        faint = [(number[j], end) for j in number if j not in inputs]
        vertices[end], layer[end] = Vertex("output", "output"), max(layer.values()) + 1
    widths = {v: DOT for v, vertex in vertices.items() if vertex.op == "node"}
    sizes = Sizes(width=BOX, height=26.0, passage=8.0, gap_x=10.0, gap_y=22.0, port=13.0, widths=widths)
    edges = sorted([*edges, *faint])
    return CellGraph(vertices, edges, title, _idle(vertices, edges), frozenset(faint), layer, sizes)


def _input(k: int, n: int) -> str:
    """One input is called so; of two, the first is the output of the cell before the last one."""
    return "input" if n == 1 else f"c_k−{n - k}"


def _idle(vertices: Mapping[int, Vertex], edges: Sequence[tuple[int, int]]) -> frozenset:
    """Return the vertices that no path from an input to the output passes."""
    fed = {v for v, vertex in vertices.items() if vertex.op == "input"}
    needed = {v for v, vertex in vertices.items() if vertex.op == "output"}
    ends = fed | needed
    for i, j in edges:
        fed |= {j} if i in fed else set()
    for i, j in reversed(edges):
        needed |= {i} if j in needed else set()
    return frozenset(vertices) - (fed & needed) - ends
