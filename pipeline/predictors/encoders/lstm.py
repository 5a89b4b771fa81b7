"""An LSTM that reads token sequences, R replicates as one batched network.

Source: GATES, section 6.2: one layer, and the last hidden state is the embedding. R replicates, B cells,
T tokens, h width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pipeline.predictors.encoders.replicated import Replicated, normal, uniform


class Lstm(Replicated):
    """Scores of cells: (R, B, T) tokens -> (R, B)."""

    def __init__(self, shape, vocabulary: int, generators: list[torch.Generator]):
        """shape: the plug-in's settings. vocabulary: how many tokens there are."""
        super().__init__()
        h = self.width = shape.hidden
        self.token = normal(generators, vocabulary, shape.token_dim)
        self.w_token = uniform(generators, shape.token_dim, 4 * h, fan=h)
        self.w_hidden = uniform(generators, h, 4 * h, fan=h)
        self.bias = uniform(generators, 1, 4 * h, fan=h)
        with torch.no_grad():
            self.bias[:, :, h : 2 * h] += 1  # of the forget gate, or the first tokens are soon forgotten
        self.build_head(h, shape, generators)

    def embed(self, tokens: Tensor) -> Tensor:
        """Return the cells' embeddings (R, B, h)."""
        replicates, cells, length = tokens.shape
        # what each token brings, (R, vocabulary, 4h), before what each place of a sequence does
        entering = torch.baddbmm(self.bias, self.token, self.w_token)
        rows = tokens.long().transpose(1, 2).reshape(replicates, length * cells, 1)
        entering = entering.gather(1, rows.expand(-1, -1, entering.shape[2]))
        hidden = memory = None
        for gates in entering.view(replicates, length, cells, -1).unbind(1):
            if hidden is not None:
                gates = torch.baddbmm(gates, hidden, self.w_hidden)
            enter, forget, leave, new = gates.split(self.width, dim=2)
            kept = torch.sigmoid(enter) * torch.tanh(new)
            memory = kept if memory is None else kept + torch.sigmoid(forget) * memory
            hidden = torch.sigmoid(leave) * torch.tanh(memory)
        return hidden
