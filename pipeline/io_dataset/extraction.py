"""Outputs of one trained network."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from pipeline import spaces
from pipeline.children.settings import NetworkSettings, TrainingSettings
from pipeline.errors import ConfigError, DataError
from pipeline.spaces.archs import Archs


class Outputs(NamedTuple):
    """values: float32 or float16 (images, ...). class_weights: (classes, C). class_bias: (classes,)."""

    values: np.ndarray
    class_weights: np.ndarray
    class_bias: np.ndarray


def extract(
    arch: Archs, weights: dict, recipe: dict, pixels: np.ndarray, classes: int, settings, device
) -> Outputs:
    """Return what one trained network puts out for images, in evaluation mode, with its dense layer.

    values: (images, C) of the global average pooling, (images, classes) probabilities, or (images, C, H, W)
    of a cell. arch: one cell. weights: the network's parameters and buffers by name. recipe: `network` and
    `training` of its child network, plain. pixels: float32 (images, channels, H, W), normalised as for
    training. Memory: these values and one batch.
    Raises ConfigError if there is no such cell, DataError if a value is no number that the type can hold.
    """
    build_network = spaces.network(arch.space).build_network
    training = TrainingSettings(**recipe["training"])  # batch norm's eps counts in evaluation too
    norm = training.batch_norm_momentum, training.batch_norm_eps
    model = build_network(arch, NetworkSettings(**recipe["network"]), pixels.shape[1], classes, *norm)
    model.load_state_dict({name: torch.as_tensor(values) for name, values in weights.items()})
    model.to(device).eval()
    layer, values = layer_of(model, settings), None
    with torch.inference_mode():
        for start in range(0, len(pixels), settings.batch_size):
            batch = torch.as_tensor(pixels[start : start + settings.batch_size], device=device)
            part = layer(batch).float().cpu().numpy()
            if values is None:
                values = np.empty((len(pixels), *part.shape[1:]), settings.dtype)
            with np.errstate(over="ignore"):  # said below
                values[start : start + len(part)] = part
    if not np.isfinite(values).all():
        raise DataError(
            f"an output is no finite {settings.dtype}; "
            + ("set io_dataset.dtype: float32" if settings.dtype == "float16" else "its training diverged")
        )
    dense = model.classifier
    return Outputs(values, dense.weight.detach().cpu().numpy(), dense.bias.detach().cpu().numpy())


def layer_of(model, settings):
    """Return the function images -> output of the configured layer. Raises ConfigError for no such cell."""
    if settings.layer == "gap":
        return model.features
    if settings.layer == "probabilities":
        return lambda images: model(images).softmax(dim=1)
    number = len(model.cells) - 1 if settings.cell is None else settings.cell
    if number >= len(model.cells):
        raise ConfigError(
            f"io_dataset.cell: {number}, but a network has {len(model.cells)} cells, counted from 0"
        )
    found = []
    model.cells[number].register_forward_hook(lambda module, inputs, output: found.append(output))

    def feature_map(images):
        model.features(images)
        return found.pop()

    return feature_map
