"""The labelled data of info-NAS: what trained networks output for images, or how accurate they are."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.autoencoders.training import Task
from pipeline.autoencoders.vae import Graphs
from pipeline.errors import DataError, UserError
from pipeline.images.sets import load_images
from pipeline.io_dataset.reading import KIND, IoDataset, load_io_dataset
from pipeline.io_dataset.roles import SEEN, UNSEEN
from pipeline.io_dataset.subsets import subset_rows
from pipeline.io_dataset.targets import Targets
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import get_archs, get_table, open_h5
from pipeline.storage.files import checksum


@dataclass(frozen=True)
class Labelled:
    """N networks, I images, F numbers to predict for each pair of the two.

    Where no image is seen, an "image" is all that the targets are a mean over: the seen ones, the unseen
    ones. archs, graphs: the networks; the graphs, and images (I, C, H, W; C = 0 without images), are on the
    device. image_index (I,): rows of the image set, -1 for a mean. Roles: 0 seen in training, 1 not.
    io: the data set that the targets were made from, where they are outputs.
    """

    archs: Archs
    graphs: Graphs
    images: Tensor
    targets: Targets
    network_role: np.ndarray
    image_role: np.ndarray
    image_index: np.ndarray
    io: IoDataset | None = None

    @property
    def n_features(self) -> int:
        """How many numbers are predicted for a pair: F."""
        return self.targets.shape[2]

    def subset(self, name: str, most_images: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Return (rows of networks, rows of images) of a named part; see `subset_rows`.

        most_images: if there are more, so many of them, evenly spread (0: all).
        """
        networks, images = subset_rows(name, self.network_role, self.image_role)
        if 0 < most_images < len(images):
            images = images[np.arange(most_images) * len(images) // most_images]
        return networks, images

    def ahead(self, batches: list[tuple[Tensor, Tensor]]) -> Iterator[Tensor]:
        """Yield the targets (B, F) of each batch of (rows of networks, rows of images), on the device."""
        for found in self.targets.ahead(batches):
            yield torch.from_numpy(found).to(self.images.device, non_blocking=True)


def load_labelled(task: Task) -> Labelled:
    """Read what the task's regressor learns; graphs and images go to the device.

    Targets that are too large for memory go to a scratch file beside the checkpoint. Raises UserError if
    the files are not given, DataError if they do not fit each other or the task.
    """
    if task.io_dataset is None or task.images is None:
        raise UserError("info-NAS learns what trained networks output; give --io-dataset and --images")
    check_files(task)
    module = importlib.import_module(f"pipeline.autoencoders.regressors.{task.settings.regressor}")
    if module.Regressor.LEARNS == "accuracy":
        return accuracies(task)
    scratch = task.checkpoint.parent if task.checkpoint else None
    io = load_io_dataset(task.io_dataset, task.settings.preprocessing, scratch)
    if task.settings.targets == "network_mean":
        return network_means(task, io)
    images = load_images(task.images)
    pixels = torch.as_tensor(images.normalised(images.images[io.image_index]), device=task.device)
    pixels = pixels.contiguous(memory_format=torch.channels_last)  # convolutions are faster so
    return Labelled(
        io.archs,
        Graphs.of(io.archs, task.device),
        pixels,
        io.targets,
        io.network_role,
        io.image_role,
        io.image_index,
        io,
    )


def check_files(task: Task) -> None:
    """Raise DataError if the data set is of another space, of other images, or has too few features."""
    path, wanted = task.io_dataset, task.settings.preprocessing
    with open_h5(path, KIND) as handle:
        space, images = str(handle["archs"].attrs["space"]), str(handle.attrs["images_checksum"])
        n_features = handle["outputs"].shape[-1]
        n_features += wanted.include_bias and str(handle.attrs["layer"]) != "probabilities"
    if space != task.space:
        raise DataError(f"{path}: holds networks of {space}, expected {task.space}; give another file")
    if images != checksum(task.images):
        raise DataError(f"{path}: its outputs belong to other images than {task.images}; make it again")
    if wanted.top_k > n_features:
        raise DataError(
            f"{path}: preprocessing.top_k is {wanted.top_k}, but its networks have {n_features} features; "
            "lower it"
        )


def network_means(task: Task, io: IoDataset) -> Labelled:
    """Return each network's mean targets, over seen and over unseen images."""
    n, _, n_features = io.targets.shape
    roles = [role for role in (SEEN, UNSEEN) if (io.image_role == role).any()]
    targets = Targets((n, len(roles), n_features))
    for network in range(n):
        values = io.targets.of_network(network)
        targets.write(network, np.stack([values[io.image_role == role].mean(axis=0) for role in roles]))
    return without_images(task, io.archs, targets, io.network_role, roles, io)


def accuracies(task: Task) -> Labelled:
    """Return each network's validation accuracy, as one number for all images."""
    path: Path = task.io_dataset
    with open_h5(path, KIND) as handle:
        archs, table, role = get_archs(handle), get_table(handle), handle["network_role"][()]
    if not (role == SEEN).any():
        raise DataError(f"{path}: there is no network for training in it")
    val_acc = table["val_acc"].to_numpy(np.float32)
    if not np.isfinite(val_acc).all():
        row = int(np.flatnonzero(~np.isfinite(val_acc))[0])
        raise DataError(f"{path}: network {table['cell'][row]} (row {row}) has no validation accuracy")
    targets = Targets((len(archs), 1, 1))
    for network, value in enumerate(val_acc):
        targets.write(network, np.full((1, 1), value))
    return without_images(task, archs, targets, role, [SEEN])


def without_images(task: Task, archs: Archs, targets: Targets, network_role, roles, io=None) -> Labelled:
    """Return labelled data with one "image" for each of `roles` and nothing to see in it."""
    return Labelled(
        archs,
        Graphs.of(archs, task.device),
        torch.empty(len(roles), 0, 1, 1, device=task.device),
        targets,
        network_role,
        np.array(roles, np.uint8),
        np.full(len(roles), -1),
        io,
    )


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
