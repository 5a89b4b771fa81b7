"""GATES whose gates also hear zero-shot scores of the operations (EES of GATES++).

Source: GATES, section 5.1: the mask of an operation is sigmoid([EMB(o), z(o)] W_o), z its scores. Scores come
raw; they are scaled to mean 0 and deviation 1 by those of the training cells, and one that is NaN (an
operation without parameters, a score that is missing) becomes 0, the mean. A last column says whether the
operation has any score, since 0 alone would not tell pooling from an average convolution. R replicates,
B cells, M scores.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.predictors.encoders.gates import GatesNodes
from pipeline.predictors.encoders.gates_edges import GatesEdges
from pipeline.predictors.encoders.replicated import uniform


class _Scored:
    """What both kinds of space share: scaled scores, and the weights that let gates hear them."""

    def build_scores(self, n_scores: int, operation_dim: int, widths, generators) -> None:
        """Add the rows of W_o that are for scores, one matrix a layer."""
        fan = operation_dim + n_scores + 1
        self.w_z = nn.ParameterList([uniform(generators, n_scores + 1, b, fan=fan) for b in widths])
        for name in ("mean", "deviation"):
            self.register_buffer(name, torch.ones(len(generators), n_scores))

    def calibrate(self, *views: Tensor) -> None:
        """Take mean and deviation of every score over the training cells' operations."""
        scores = views[-1].flatten(1, -2).double()  # (R, operations of all cells, M)
        known = ~scores.isnan()
        count = known.sum(dim=1).clamp(min=1)
        mean = scores.nan_to_num().sum(dim=1) / count
        squares = torch.where(known, scores - mean[:, None], 0).square().sum(dim=1) / count
        self.mean.copy_(mean)
        self.deviation.copy_(torch.where(squares > 0, squares.sqrt(), 1.0))

    def scaled(self, scores: Tensor) -> Tensor:
        """Return (R, N, M + 1) of raw scores (R, …, M)."""
        scores = scores.flatten(1, -2)
        known = ~scores.isnan()
        values = (scores.nan_to_num() - self.mean[:, None]) / self.deviation[:, None]
        return torch.cat([torch.where(known, values, 0), known.any(dim=2, keepdim=True).float()], dim=2)


class GatesPlusNodes(_Scored, GatesNodes):
    """Scores of cells: (R, B, V) operations, (R, B, V, V) adjacency, (R, B, V, M) scores -> (R, B)."""

    def __init__(self, shape, n_scores: int, n_ops: int, padding: int, inputs: int, generators):
        """shape: the plug-in's settings; n_scores: M; the others as in `GatesNodes`."""
        super().__init__(shape, n_ops, padding, inputs, generators)
        self.build_scores(n_scores, shape.operation_dim, [w.shape[2] for w in self.w_o], generators)

    def embed(self, ops: Tensor, adj: Tensor, scores: Tensor) -> Tensor:
        """Return the cells' embeddings (R, B, h)."""
        return super().embed(ops, adj, self.scaled(scores))

    def _gate(self, k: int, codes: Tensor, scores: Tensor) -> Tensor:
        heard = torch.bmm(codes, torch.baddbmm(self.b_o[k], self.operation, self.w_o[k]))
        return torch.sigmoid(torch.baddbmm(heard, scores, self.w_z[k]))


class GatesPlusEdges(_Scored, GatesEdges):
    """Scores of architectures: (R, B, [C,] E) operations, (R, B, [C,] E, M) scores -> (R, B)."""

    def __init__(self, shape, n_scores: int, space, generators):
        """shape: the plug-in's settings; n_scores: M; space: as in `GatesEdges`."""
        super().__init__(shape, space, generators)
        self.build_scores(n_scores, shape.operation_dim, [w.shape[2] for w in self.w_o], generators)

    def embed(self, ops: Tensor, scores: Tensor) -> Tensor:
        """Return the architectures' embeddings (R, B, C*h)."""
        replicates, architectures = ops.shape[:2]
        cells = architectures * self.n_cells
        codes = self._codes(ops.reshape(replicates, cells, -1))  # (R, E, B*C, O)
        there = codes.sum(dim=3, keepdim=True)
        scores = self.scaled(scores).view(replicates, cells, codes.shape[1], -1)
        entered, x, k = torch.bmm(self.information, self.enter), {}, 0
        for w_x, nodes in zip(self.w_x, self.computed, strict=True):
            given = torch.bmm(entered, w_x)
            if nodes:
                bias = torch.baddbmm(self.b_o[k], self.operation, self.w_o[k])  # (R, O, h)
                sent = {node: torch.bmm(value.relu(), w_x) for node, value in x.items()}
                sent |= {node: given[:, node : node + 1] for node in range(given.shape[1])}
                x = {node: self._summed(node, k, bias, codes, there, scores, sent) for node in nodes}
                k += 1
            entered = given.relu()
        z = sum(x[node] for node in self.read) / len(self.read)
        return z.reshape(replicates, architectures, -1)

    def _summed(self, node: int, k: int, bias: Tensor, codes, there, scores, sent) -> Tensor:
        """Sum what arrives at a node: gate ⊙ S over its edges that there are (R, B*C, h)."""
        total = 0
        for edge, source in [*self.incoming[node].from_inputs, *self.incoming[node].from_inner]:
            if source in sent:
                heard = torch.baddbmm(torch.bmm(codes[:, edge], bias), scores[:, :, edge], self.w_z[k])
                total = total + there[:, edge] * torch.sigmoid(heard) * sent[source]
        return total
