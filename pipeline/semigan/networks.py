"""The three networks of SemiGAN-NAD, R replicates of each (supplement C of the paper).

A batch of N architectures is N * cells graphs of V vertices with K operation codes (see
`pipeline.encodings.graphs`), as numbers from 0 to 1, so that generated ones can carry gradients.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.encodings.graphs import GraphShape
from pipeline.predictors.encoders.replicated import Replicated, dense, normal, through
from pipeline.semigan.gin import Gin, pooled


class Graphs(NamedTuple):
    """ops (R, N * cells, V, K), adj (R, N * cells, V, V), upper triangular."""

    ops: Tensor
    adj: Tensor

    def detach(self) -> Graphs:
        """Return the same numbers without gradients."""
        return Graphs(self.ops.detach(), self.adj.detach())

    def neighbours(self) -> Tensor:
        """Return edges in both directions."""
        return self.adj + self.adj.transpose(2, 3)


def joined(parts: list[Graphs]) -> Graphs:
    """Return several batches as one."""
    return Graphs(torch.cat([p.ops for p in parts], dim=1), torch.cat([p.adj for p in parts], dim=1))


class Predictor(nn.Module):
    """Performance of cells, on the scale of the targets."""

    only = Replicated.only

    def __init__(self, settings, shape: GraphShape, generators):
        super().__init__()
        self.cells, self.n_ops, hidden = shape.cells, shape.n_ops, settings.hidden
        self.gin = Gin(settings.predictor_layers, shape.n_ops, hidden, generators)
        width = shape.cells * settings.predictor_layers * hidden
        self.head = dense(generators, [width, hidden, 1])

    def forward(self, graphs: Graphs) -> Tensor:
        """Return (R, N)."""
        features = pooled(self.gin(graphs.ops, graphs.neighbours()), self.cells)
        return through(self.head, features).squeeze(2)


class Discriminator(nn.Module):
    """Logits of the chance that a cell and a rank class belong together in the labelled cells."""

    def __init__(self, settings, shape: GraphShape, generators):
        super().__init__()
        self.cells, hidden = shape.cells, settings.hidden
        self.gin = Gin(settings.discriminator_layers, shape.n_ops, hidden, generators)
        self.rank = normal(generators, settings.n_classes, settings.rank_dim)
        width = shape.cells * settings.discriminator_layers * hidden + settings.rank_dim
        self.head = dense(generators, [width, hidden, 1])

    def features(self, graphs: Graphs) -> Tensor:
        """Return what is known of cells without their class, (R, N, F)."""
        return pooled(self.gin(graphs.ops, graphs.neighbours()), self.cells)

    def judge(self, features: Tensor, classes: Tensor) -> Tensor:
        """features (R, N, F), classes (R, N, C), how far a cell is of each class -> (R, N)."""
        return through(self.head, torch.cat([features, classes @ self.rank], dim=2)).squeeze(2)


class Generator(nn.Module):
    """Logits of the operations and edges of cells, from noise and a rank class.

    Each vertex starts with its part of z_A and z_X and the embedding of the class. Which graph the layers
    work on is not in the paper; here two vertices are neighbours as far as unlabelled cells have an edge
    there. A linear layer makes the last layer's features of all vertices into a cell.
    """

    def __init__(self, settings, shape: GraphShape, frequencies: Graphs, generators):
        """frequencies: how often unlabelled cells have each operation and edge, ops (R, 1, V, K)."""
        super().__init__()
        self.vertices, self.n_ops, self.cells = shape.n_vertices, shape.n_ops, shape.cells
        self.made = 1 if settings.same_cells else shape.cells  # graphs that differ
        self.latent_dim = settings.latent_dim
        self.rank = normal(generators, settings.n_classes, settings.rank_dim)
        width = 2 * settings.latent_dim + settings.rank_dim
        self.gin = Gin(settings.generator_layers, width, settings.hidden, generators)
        self.register_buffer("pairs", torch.triu_indices(self.vertices, self.vertices, 1), persistent=False)
        n_logits = self.pairs.shape[1] + self.vertices * self.n_ops
        flat = self.made * self.vertices * settings.hidden
        self.out = dense(generators, [flat, self.made * n_logits])
        self.register_buffer("neighbours", frequencies.neighbours())  # (R, 1, V, V)
        prior = (
            _prior(frequencies, self.pairs) if settings.prior else torch.zeros(len(generators), 1, n_logits)
        )
        self.register_buffer("prior", prior)  # (R, 1, n_logits)

    def forward(self, z: Tensor, classes: Tensor) -> Tensor:
        """Return what is added to the prior, (R, N * made, pairs + V * K); `logits` takes it apart.

        z (R, N, made, V, 2 * latent), classes (R, N, C).
        """
        replicates, n = z.shape[:2]
        rank = (classes @ self.rank)[:, :, None, None].expand(*z.shape[:4], -1)
        x = torch.cat([z, rank], dim=4).flatten(1, 2)  # (R, N * made, V, ...)
        x = self.gin(x, self.neighbours)[-1].reshape(replicates, n, -1)
        return through(self.out, x).view(replicates, n * self.made, -1)

    def logits(self, added: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of ops (R, N * made, V, K) and of edges (R, N * made, pairs)."""
        edges, ops = (added + self.prior).split([self.pairs.shape[1], self.vertices * self.n_ops], dim=2)
        return ops.unflatten(2, (self.vertices, self.n_ops)), edges

    def draw(self, scores: tuple[Tensor, Tensor], settings) -> Graphs:
        """Return the cells that scores stand for: the operation that has most, edges above zero.

        scores: logits plus noise. Gradients are those of the probabilities; with relaxation "soft" the cells
        are the probabilities.
        """
        ops, edges = scores
        soft_ops, soft_edges = (
            (ops / settings.temperature).softmax(3),
            (edges / settings.temperature).sigmoid(),
        )
        if settings.relaxation == "straight_through":
            hard = F.one_hot(ops.argmax(3), self.n_ops).to(ops.dtype)
            soft_ops = hard + soft_ops - soft_ops.detach()
            soft_edges = (edges > 0).to(ops.dtype) + soft_edges - soft_edges.detach()
        adj = torch.zeros(*edges.shape[:2], self.vertices, self.vertices, device=edges.device)
        adj[:, :, self.pairs[0], self.pairs[1]] = soft_edges
        return Graphs(*(self.repeated(x) for x in (soft_ops, adj)))

    def repeated(self, x: Tensor) -> Tensor:
        """Return what is made of graphs (R, N * made, ...) for all cells: (R, N * cells, ...)."""
        return x if self.made == self.cells else x.repeat_interleave(self.cells, dim=1)


def noisy(logits: tuple[Tensor, Tensor], size: float, generators) -> tuple[Tensor, Tensor]:
    """Add noise to logits: Gumbel's to those of operations and logistic noise to those of edges.

    The highest one, or the ones above zero, are then a draw by these logits (size 1). generators: one a
    replicate.
    """
    if not size:
        return logits
    ops, edges = (torch.stack([_uniform(x.shape[1:], g) for g in generators]).to(x.device) for x in logits)
    return logits[0] - size * (-ops.log()).log(), logits[1] + size * edges.logit()


def _uniform(size, generator) -> Tensor:
    return torch.rand(size, generator=generator).clamp(1e-6, 1 - 1e-6)


def _prior(frequencies: Graphs, pairs: Tensor) -> Tensor:
    """Return the logits, (R, 1, pairs + V * K), by which edges and operations are drawn at these rates."""
    ops = frequencies.ops.log().flatten(2)
    edges = frequencies.adj[:, :, pairs[0], pairs[1]].logit()  # plus or minus infinity: nothing to learn
    return torch.cat([edges, ops], dim=2)
