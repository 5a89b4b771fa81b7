"""Cells as the semi-supervised assessor takes them, and its network."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.encodings.matrices import matrix_shape, numbers_of_codes, operation_matrices
from pipeline.encodings.renas_tensor import renas_tensor, tensor_size
from pipeline.predictors.encoders.ssa import Assessor, AutoEncoder, Flattened, features
from pipeline.spaces import load
from pipeline.spaces.archs import Archs

MEASURED = 2**14  # cells whose features say how all are scaled


class Cells:
    """n cells with their matrices, a byte an entry, on the device; or what ReNAS' tensors are made of.

    scale: what features are taken less of and divided by, so that the reconstruction's error has the same
    size in every space: the deviation of the matrices' entries; of a tensor mean and deviation of each
    number, as their sizes differ. None: these of `MEASURED` cells, evenly from the first to the last.
    """

    def __init__(self, archs: Archs, settings, device, scale: tuple[Tensor, Tensor] | None = None):
        self.n, self.matrix, self.device = len(archs), settings.matrix, device
        self.op_order = settings.op_order
        space = load(archs.space)
        self.keys = space.canonical_key(archs)
        if self.matrix == "tensor":  # isomorphic cells have the same one, as they have the same matrix
            self.archs = space.from_key(self.keys)
        else:
            self.n_codes = matrix_shape(archs.space).codes
            codes = operation_matrices(archs)
            if self.matrix == "operations":
                codes = numbers_of_codes(archs.space, self.op_order)[codes]
            self.codes = torch.as_tensor(codes, device=device)
        self.scale = self._scale() if scale is None else scale

    def features(self, rows: Tensor) -> Tensor:
        """Return float32 (B, channels, V, V) of the cells `rows`, int64 (B,)."""
        mean, deviation = self.scale
        return (self._entries(rows) - mean) / deviation

    def tensor(self, values: np.ndarray) -> Tensor:
        """Return numbers as float32 on the device."""
        return torch.as_tensor(np.asarray(values, np.float32), device=self.device)

    def _entries(self, rows: Tensor) -> Tensor:
        if self.matrix == "tensor":  # made when asked for: those of a whole space are 1.5 GB
            return self.tensor(renas_tensor(self.archs[rows.cpu().numpy()], op_order=self.op_order))
        return features(self.codes[rows.to(self.device)], self.n_codes, self.matrix == "one_hot")

    def _scale(self) -> tuple[Tensor, Tensor]:
        # a space's cells may be listed by size, so the first ones would not do
        some = self._entries(torch.linspace(0, self.n - 1, min(self.n, MEASURED), dtype=torch.float64).long())
        if self.matrix != "tensor":
            return self.tensor(0), some.std().clamp(min=1e-6)
        deviation = some.std(dim=0, correction=0)
        varied = deviation > 1e-5 * some.abs().amax(dim=0)
        return some.mean(dim=0), torch.where(varied, deviation, 1.0)


class Network(nn.Module):
    """Auto-encoder and assessor for cells of a space. scale: of features, see `Cells`."""

    def __init__(self, space: str, settings, scale: tuple[Tensor, Tensor]):
        super().__init__()
        (channels, nodes), self.scale = _size(space, settings.matrix), scale
        if settings.autoencoder:
            sizes = channels, nodes, settings.channels, settings.latent
            self.autoencoder, latent = AutoEncoder(*sizes, settings.batch_norm), settings.latent
        else:
            self.autoencoder, latent = Flattened(), channels * nodes**2
        self.assessor = Assessor(latent, settings.hidden)

    def embed(self, x: Tensor) -> Tensor:
        """Return the representations (B, latent) of features (B, channels, V, V)."""
        return self.autoencoder.encode(x)


def _size(space: str, matrix: str) -> tuple[int, int]:
    """Return channels and V of features (B, channels, V, V)."""
    if matrix == "tensor":
        return tensor_size(load(space))[:2]
    shape = matrix_shape(space)
    return shape.cells * (shape.codes - 1 if matrix == "one_hot" else 1), shape.nodes
