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
        self.width = widths[-1]
        self.build_head(self.width, shape, generators)

    def embed(self, ops: Tensor, adj: Tensor, scores: Tensor | None = None) -> Tensor:
        """Return the cells' embeddings (R, B, h). scores: what `_gate` may use beside operations."""
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
        for k, bias in enumerate(self.bias):
            received = torch.bmm(flow, sent.view(replicates * cells, nodes, -1)).view_as(sent)  # (R, B*V, h)
            x = torch.addcmul(bias, self._gate(k, codes, scores), received)
            if k < last:
                sent = torch.bmm(x.relu(), self.w_x[k + 1])
        return self._read(x.view(replicates, cells, nodes, -1), ops)

    def _gate(self, k: int, codes: Tensor, scores: Tensor | None) -> Tensor:
        """Return what layer k multiplies information by, one-hot operations (R, B*V, O) -> (R, B*V, h)."""
        gate = torch.sigmoid(torch.baddbmm(self.b_o[k], self.operation, self.w_o[k]))  # (R, O, h)
        return torch.bmm(codes, gate)

    def _read(self, x: Tensor, ops: Tensor) -> Tensor:
        """Mean over all nodes but inputs and padding, or the output node alone: (R, B, V, h) -> (R, B, h)."""
        if self.readout == "output":
            return x[:, :, -1]
        used = ((ops != self.padding) & (ops != self.inputs)).float()
        weights = used / used.sum(dim=2, keepdim=True)
        return torch.einsum("rbv,rbvh->rbh", weights, x)
