"""GATES for spaces with operations on edges, of one or two cells, R replicates as one batched network.

Source: GATES, section 4.3.2, equation 6 (at most one edge between two nodes). An operation gates what flows
along its edge, and a node adds up what arrives. R replicates, B architectures, C cells each, E edges,
O operations, h widths.

Where the paper is silent, this follows the authors' code (aw_nas):
- an edge that carries the space's `none` is no edge (A = 0), so it has no embedding;
- input nodes, where nothing arrives, hand on X W_x ungated, or their information would end at layer 1;
- no bias in the flow, so a node that no input reaches stays at zero;
- the cells of one architecture share all weights; their embeddings are joined.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from pipeline.predictors.encoders.replicated import Replicated, normal, uniform, zeros


class GatesEdges(Replicated):
    """Scores of architectures: (R, B, E) or (R, B, C, E) operations -> (R, B)."""

    def __init__(self, shape, space, generators: list[torch.Generator]):
        """shape: the plug-in's settings. space: gives EDGES, INPUT_NODES, N_NODES, N_OPS, N_CELLS, NONE."""
        super().__init__()
        self.n_cells, inputs = space.N_CELLS, space.INPUT_NODES
        kept = [code for code in range(space.N_OPS) if code != space.NONE]
        self.register_buffer("kept", torch.tensor(kept, dtype=torch.uint8), persistent=False)
        inner = [node for node in range(space.N_NODES) if node not in inputs]
        self.read = inner if shape.readout == "mean" else inner[-1:]
        self.incoming = {node: _edges_into(node, space.EDGES, inputs) for node in inner}
        self.computed = _needed(self.read, self.incoming, shape.layers)
        widths = [shape.information_hidden] + [shape.hidden] * shape.layers
        pairs = list(zip(widths[:-1], widths[1:], strict=True))
        self.operation = normal(generators, len(kept), shape.operation_dim)  # EMB, without none
        self.information = normal(generators, len(inputs), shape.information_dim)  # E
        self.enter = uniform(generators, shape.information_dim, widths[0], fan=shape.information_dim)
        self.w_x = nn.ParameterList([uniform(generators, a, b, fan=b) for a, b in pairs])
        gated = [b for (_, b), nodes in zip(pairs, self.computed, strict=True) if nodes]
        self.w_o = nn.ParameterList(
            [uniform(generators, shape.operation_dim, b, fan=shape.operation_dim) for b in gated]
        )
        self.b_o = nn.ParameterList([zeros(generators, 1, b) for b in gated])
        self.width = widths[-1] * space.N_CELLS
        self.build_head(self.width, shape, generators)

    def embed(self, ops: Tensor) -> Tensor:
        """Return the architectures' embeddings (R, B, C*h)."""
        replicates, architectures = ops.shape[:2]
        cells = architectures * self.n_cells
        codes = self._codes(ops.reshape(replicates, cells, -1))
        gates = zip(self.w_o, self.b_o, strict=True)
        outer = {node: _joined(codes, edges.from_inputs) for node, edges in self.incoming.items()}
        entered = torch.bmm(self.information, self.enter)  # X^(0) of the inputs, (R, inputs, h0)
        x: dict[int, Tensor] = {}  # X^(k) of the inner nodes, (R, B*C, h); none yet, as they start at zero
        for w_x, nodes in zip(self.w_x, self.computed, strict=True):
            given = torch.bmm(entered, w_x)  # S of the inputs, the same in all cells
            if nodes:
                w_o, b_o = next(gates)
                gate = torch.sigmoid(torch.baddbmm(b_o, self.operation, w_o))  # (R, O, h)
                sent = {node: torch.bmm(value.relu(), w_x) for node, value in x.items()}
                x = {node: self._received(node, codes, outer, gate, given, sent) for node in nodes}
            entered = given.relu()
        z = sum(x[node] for node in self.read) / len(self.read)
        return z.reshape(replicates, architectures, -1)

    def _codes(self, ops: Tensor) -> Tensor:
        """One-hot operations of each edge, a row of zeros for none: (R, B*C, E) -> (R, E, B*C, O)."""
        return (ops.transpose(1, 2).unsqueeze(3) == self.kept).float()

    def _received(self, node: int, codes, outer, gate, given, sent) -> Tensor:
        """Sum what arrives at a node: gate ⊙ S over its edges (R, B*C, h)."""
        edges = self.incoming[node]
        # an input sends every cell the same, so what its edges bring is one of O rows each
        brought = given[:, [source for _, source in edges.from_inputs], None] * gate[:, None]
        x = torch.bmm(outer[node], brought.flatten(1, 2))
        for edge, source in edges.from_inner:
            if source in sent:
                x = torch.addcmul(x, torch.bmm(codes[:, edge], gate), sent[source])
        return x


class _Edges(NamedTuple):
    """The edges into a node, (edge, source) each."""

    from_inputs: list[tuple[int, int]]
    from_inner: list[tuple[int, int]]


def _edges_into(node: int, edges, inputs) -> _Edges:
    into = [(edge, source) for edge, (source, target) in enumerate(edges) if target == node]
    return _Edges([e for e in into if e[1] in inputs], [e for e in into if e[1] not in inputs])


def _needed(read: list[int], incoming: dict[int, _Edges], layers: int) -> list[list[int]]:
    """Return the inner nodes whose information each layer must compute, so that the last has `read`."""
    needed = [sorted(read)]
    for _ in range(layers - 1):
        needed.append(sorted({source for node in needed[-1] for _, source in incoming[node].from_inner}))
    return needed[::-1]


def _joined(codes: Tensor, edges: list[tuple[int, int]]) -> Tensor:
    """Put the codes of some edges side by side: (R, E, B*C, O) -> (R, B*C, n*O)."""
    return codes[:, [edge for edge, _ in edges]].transpose(1, 2).flatten(2)
