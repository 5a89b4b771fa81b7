"""Outputs of one trained network."""

from __future__ import annotations

import numpy as np
import torch

from pipeline import spaces
from pipeline.children.settings import NetworkSettings, TrainingSettings
from pipeline.spaces.archs import Archs


def gap_outputs(arch: Archs, weights: dict, recipe: dict, pixels: np.ndarray, classes: int, settings, device):
    """Return (features float32 (images, C), dense weights (classes, C), dense bias (classes,)).

    The features are the output of the global average pooling in evaluation mode. arch: one cell.
    weights: the network's parameters and buffers by name. recipe: `network` and `training` of its child
    network, plain. pixels: float32 (images, channels, H, W), normalised as for training.
    """
    build_network = spaces.network(arch.space).build_network
    training = TrainingSettings(**recipe["training"])  # batch norm's eps counts in evaluation too
    norm = training.batch_norm_momentum, training.batch_norm_eps
    model = build_network(arch, NetworkSettings(**recipe["network"]), pixels.shape[1], classes, *norm)
    model.load_state_dict({name: torch.as_tensor(values) for name, values in weights.items()})
    model.to(device).eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(pixels), settings.batch_size):
            batch = torch.as_tensor(pixels[start : start + settings.batch_size], device=device)
            parts.append(model.features(batch).float().cpu().numpy())
    dense = model.classifier
    return np.concatenate(parts), dense.weight.detach().cpu().numpy(), dense.bias.detach().cpu().numpy()
