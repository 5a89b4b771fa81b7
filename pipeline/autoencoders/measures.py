"""How well an autoencoder reconstructs cells, and what its latent space decodes to."""

from __future__ import annotations

import numpy as np
import torch

from pipeline.autoencoders.vae import Arch2Vec, Graphs, edge_pairs
from pipeline.encodings.graphs import from_graphs, graph_fingerprints, graph_shape
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
    """Decode n samples of N(mean, deviation of the embeddings); return what comes out, as shares.

    mu: (M, V, latent) of graphs. A sample is one graph; for DARTS it stands for both cells.
    validity: samples that decode to a cell of the space (`pipeline.encodings.graphs.from_graphs` says what
    that takes). uniqueness: different graphs among the valid ones, as they were decoded, as arch2vec's
    authors count. unique_cells: different cells among them, that is after vertices on no path are dropped.
    """
    mean, deviation = mu.mean(dim=0), mu.std(dim=0)
    graphs, keys, n_valid = np.empty(0, np.uint64), np.empty(0, np.uint64), 0
    for start in range(0, n, DECODED_AT_ONCE):
        noise = torch.randn(min(DECODED_AT_ONCE, n - start), *mu.shape[1:], generator=generator)
        found = decoded(vae, mean + deviation * noise, space_name)
        n_valid += len(found[0])
        graphs, keys = np.union1d(graphs, found[0]), np.union1d(keys, found[1])
    return {
        "validity": n_valid / n,
        "uniqueness": len(graphs) / max(n_valid, 1),
        "unique_cells": len(keys) / max(n_valid, 1),
    }


def decoded(vae: Arch2Vec, z: torch.Tensor, space_name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (fingerprints of the graphs, keys of the cells) of what is valid in decoded z (B, V, L)."""
    vae.eval()
    with torch.inference_mode():
        ops, adj = vae.decode(z.to(next(vae.parameters()).device))
        ops, adj = ops.argmax(-1).to(torch.uint8).cpu(), (adj > 0).triu(1).to(torch.uint8).cpu()
    ops, adj, cells = ops.numpy(), adj.numpy(), graph_shape(space_name).cells
    archs, valid = from_graphs(space_name, *(a.repeat(cells, axis=0) for a in (ops, adj)))
    return graph_fingerprints(ops[valid], adj[valid]), load(space_name).cell_key(archs[valid])
