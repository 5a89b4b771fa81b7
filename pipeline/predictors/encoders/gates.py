"""GATES for spaces with operations on nodes, R replicates as one batched network.

Source: GATES, section 4.3.1, equations 3 and 4. Every node carries virtual information; an operation
gates what flows through its node. R replicates, B cells, V nodes, O operations, h widths.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.predictors.encoders.replicated import Replicated, normal, uniform, zeros


class GatesNodes(Replicated):
    """Scores of cells: (R, B, V) operations, (R, B, V, V) adjacency -> (R, B)."""

    def __init__(self, shape, n_ops: int, padding: int, inputs: int, generators: list[torch.Generator]):
        """shape: the plug-in's settings. padding, inputs: operation codes of unused and of input nodes."""
        super().__init__()
        self.padding, self.inputs, self.readout = padding, inputs, shape.readout
        widths = [shape.information_hidden] + [shape.hidden] * shape.layers
        pairs = list(zip(widths[:-1], widths[1:], strict=True))
        self.operation = normal(generators, n_ops, shape.operation_dim)  # EMB
        self.information = normal(generators, 1, shape.information_dim)  # E, of the input node
        self.enter = uniform(generators, shape.information_dim, widths[0], fan=shape.information_dim)
        self.w_x = nn.ParameterList([uniform(generators, a, b, fan=b) for a, b in pairs])
        self.bias = nn.ParameterList([zeros(generators, 1, b) for _, b in pairs])
        self.w_o = nn.ParameterList(
            [uniform(generators, shape.operation_dim, b, fan=shape.operation_dim) for _, b in pairs]
        )
        self.b_o = nn.ParameterList([zeros(generators, 1, b) for _, b in pairs])
        self.build_head(widths[-1], shape.mlp, shape.dropout, generators)

    def forward(self, ops: Tensor, adj: Tensor, generators: list[torch.Generator] | None = None) -> Tensor:
        """generators: one a replicate, for dropout; None switches dropout off."""
        return self.score(self.embed(ops, adj), generators)

    def embed(self, ops: Tensor, adj: Tensor) -> Tensor:
        """Return the cells' embeddings (R, B, h)."""
        replicates, cells, nodes = ops.shape
        codes = nn.functional.one_hot(ops.long(), self.operation.shape[1]).float()
        codes = codes.reshape(replicates, cells * nodes, -1)
        flow = adj.transpose(2, 3).float() + torch.eye(nodes, device=adj.device)  # A + I, receiver by sender
        flow = flow.reshape(replicates * cells, nodes, nodes)
        entering = self.information @ self.enter  # (R, 1, h0)
        # X^(0) is zero but at the inputs, so the first product is theirs alone
        inputs = (ops == self.inputs).float().reshape(replicates, cells * nodes, 1)
        sent = inputs * torch.bmm(entering, self.w_x[0])
        last = len(self.w_x) - 1
        for k, (bias, w_o, b_o) in enumerate(zip(self.bias, self.w_o, self.b_o, strict=True)):
            gate = torch.sigmoid(torch.baddbmm(b_o, self.operation, w_o))  # (R, O, h)
            received = torch.bmm(flow, sent.view(replicates * cells, nodes, -1)).view_as(sent)  # (R, B*V, h)
            x = torch.addcmul(bias, torch.bmm(codes, gate), received)
            if k < last:
                sent = torch.bmm(x.relu(), self.w_x[k + 1])
        return self._read(x.view(replicates, cells, nodes, -1), ops)

    def _read(self, x: Tensor, ops: Tensor) -> Tensor:
        """Mean over all nodes but inputs and padding, or the output node alone: (R, B, V, h) -> (R, B, h)."""
        if self.readout == "output":
            return x[:, :, -1]
        used = ((ops != self.padding) & (ops != self.inputs)).float()
        weights = used / used.sum(dim=2, keepdim=True)
        return torch.einsum("rbv,rbvh->rbh", weights, x)
