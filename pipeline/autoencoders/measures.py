"""How well an autoencoder reconstructs cells, and what its latent space decodes to."""

from __future__ import annotations

import numpy as np
import torch

from pipeline.autoencoders.vae import Arch2Vec, Graphs, edge_pairs
from pipeline.encodings.graphs import from_graphs, graph_shape
from pipeline.spaces import load

AT_ONCE = 512  # fits a core's cache
DECODED_AT_ONCE = 8192


def embed(vae: Arch2Vec, graphs: Graphs) -> torch.Tensor:
    """Return mu of each architecture, float32 (N, cells * V, latent), on the CPU."""
    vae.eval()
    n, vertices = graphs.n_archs, graphs.joined_vertices
    mu = torch.empty(n, vertices, vae.fc_mu.out_features)
    with torch.inference_mode():
        for start in range(0, n, AT_ONCE):
            part = slice(start, start + AT_ONCE)
            mu[part] = graphs.joined(vae.encode(graphs.take(part))[0])
    return mu


def reconstruction(vae: Arch2Vec, graphs: Graphs) -> dict[str, float]:
    """Measure the reconstruction from mu.

    op_accuracy: vertices whose operation is right. adj_accuracy: pairs i < j whose edge is right.
    adj_false_positives: share of absent edges that are decoded as present.
    """
    vae.eval()
    graphs = graphs.apart()
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

    mu: (M, V, latent) of graphs. A sample is one graph; for DARTS it stands for both cells.
    validity: samples that decode to a cell of the space (`pipeline.encodings.graphs.from_graphs` says what
    that takes). uniqueness: different cells among the valid ones (thesis, section 2.2.1).
    """
    mean, deviation, keys, n_valid = mu.mean(dim=0), mu.std(dim=0), [], 0
    for start in range(0, n, DECODED_AT_ONCE):
        noise = torch.randn(min(DECODED_AT_ONCE, n - start), *mu.shape[1:], generator=generator)
        found = decoded_keys(vae, mean + deviation * noise, space_name)
        n_valid += len(found)
        keys.append(np.unique(found))
    unique = len(np.unique(np.concatenate(keys)))
    return {"validity": n_valid / n, "uniqueness": unique / max(n_valid, 1)}


def decoded_keys(vae: Arch2Vec, z: torch.Tensor, space_name: str) -> np.ndarray:
    """Return the keys (`cell_key`) of the valid cells among what z (B, V, latent) decodes to."""
    vae.eval()
    with torch.inference_mode():
        ops, adj = vae.decode(z.to(next(vae.parameters()).device))
        ops, adj = ops.argmax(-1).to(torch.uint8).cpu(), (adj > 0).triu(1).to(torch.uint8).cpu()
    cells = graph_shape(space_name).cells
    ops, adj = (t.numpy().repeat(cells, axis=0) for t in (ops, adj))
    archs, valid = from_graphs(space_name, ops, adj)
    return load(space_name).cell_key(archs[valid])
