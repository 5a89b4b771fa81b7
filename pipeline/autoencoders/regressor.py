"""The network of info-NAS: arch2vec with a regressor that predicts what a network outputs for an image.

Source: info-NAS thesis, section 3.3; layer sizes as in the authors' published code. The regressors are
plug-ins of `pipeline.autoencoders.regressors`; this module holds what they are built from.
"""

from __future__ import annotations

import importlib

import torch
from torch import Tensor, nn

from pipeline.autoencoders.vae import Arch2Vec


class InfoNas(nn.Module):
    """The joint model; `vae` is arch2vec, and all that is kept of it for embedding cells.

    B pairs of a network and an image, I images, V vertices of an architecture, F predicted numbers.
    """

    def __init__(self, n_ops: int, n_vertices: int, image_channels: int, n_features: int, settings):
        super().__init__()
        self.vae = Arch2Vec(n_ops, settings)
        kind = importlib.import_module(f"pipeline.autoencoders.regressors.{settings.regressor}").Regressor
        self.regressor = kind(n_vertices * settings.latent_dim, image_channels, n_features, settings)
        self.low_precision = settings.precision == "bfloat16"

    def see(self, images: Tensor) -> Tensor:
        """What the regressor makes of images before it knows the networks: (I, C, H, W) -> (I, …)."""
        with self._precision(images.device):
            return self.regressor.see(images)

    def predict(self, z: Tensor, seen: Tensor) -> Tensor:
        """z (B, V, latent), seen (B, …) of the pairs' images -> float32 (B, F)."""
        with self._precision(z.device):
            return self.regressor.join(z.flatten(1), seen).float()

    def _precision(self, device: torch.device):
        return torch.autocast(device.type, torch.bfloat16, enabled=self.low_precision)


class ImageBranch(nn.Sequential):
    """(I, C, H, W) -> (I, 4 * width): five convolutions, the third and fifth of stride 2, then the mean.

    What `channels` adds to the images are further input channels.
    """

    def __init__(self, channels: int, width: int):
        super().__init__(
            _conv(channels, width, 1),
            *(_conv(width, width, 1), _conv(width, 2 * width, 2)),
            *(_conv(2 * width, 2 * width, 1), _conv(2 * width, 4 * width, 2)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the vector of each image."""
        return super().forward(images).mean(dim=(2, 3))


def _conv(c_in: int, c_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)
    )


def latent_branch(latent_size: int, settings) -> nn.Sequential:
    """Return the layer that latents go through before they meet images."""
    return nn.Sequential(nn.Linear(latent_size, settings.latent_branch_dim), nn.ReLU())


def head(d_in: int, n_features: int, settings) -> nn.Sequential:
    """Return the layers from joined vectors to predictions, linear at the end."""
    h, drop = settings.head_dim, settings.head_dropout
    return nn.Sequential(
        nn.Linear(d_in, h),
        *(nn.ReLU(), nn.Dropout(drop), nn.Linear(h, h)),
        *(nn.ReLU(), nn.Dropout(drop), nn.Linear(h, n_features)),
    )
