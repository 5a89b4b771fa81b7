"""Cells as the semi-supervised assessor takes them, and its network."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.encodings.matrices import matrix_shape, operation_matrices
from pipeline.predictors.encoders.ssa import Assessor, AutoEncoder, Flattened, features
from pipeline.spaces import load
from pipeline.spaces.archs import Archs


class Cells:
    """n cells with their matrices, a byte an entry, on the device.

    scale: deviation of the matrices' entries; features are divided by it, so that the reconstruction's error
    has the same size in every space.
    """

    def __init__(self, archs: Archs, settings, device, scale: float | None = None):
        self.n, self.n_codes = len(archs), matrix_shape(archs.space).codes
        self.one_hot, self.device = settings.matrix == "one_hot", device
        self.keys = load(archs.space).cell_key(archs)
        self.codes = torch.as_tensor(operation_matrices(archs), device=device)
        self.scale = self._deviation() if scale is None else scale

    def features(self, rows: Tensor) -> Tensor:
        """Return float32 (B, channels, V, V) of the cells `rows`, int64 (B,)."""
        return features(self.codes[rows.to(self.device)], self.n_codes, self.one_hot) / self.scale

    def tensor(self, values: np.ndarray) -> Tensor:
        """Return numbers as float32 on the device."""
        return torch.as_tensor(np.asarray(values, np.float32), device=self.device)

    def _deviation(self) -> float:
        some = features(self.codes[: 2**14], self.n_codes, self.one_hot)
        return max(float(some.std()), 1e-6)


class Network(nn.Module):
    """Auto-encoder and assessor for cells of a space. scale: what features were divided by."""

    def __init__(self, space: str, settings, scale: float):
        super().__init__()
        shape, self.scale = matrix_shape(space), scale
        channels = shape.cells * (shape.codes - 1 if settings.matrix == "one_hot" else 1)
        if settings.autoencoder:
            self.autoencoder = AutoEncoder(channels, shape.nodes, settings.channels, settings.latent)
            latent = settings.latent
        else:
            self.autoencoder, latent = Flattened(), channels * shape.nodes**2
        self.assessor = Assessor(latent, settings.hidden)

    def embed(self, x: Tensor) -> Tensor:
        """Return the representations (B, latent) of features (B, channels, V, V)."""
        return self.autoencoder.encode(x)
