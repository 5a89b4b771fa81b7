"""An LSTM that reads token sequences, R replicates as one batched network.

Source: GATES, section 6.2: one layer, and the last hidden state is the embedding. R replicates, B cells,
T tokens, h width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

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
        open_forget_gate(self.bias)
        self.build_head(h, shape, generators)

    def embed(self, tokens: Tensor) -> Tensor:
        """Return the cells' embeddings (R, B, h)."""
        # what each token brings, (R, vocabulary, 4h), before what each place of a sequence does
        entering = looked_up(torch.baddbmm(self.bias, self.token, self.w_token), tokens)
        return last_hidden(entering, self.w_hidden)


def open_forget_gate(bias: nn.Parameter) -> None:
    """Start the biases (R, 1, 4h) so that the first tokens are not soon forgotten."""
    h = bias.shape[2] // 4
    with torch.no_grad():
        bias[:, :, h : 2 * h] += 1


def looked_up(table: Tensor, tokens: Tensor) -> Tensor:
    """Return table[r, tokens[r, b, t]] by place: (R, vocabulary, k), (R, B, T) -> (R, T, B, k)."""
    replicates, cells, length = tokens.shape
    rows = tokens.long().transpose(1, 2).reshape(replicates, length * cells, 1)
    return table.gather(1, rows.expand(-1, -1, table.shape[2])).view(replicates, length, cells, -1)


def last_hidden(entering: Tensor, w_hidden: Tensor) -> Tensor:
    """Run the recurrence: what enters (R, T, B, 4h), weights (R, h, 4h) -> last hidden states (R, B, h)."""
    hidden = memory = None
    for gates in entering.unbind(1):
        if hidden is not None:
            gates = torch.baddbmm(gates, hidden, w_hidden)
        enter, forget, leave, new = gates.chunk(4, dim=2)
        kept = torch.sigmoid(enter) * torch.tanh(new)
        memory = kept if memory is None else kept + torch.sigmoid(forget) * memory
        hidden = torch.sigmoid(leave) * torch.tanh(memory)
    return hidden
