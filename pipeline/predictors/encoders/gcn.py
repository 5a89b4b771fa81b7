"""Graph convolutions over operations on nodes, R replicates as one batched network.

Source: GATES, section 6.2: operations are the information that flows, X^(k) = relu(A X^(k-1) W + b), and a
cell is the mean of its nodes, or what a global node that hears from all of them has gathered (Shi et al.
2020, BONAS). A has self-loops and is not normalised: a node adds up what it is told, as in a network of the
space; means lose how much that was, and ranked far worse. R replicates, B cells, V nodes, O operations, h
widths.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pipeline.predictors.encoders.replicated import Replicated, normal, uniform, zeros


class GraphConvolution(Replicated):
    """Layers that add up what nodes are told, for encoders of several kinds of graphs."""

    def build_layers(self, widths: Sequence[int], generators) -> None:
        """Add a layer for each pair of neighbouring widths."""
        pairs = list(zip(widths[:-1], widths[1:], strict=True))
        self.w = nn.ParameterList([uniform(generators, a, b, fan=a) for a, b in pairs])
        self.b = nn.ParameterList([zeros(generators, 1, b) for _, b in pairs])

    def convolve(self, x: Tensor, flow: Tensor) -> Tensor:
        """Return the nodes' information after all layers: (R, N, V, h0), (R, N, V, V) -> (R, N, V, h).

        flow[…, i, j] = 1: node i is told what node j knows.
        """
        replicates, graphs, nodes = flow.shape[:3]
        flow = flow.reshape(-1, nodes, nodes)
        x = x.reshape(replicates, graphs * nodes, -1)
        for k, (w, b) in enumerate(zip(self.w, self.b, strict=True)):
            sent = torch.bmm(x.relu() if k else x, w).view(replicates * graphs, nodes, -1)
            x = torch.bmm(flow, sent).view(replicates, graphs * nodes, -1) + b
        return x.view(replicates, graphs, nodes, -1)


class GcnNodes(GraphConvolution):
    """Scores of cells: (R, B, V) operations, (R, B, V, V) adjacency -> (R, B)."""

    def __init__(self, shape, n_ops: int, padding: int, generators, global_node: bool = False):
        """shape: the plug-in's settings. padding: operation code of unused nodes."""
        super().__init__()
        self.n_ops, self.padding, self.global_node = n_ops, padding, global_node
        self.operation = normal(generators, n_ops + global_node, shape.operation_dim)
        self.build_layers([shape.operation_dim, *[shape.hidden] * shape.layers], generators)
        self.width = shape.hidden
        self.build_head(self.width, shape, generators)

    def embed(self, ops: Tensor, adj: Tensor) -> Tensor:
        """Return the cells' embeddings (R, B, h)."""
        used = (ops != self.padding).float()
        flow = adj.transpose(2, 3).float()  # receiver by sender
        if self.global_node:
            ops = nn.functional.pad(ops, (0, 1), value=self.n_ops)
            flow = nn.functional.pad(flow, (0, 1, 0, 1))
            flow[:, :, -1, :-1] = used
        flow = flow + torch.eye(flow.shape[3], device=flow.device)
        codes = nn.functional.one_hot(ops.long(), self.operation.shape[1]).float()
        x = torch.bmm(codes.flatten(1, 2), self.operation).view(*ops.shape, -1)
        x = self.convolve(x, flow)
        if self.global_node:
            return x[:, :, -1]
        return torch.einsum("rbv,rbvh->rbh", used / used.sum(dim=2, keepdim=True), x)
