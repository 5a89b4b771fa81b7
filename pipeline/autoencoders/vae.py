"""The network of arch2vec: a variational graph autoencoder of cells.

Sources: the info-NAS thesis, section 2.2.1, table 2.1 and equation 2.1 (operations), and section 1.2.4,
equations 1.20 (GIN) to 1.23 (adjacency by inner products). B cells of V vertices with K operation codes.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.encodings.graphs import graph_shape, to_graphs
from pipeline.spaces.archs import Archs


class GraphShape(Protocol):
    """What of the network is configured (see `pipeline.autoencoders.settings`)."""

    hidden_dim: int
    latent_dim: int
    gin_layers: int
    dropout: float
    kl_weight: float
    op_weight: float


class Graphs(NamedTuple):
    """A batch, or a whole set, as small integers on the device: a graph takes V + V*V bytes.

    N architectures are M = N * cells graphs (see `pipeline.encodings.graphs`), those of one in a row.
    """

    ops: Tensor  # uint8 (M, V) operation codes
    adj: Tensor  # uint8 (M, V, V) edges, upper triangular
    cells: int = 1  # graphs of one architecture

    @classmethod
    def of(cls, archs: Archs, device) -> Graphs:
        """Copy a set of architectures to `device`."""
        ops, adj = to_graphs(archs)
        cells = graph_shape(archs.space).cells
        return cls(torch.tensor(ops, device=device), torch.tensor(adj, device=device), cells)

    @property
    def n_archs(self) -> int:
        """How many architectures there are: N."""
        return len(self.ops) // self.cells

    @property
    def joined_vertices(self) -> int:
        """Vertices of one architecture: cells * V."""
        return self.cells * self.ops.shape[1]

    def take(self, rows) -> Graphs:
        """Return the given architectures (slice, index tensor or mask over N)."""
        if self.cells == 1:
            return Graphs(self.ops[rows], self.adj[rows])
        ops, adj = (t.unflatten(0, (self.n_archs, self.cells))[rows].flatten(0, 1) for t in self[:2])
        return Graphs(ops, adj, self.cells)

    def apart(self) -> Graphs:
        """Return the same graphs, each taken for an architecture of its own."""
        return self._replace(cells=1)

    def joined(self, z: Tensor) -> Tensor:
        """Join what belongs to one architecture: (M, V, L) -> (N, cells * V, L)."""
        return z.reshape(-1, self.cells * z.shape[1], z.shape[2])


class VaeLoss(NamedTuple):
    """The terms of the loss, each a scalar tensor; `total` is what is minimised."""

    total: Tensor
    ops: Tensor
    adj: Tensor
    kl: Tensor


class GinLayer(nn.Module):
    """Equation of GIN: MLP((1 + eps) h_v + sum of the neighbours' h), batch norm, ReLU."""

    def __init__(self, d_in: int, d_out: int):
        super().__init__()
        self.eps = nn.Parameter(torch.zeros(()))
        self.inner, self.inner_bn = nn.Linear(d_in, d_out, bias=False), nn.BatchNorm1d(d_out)
        self.outer, self.outer_bn = nn.Linear(d_out, d_out, bias=False), nn.BatchNorm1d(d_out)

    def forward(self, h: Tensor, neighbours: Tensor) -> Tensor:
        """h (B, V, d_in), neighbours (B, V, V) symmetric 0/1 -> (B, V, d_out)."""
        itself = (1 + self.eps) * torch.eye(h.shape[1], device=h.device)
        h = torch.bmm(neighbours + itself, h)
        shape = h.shape[:2]
        h = h.flatten(0, 1)  # (B*V, d)
        h = self.inner_bn(self.inner(h)).relu_()
        h = self.outer_bn(self.outer(h)).relu_()
        return h.unflatten(0, shape)


class Arch2Vec(nn.Module):
    """The autoencoder: cells -> mu, logvar (B, V, latent) -> logits of operations and edges."""

    def __init__(self, n_ops: int, shape: GraphShape):
        super().__init__()
        widths = [n_ops] + [shape.hidden_dim] * shape.gin_layers
        self.n_ops, self.dropout = n_ops, shape.dropout
        self.kl_weight, self.op_weight = shape.kl_weight, shape.op_weight
        self.layers = nn.ModuleList(GinLayer(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True))
        self.fc_mu = nn.Linear(shape.hidden_dim, shape.latent_dim)
        self.fc_logvar = nn.Linear(shape.hidden_dim, shape.latent_dim)
        self.fc_ops = nn.Linear(shape.latent_dim, n_ops)

    def encode(self, graphs: Graphs) -> tuple[Tensor, Tensor]:
        """Return (mu, logvar), each (B, V, latent)."""
        h = F.one_hot(graphs.ops.long(), self.n_ops).float()  # (B, V, K)
        neighbours = (graphs.adj + graphs.adj.transpose(1, 2)).float()  # information flows both ways
        for layer in self.layers:
            h = layer(h, neighbours)
        return self.fc_mu(h), self.fc_logvar(h)

    def decode(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of the operations (B, V, K) and of the edges (B, V, V, symmetric)."""
        z = F.dropout(z, self.dropout, self.training)
        return self.fc_ops(z), torch.bmm(z, z.transpose(1, 2))

    def loss(self, graphs: Graphs) -> tuple[VaeLoss, Tensor]:
        """Return the loss of a batch and the latent sample z (B, V, latent) that it was computed from.

        Cross entropies are means over entries, the divergence a sum over the latent axis and a mean over
        vertices. Edges: only the V(V-1)/2 pairs that can be edges; see `edge_pairs`.
        """
        mu, logvar = self.encode(graphs)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        ops_logits, adj_logits = self.decode(z)
        ops_loss = softmax_cross_entropy(ops_logits, graphs.ops.long())
        i, j = edge_pairs(graphs.ops.shape[1], z.device)
        adj_loss = F.binary_cross_entropy_with_logits(adj_logits[:, i, j], graphs.adj[:, i, j].float())
        kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=2).mean()
        total = self.op_weight * ops_loss + adj_loss + self.kl_weight * kl
        return VaeLoss(total, ops_loss, adj_loss, kl), z


def softmax_cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the mean binary cross entropy between softmax(logits) and one-hot `truth`.

    logits (..., K), truth int64 (...). log(1 - p_k) is taken as log-sum-exp of the other logits minus that
    of all: by way of p itself, gradients of saturated entries are rounding noise magnified 1e7 times, and
    now and then throw the training off.
    """
    n = logits.shape[-1]
    total = torch.logsumexp(logits, dim=-1, keepdim=True)
    itself = torch.eye(n, dtype=torch.bool, device=logits.device)
    others = logits.unsqueeze(-2).masked_fill(itself, -torch.inf).logsumexp(dim=-1)  # (..., K): all but k
    return -torch.where(F.one_hot(truth, n).bool(), logits - total, others - total).mean()


def edge_pairs(n_vertices: int, device=None) -> Tensor:
    """Return the (i, j), i < j, that can be edges: int64 (2, V(V-1)/2).

    The loss leaves the diagonal out: no cell has a loop, and the inner product of a row with itself is
    never negative, so the decoder could not say so. The lower triangle repeats the upper one.
    """
    return torch.triu_indices(n_vertices, n_vertices, 1, device=device)
