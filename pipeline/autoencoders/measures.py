"""How well an autoencoder reconstructs cells, and what its latent space decodes to."""

from __future__ import annotations

import numpy as np
import torch

from pipeline.autoencoders.vae import Arch2Vec, Graphs, edge_pairs
from pipeline.spaces import load
from pipeline.spaces.archs import Archs

AT_ONCE = 512  # fits a core's cache


def embed(vae: Arch2Vec, graphs: Graphs) -> torch.Tensor:
    """Return mu of each cell, float32 (N, V, latent), on the CPU."""
    vae.eval()
    n, vertices = graphs.ops.shape
    mu = torch.empty(n, vertices, vae.fc_mu.out_features)
    with torch.inference_mode():
        for start in range(0, n, AT_ONCE):
            part = slice(start, start + AT_ONCE)
            mu[part] = vae.encode(graphs.take(part))[0]
    return mu


def reconstruction(vae: Arch2Vec, graphs: Graphs) -> dict[str, float]:
    """Measure the reconstruction from mu.

    op_accuracy: vertices whose operation is right. adj_accuracy: pairs i < j whose edge is right.
    adj_false_positives: share of absent edges that are decoded as present.
    """
    vae.eval()
    i, j = edge_pairs(graphs.ops.shape[1], graphs.ops.device)
    right = {"op": 0, "adj": 0, "false": 0, "absent": 0}
    with torch.inference_mode():
        for start in range(0, len(graphs.ops), AT_ONCE):
            part = graphs.take(slice(start, start + AT_ONCE))
            ops, adj = vae.decode(vae.encode(part)[0])
            edges, truth = adj[:, i, j] > 0, part.adj[:, i, j] > 0
            right["op"] += int((ops.argmax(-1) == part.ops).sum())
            right["adj"] += int((edges == truth).sum())
            right["false"] += int((edges & ~truth).sum())
            right["absent"] += int((~truth).sum())
    cells, vertices = graphs.ops.shape
    return {
        "op_accuracy": right["op"] / (cells * vertices),
        "adj_accuracy": right["adj"] / (cells * len(i)),
        "adj_false_positives": right["false"] / max(right["absent"], 1),
    }


def latent_samples(vae: Arch2Vec, mu: torch.Tensor, n: int, space_name: str, generator) -> dict[str, float]:
    """Decode n samples of N(mean, deviation of the embeddings); return validity and uniqueness.

    validity: samples that decode to a valid cell (as it stands, after dropping vertices on no path).
    uniqueness: different cells among the valid ones (thesis, section 2.2.1).
    """
    space = load(space_name)
    noise = torch.randn(n, *mu.shape[1:], generator=generator)
    z = mu.mean(dim=0) + mu.std(dim=0) * noise
    vae.eval()
    with torch.inference_mode():
        ops, adj = vae.decode(z.to(next(vae.parameters()).device))
    ops = ops.argmax(-1).cpu().numpy().astype(np.uint8)
    adj = (adj > 0).triu(1).cpu().numpy().astype(np.uint8)
    cells = space.prune(Archs(space_name, ops, adj))
    valid = space.validate(cells)
    unique = len(np.unique(space.canonical_key(cells[valid]))) if valid.any() else 0
    return {"validity": float(valid.mean()), "uniqueness": unique / max(int(valid.sum()), 1)}
