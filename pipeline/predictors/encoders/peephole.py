"""Peephole's LSTM over a cell's layers, R replicates as one batched network.

Source: ReNAS, sections 2.2 and 4.1, on Deng et al. 2017: each layer becomes a vector, an LSTM joins them, and
a network of fully connected layers predicts from its last hidden state. R replicates, B cells, T layers, F
features of a layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pipeline.predictors.encoders.lstm import last_hidden, looked_up, open_forget_gate
from pipeline.predictors.encoders.replicated import Replicated, normal, uniform


class Peephole(Replicated):
    """Scores of cells: (R, B, T, F) codes of layers -> (R, B)."""

    def __init__(self, shape, vocabulary: Sequence[int], generators: list[torch.Generator]):
        """shape: the plug-in's settings. vocabulary: how many codes each feature has."""
        super().__init__()
        h = self.width = shape.hidden
        self.codes = nn.ParameterList(normal(generators, n, shape.feature_dim) for n in vocabulary)
        self.w_codes = uniform(generators, len(vocabulary) * shape.feature_dim, 4 * h, fan=h)
        self.w_hidden = uniform(generators, h, 4 * h, fan=h)
        self.bias = uniform(generators, 1, 4 * h, fan=h)
        open_forget_gate(self.bias)
        self.build_head(h, shape, generators)

    def embed(self, layers: Tensor) -> Tensor:
        """Return the cells' embeddings (R, B, h)."""
        entering = self.bias[:, None]
        parts = self.w_codes.chunk(len(self.codes), dim=1)
        for feature, (codes, weights) in enumerate(zip(self.codes, parts, strict=True)):
            entering = entering + looked_up(codes @ weights, layers[..., feature])
        return last_hidden(entering, self.w_hidden)
