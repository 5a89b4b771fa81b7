"""The network of info-NAS: arch2vec with a regressor that predicts what a network outputs for an image.

Source: info-NAS thesis, section 3.3; layer sizes as in the authors' published code. B pairs of a cell
and an image, F features of the network's output.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.autoencoders.vae import Arch2Vec


def _conv(c_in: int, c_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)
    )


class Regressor(nn.Module):
    """(z, image) -> predicted features."""

    def __init__(self, latent_size: int, image_channels: int, n_features: int, settings):
        super().__init__()
        w, h = settings.image_width, settings.head_dim
        self.image = nn.Sequential(
            _conv(image_channels, w, 1),
            *(_conv(w, w, 1), _conv(w, 2 * w, 2)),
            *(_conv(2 * w, 2 * w, 1), _conv(2 * w, 4 * w, 2)),
        )
        self.latent = nn.Sequential(nn.Linear(latent_size, settings.latent_branch_dim), nn.ReLU())
        drop = settings.head_dropout
        self.head = nn.Sequential(
            nn.Linear(4 * w + settings.latent_branch_dim, h),
            *(nn.ReLU(), nn.Dropout(drop), nn.Linear(h, h)),
            *(nn.ReLU(), nn.Dropout(drop), nn.Linear(h, n_features)),
        )

    def forward(self, z: Tensor, images: Tensor, which: Tensor | None = None) -> Tensor:
        """z (B, V, latent), images (I, C, H, W), which (B,) image of each pair (None: I = B) -> (B, F)."""
        seen = self.see(images)
        return self.join(z, seen if which is None else seen[which])

    def see(self, images: Tensor) -> Tensor:
        """What the image branch makes of images: (I, C, H, W) -> (I, 4 * image_width)."""
        return self.image(images).mean(dim=(2, 3))

    def join(self, z: Tensor, seen: Tensor) -> Tensor:
        """What is predicted for pairs: z (B, V, latent), seen (B, 4 * image_width) -> (B, F)."""
        return self.head(torch.cat([seen, self.latent(z.flatten(1))], dim=1))


class InfoNas(nn.Module):
    """The joint model; `vae` is arch2vec, and all that is kept of it for embedding cells."""

    def __init__(self, n_ops: int, n_vertices: int, image_channels: int, n_features: int, settings):
        super().__init__()
        self.vae = Arch2Vec(n_ops, settings)
        self.regressor = Regressor(n_vertices * settings.latent_dim, image_channels, n_features, settings)
