"""A fully connected encoder of token sequences, R replicates as one batched network.

Source: GATES, section 6.2 (after AlphaX). R replicates, B cells, T tokens, h widths.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.predictors.encoders.replicated import Replicated, dense, through


class Mlp(Replicated):
    """Scores of cells: (R, B, T) tokens -> (R, B)."""

    def __init__(self, shape, length: int, vocabulary: int, generators: list[torch.Generator]):
        """shape: the plug-in's settings. length, vocabulary: of the sequences."""
        super().__init__()
        self.vocabulary = vocabulary if shape.one_hot else None
        width = length * vocabulary if shape.one_hot else length
        self.layers = dense(generators, [width, *shape.layers])
        self.width = shape.layers[-1]
        self.build_head(self.width, shape, generators)

    def embed(self, tokens: Tensor) -> Tensor:
        """Return the cells' embeddings (R, B, h)."""
        if self.vocabulary is None:
            return through(self.layers, tokens.float()).relu()
        codes = nn.functional.one_hot(tokens.long(), self.vocabulary).float()
        return through(self.layers, codes.flatten(2)).relu()
