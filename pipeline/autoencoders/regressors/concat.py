"""The latent joins the image as further channels, the same number at every pixel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.autoencoders.regressor import ImageBranch, head, latent_branch


class Regressor(nn.Module):
    """The authors' other variant (`ConcatConvModel`), with the thesis' convolutions and head.

    Every pair goes through all convolutions, so a step costs as many times more as an image has networks.
    """

    LEARNS = "outputs"
    PAIRS_AT_ONCE = 64

    def __init__(self, latent_size: int, image_channels: int, n_features: int, settings):
        super().__init__()
        w = settings.image_width
        self.latent = latent_branch(latent_size, settings)
        self.image = ImageBranch(image_channels + settings.latent_branch_dim, w)
        self.head = head(4 * w, n_features, settings)

    def see(self, images: Tensor) -> Tensor:
        """Return the images as they are."""
        return images

    def join(self, z: Tensor, seen: Tensor) -> Tensor:
        """Return (B, F)."""
        channels = self.latent(z)[:, :, None, None].expand(-1, -1, *seen.shape[2:])
        return self.head(self.image(torch.cat([seen.to(channels.dtype), channels], dim=1)))
