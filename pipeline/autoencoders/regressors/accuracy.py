"""The control of the later info-NAS paper: latents are trained on accuracies instead of outputs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.autoencoders.regressor import latent_branch


class Regressor(nn.Module):
    """z -> latent_branch_dim -> head_dim -> 1, a fraction between 0 and 1. It sees no images."""

    LEARNS = "accuracy"
    PAIRS_AT_ONCE = 8192

    def __init__(self, latent_size: int, image_channels: int, n_features: int, settings):
        super().__init__()
        h = settings.head_dim
        self.latent = latent_branch(latent_size, settings)
        self.head = nn.Sequential(
            nn.Linear(settings.latent_branch_dim, h), nn.ReLU(), nn.Linear(h, n_features)
        )

    def see(self, images: Tensor) -> Tensor:
        """Return (I, 0)."""
        return images.flatten(1)

    def join(self, z: Tensor, seen: Tensor) -> Tensor:
        """Return (B, F)."""
        return torch.sigmoid(self.head(self.latent(z)).float())
