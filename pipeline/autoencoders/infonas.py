"""info-NAS: arch2vec trained jointly with a regressor of what networks output (thesis, chapter 3)."""

from __future__ import annotations

import numpy as np
import torch

from pipeline.artifacts import checksum
from pipeline.autoencoders.io_losses import mean_baseline
from pipeline.autoencoders.joint import Pairs, train
from pipeline.autoencoders.regressor import InfoNas
from pipeline.autoencoders.training import Fitted, Task
from pipeline.autoencoders.vae import Graphs
from pipeline.encodings.graphs import graph_shape
from pipeline.errors import DataError, UserError
from pipeline.images.sets import load_images
from pipeline.io_dataset.reading import IoDataset, load_io_dataset


def fit(task: Task) -> Fitted:
    """Train a new model from torch's global random state; one row of history an epoch.

    Raises UserError if the labelled data are not given, DataError if they do not fit.
    """
    pairs = labelled_data(task)
    s, io = task.settings, pairs.io
    n_vertices, in_channels = pairs.graphs.joined_vertices, pairs.images.shape[1]
    n_features = io.targets.shape[2]
    model = InfoNas(graph_shape(task.space).n_ops, n_vertices, in_channels, n_features, s).to(task.device)
    history = train(model, pairs, task)
    baselines = {f"mean_baseline_{name}": loss for name, loss in mean_baseline(io, s.loss).items()}
    modules = {"vae": model.vae, "regressor": model.regressor}
    return Fitted(model.vae, modules, history, baselines, preprocessing(io))


def labelled_data(task: Task) -> Pairs:
    """Read and pre-process what trained networks output; graphs and images go to the device.

    Targets that are too large for memory go to a scratch file beside the checkpoint.
    """
    if task.io_dataset is None or task.images is None:
        raise UserError("info-NAS learns what trained networks output; give --io-dataset and --images")
    scratch = task.checkpoint.parent if task.checkpoint else None
    io = load_io_dataset(task.io_dataset, task.settings.preprocessing, scratch)
    images = load_images(task.images)
    if io.images_checksum != checksum(task.images):
        raise DataError(
            f"{task.io_dataset}: its outputs belong to other images than {task.images}; make it again"
        )
    if io.archs.space != task.space:
        raise DataError(f"{task.io_dataset}: holds networks of {io.archs.space}, expected {task.space}")
    pixels = torch.as_tensor(images.normalised(images.images[io.image_index]), device=task.device)
    return Pairs(io, Graphs.of(io.archs, task.device), pixels)


def preprocessing(io: IoDataset) -> dict[str, np.ndarray]:
    """Return how outputs became targets: each network's scale, and the whole-set standardisation."""
    arrays = {
        "cells": np.array(io.cells),
        "shift": np.stack([scale.shift for scale in io.scales]),
        "factor": np.stack([scale.factor for scale in io.scales]),
    }
    if io.whole_set is not None:
        arrays |= {"mean": io.whole_set.mean, "std": io.whole_set.std}
    return {f"preprocessing/{name}": values for name, values in arrays.items()}
