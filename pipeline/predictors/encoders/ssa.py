"""The networks of the semi-supervised assessor: a convolutional auto-encoder and a graph convolution.

Source: Tang et al. 2020, "A Semi-Supervised Assessor of Neural Architectures", section 3 and equation 4.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KERNEL = 3


class AutoEncoder(nn.Module):
    """Two convolutions and a fully connected layer, and the same backwards.

    channels: of the input. nodes: V of its V x V matrices. hidden: channels of the convolutions.
    batch_norm: of the encoder's convolutions.
    """

    decodes = True

    def __init__(self, channels: int, nodes: int, hidden: list[int], latent: int, batch_norm: bool = False):
        super().__init__()
        # without padding a layer takes 2 from each side; small matrices would be gone
        padding = 0 if nodes > 2 * len(hidden) + 1 else 1
        side = nodes - (KERNEL - 1 - 2 * padding) * len(hidden)
        widths = [channels, *hidden]
        forth = [nn.Conv2d(a, b, KERNEL, padding=padding) for a, b in zip(widths, hidden, strict=False)]
        back = [
            nn.ConvTranspose2d(b, a, KERNEL, padding=padding) for a, b in zip(widths, hidden, strict=False)
        ]
        self.convolutions, self.transposed = nn.ModuleList(forth), nn.ModuleList(back[::-1])
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) if batch_norm else nn.Identity() for n in hidden)
        self.folded = (hidden[-1], side, side)
        self.to_latent = nn.Linear(math.prod(self.folded), latent)
        self.from_latent = nn.Linear(latent, math.prod(self.folded))

    def encode(self, x: Tensor) -> Tensor:
        """Return embeddings (B, latent) of matrices (B, channels, V, V)."""
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = F.relu(norm(convolution(x)))
        return self.to_latent(x.flatten(1))

    def decode(self, z: Tensor) -> Tensor:
        """Return matrices (B, channels, V, V) of embeddings (B, latent)."""
        x = F.relu(self.from_latent(z)).unflatten(1, self.folded)
        for layer, transposed in enumerate(self.transposed):
            x = transposed(x if layer == 0 else F.relu(x))
        return x


class Flattened(nn.Module):
    """What takes the auto-encoder's place where there is none: the matrices themselves, as vectors."""

    decodes = False

    def encode(self, x: Tensor) -> Tensor:
        """Return (B, channels * V * V)."""
        return x.flatten(1)


class Assessor(nn.Module):
    """Two graph convolutions: A relu(A E W0) W1, with A the normalised graph (equation 4)."""

    def __init__(self, latent: int, hidden: int):
        super().__init__()
        self.first, self.second = nn.Linear(latent, hidden, bias=False), nn.Linear(hidden, 1, bias=False)

    def forward(self, z: Tensor, graph=None) -> Tensor:
        """Return predictions (B,) of embeddings z (B, latent).

        graph: what `graph @ x` gathers from neighbours, `ssa_graph.Graph`; None: each cell is alone.
        """
        # A (E W0) is (A E) W0, and an embedding is narrower than the layer
        told = self.second(F.relu(self.first(z if graph is None else graph @ z)))
        return (told if graph is None else graph @ told)[:, 0]


def features(codes: Tensor, n_codes: int, one_hot: bool) -> Tensor:
    """Return float32 (B, channels, V, V) of matrices of operations, (B, cells, V, V).

    Codes as they are, or a channel for each code but 0, "no edge".
    """
    if not one_hot:
        return codes.float()
    shown = codes[:, :, None] == torch.arange(1, n_codes, device=codes.device)[:, None, None]
    return shown.flatten(1, 2).float()
