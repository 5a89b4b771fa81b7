"""The thesis' regressor: a vector of the image and one of the latent are joined, dense layers follow."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.autoencoders.regressor import ImageBranch, head, latent_branch


class Regressor(nn.Module):
    """Thesis, section 3.3 and figure 3.2. Without images (C = 0) it sees the latent alone."""

    LEARNS = "outputs"
    PAIRS_AT_ONCE = 8192

    def __init__(self, latent_size: int, image_channels: int, n_features: int, settings):
        super().__init__()
        w = settings.image_width
        self.image = ImageBranch(image_channels, w) if image_channels else None
        self.latent = latent_branch(latent_size, settings)
        joined = settings.latent_branch_dim + (4 * w if image_channels else 0)
        self.head = head(joined, n_features, settings)

    def see(self, images: Tensor) -> Tensor:
        """Return (I, 4 * image_width), or (I, 0) without images."""
        return images.flatten(1) if self.image is None else self.image(images)

    def join(self, z: Tensor, seen: Tensor) -> Tensor:
        """Return (B, F)."""
        latent = self.latent(z)
        return self.head(torch.cat([seen.to(latent.dtype), latent], dim=1))
