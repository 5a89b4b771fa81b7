"""Graph convolutions for operations on edges, R replicates as one batched network.

Two ways that the paper compares with (GATES, sections 4.2.2 and 6.1):
- the line graph: every edge is a node of its own, which is told what the edges into its source know;
- the concatenation: a node holds the operations of its incoming edges side by side, which needs as many of
  them in every node, and depends on their order (Guo et al. 2019, NAT).
R replicates, B architectures, C cells each, E edges, O operations, h widths.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.predictors.encoders.gcn import GraphConvolution
from pipeline.predictors.encoders.replicated import normal


class LineGcn(GraphConvolution):
    """Scores of architectures: (R, B, E) or (R, B, C, E) operations -> (R, B).

    An edge that carries `none` is no edge: it tells nothing, and its embedding is zero. With one cell an
    architecture is the edges' embeddings side by side; with several, the mean over each cell's edges.
    """

    def __init__(self, shape, space, generators: list[torch.Generator]):
        """shape: the plug-in's settings. space: gives EDGES, N_OPS, N_CELLS, NONE."""
        super().__init__()
        self.n_cells, self.n_ops, self.none = space.N_CELLS, space.N_OPS, space.NONE
        told = [[source == target for _, target in space.EDGES] for source, _ in space.EDGES]
        self.register_buffer("told", torch.tensor(told, dtype=torch.float32), persistent=False)  # (E, E)
        self.operation = normal(generators, space.N_OPS, shape.operation_dim)
        self.build_layers([shape.operation_dim, *[shape.hidden] * shape.layers], generators)
        self.width = shape.hidden * (len(space.EDGES) if space.N_CELLS == 1 else space.N_CELLS)
        self.build_head(self.width, shape, generators)

    def embed(self, ops: Tensor) -> Tensor:
        """Return the architectures' embeddings (R, B, E*h) or (R, B, C*h)."""
        replicates, architectures = ops.shape[:2]
        ops = ops.reshape(replicates, architectures * self.n_cells, -1)
        there = (ops != self.none).float()
        flow = self.told * there[:, :, None] + torch.eye(ops.shape[2], device=ops.device)
        codes = nn.functional.one_hot(ops.long(), self.n_ops).float()
        x = torch.bmm(codes.flatten(1, 2), self.operation).view(*ops.shape, -1)
        x = self.convolve(x, flow) * there[..., None]
        if self.n_cells > 1:
            x = x.sum(dim=2) / there.sum(dim=2, keepdim=True)
        return x.reshape(replicates, architectures, -1)


class JoinedGcn(GraphConvolution):
    """Scores of architectures whose nodes have two edges each: (R, B, C, nodes, 2) twice -> (R, B)."""

    def __init__(self, shape, space, generators: list[torch.Generator]):
        """shape: the plug-in's settings. space: gives N_OPS, INPUT_NODES, N_NODES, N_CELLS."""
        super().__init__()
        self.n_cells, self.n_ops, self.inputs = space.N_CELLS, space.N_OPS, len(space.INPUT_NODES)
        self.n_nodes = space.N_NODES
        self.operation = normal(generators, space.N_OPS, shape.operation_dim)
        self.information = normal(generators, self.inputs, 2 * shape.operation_dim)
        self.build_layers([2 * shape.operation_dim, *[shape.hidden] * shape.layers], generators)
        self.width = shape.hidden * space.N_CELLS
        self.build_head(self.width, shape, generators)

    def embed(self, sources: Tensor, codes: Tensor) -> Tensor:
        """Return the architectures' embeddings (R, B, C*h), the mean over the nodes that are no inputs.

        sources, codes: of each node's edges, in ascending order of the sources.
        """
        replicates, architectures, cells, inner, _ = codes.shape
        graphs = architectures * cells
        flow = nn.functional.one_hot(sources.long(), self.n_nodes).sum(dim=4).float()  # (R, B, C, inner, V)
        flow = nn.functional.pad(flow.view(replicates, graphs, inner, -1), (0, 0, self.inputs, 0))
        flow = flow + torch.eye(self.n_nodes, device=flow.device)
        hot = nn.functional.one_hot(codes.long(), self.n_ops).float().view(replicates, -1, self.n_ops)
        x = torch.bmm(hot, self.operation).view(replicates, graphs, inner, -1)
        x = torch.cat([self.information[:, None].expand(-1, graphs, -1, -1), x], dim=2)
        x = self.convolve(x, flow)[:, :, self.inputs :].mean(dim=2)
        return x.reshape(replicates, architectures, -1)
