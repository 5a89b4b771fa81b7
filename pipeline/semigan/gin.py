"""Graph isomorphism networks, R replicates as one batched network.

Source: Xu et al. 2019 as arch2vec has it, which SemiGAN-NAD follows: an MLP of two layers, each with batch
normalisation and ReLU, of (1 + eps) h_v + the sum of the neighbours' h. B graphs of V vertices.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.predictors.encoders.replicated import uniform, zeros

MOMENTUM = 0.1  # of batch normalisation's running statistics


class ReplicatedNorm(nn.Module):
    """Batch normalisation and ReLU; each replicate's statistics are those of its own cells."""

    def __init__(self, width: int, generators):
        super().__init__()
        n = len(generators)
        self.weight, self.bias = nn.Parameter(torch.ones(n, width)), nn.Parameter(torch.zeros(n, width))
        self.register_buffer("mean", torch.zeros(n, width))
        self.register_buffer("variance", torch.ones(n, width))

    def forward(self, x: Tensor) -> Tensor:
        """x (R, N, h) -> (R, N, h)."""
        flat = x.transpose(0, 1).flatten(1)  # (N, R * h): a channel each
        state = (t.view(-1) for t in (self.mean, self.variance, self.weight, self.bias))
        flat = F.batch_norm(flat, *state, training=self.training, momentum=MOMENTUM)
        return flat.relu_().view(x.shape[1], x.shape[0], -1).transpose(0, 1)


class Gin(nn.Module):
    """Layers in a row; `forward` returns what each of them puts out."""

    def __init__(self, layers: int, d_in: int, hidden: int, generators):
        super().__init__()
        widths = [d_in, *[hidden] * layers]
        self.eps = nn.ParameterList([zeros(generators, 1, 1, 1) for _ in range(layers)])
        self.inner = nn.ParameterList([uniform(generators, a, hidden, fan=a) for a in widths[:-1]])
        self.outer = nn.ParameterList(
            [uniform(generators, hidden, hidden, fan=hidden) for _ in range(layers)]
        )
        self.inner_norm = nn.ModuleList([ReplicatedNorm(hidden, generators) for _ in range(layers)])
        self.outer_norm = nn.ModuleList([ReplicatedNorm(hidden, generators) for _ in range(layers)])

    def forward(self, x: Tensor, neighbours: Tensor) -> list[Tensor]:
        """x (R, B, V, d), neighbours (R, B, V, V) symmetric -> a list of (R, B, V, hidden)."""
        found = []
        for k, eps in enumerate(self.eps):
            told = neighbours @ x + (1 + eps) * x
            h = self.inner_norm[k](torch.bmm(told.flatten(1, 2), self.inner[k]))
            h = self.outer_norm[k](torch.bmm(h, self.outer[k]))
            x = h.unflatten(1, x.shape[1:3])
            found.append(x)
        return found


def pooled(layers: list[Tensor], cells: int) -> Tensor:
    """Return the architectures' features (R, N, cells * layers * hidden): means over vertices, side by side.

    layers: (R, N * cells, V, hidden) each.
    """
    features = torch.cat([x.mean(dim=2) for x in layers], dim=2)  # (R, N * cells, F)
    return features.reshape(len(features), -1, cells * features.shape[2])
