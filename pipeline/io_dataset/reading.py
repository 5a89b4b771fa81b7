"""Reading the input-output data set as targets for info-NAS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.artifacts import get_archs, get_table, open_h5
from pipeline.errors import DataError
from pipeline.io_dataset.preprocessing import (
    Moments,
    Network,
    Scale,
    WholeSet,
    aligned,
    fit_scale,
)
from pipeline.io_dataset.settings import PreprocessingSettings
from pipeline.spaces.archs import Archs

KIND = "io_dataset"
SUBSETS = {  # name -> (network role, image role); thesis, table 3.4
    "train": (0, 0),
    "unseen_networks": (1, 0),
    "unseen_images": (0, 1),
    "unseen_both": (1, 1),
}
VALID_SHARE = 10  # one in so many training networks validates on unseen images in the thesis


@dataclass(frozen=True)
class IoDataset:
    """Targets of N networks for I images.

    archs, cells: the networks. network_role (N,) and image_role (I,): 0 for training, 1 unseen.
    image_index (I,): rows of the image set. labels (I,). targets: float32 (N, I, F), pre-processed.
    scales: of each network. whole_set: the standardisation in the targets, None if there is none.
    """

    archs: Archs
    cells: list[str]
    network_role: np.ndarray
    image_role: np.ndarray
    image_index: np.ndarray
    labels: np.ndarray
    targets: np.ndarray
    scales: list[Scale]
    whole_set: WholeSet | None
    images_checksum: str

    def subset(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (rows of networks, rows of images) of one of `SUBSETS`; see `subset_rows`."""
        return subset_rows(name, self.network_role, self.image_role)


def subset_rows(name: str, network_role, image_role) -> tuple[np.ndarray, np.ndarray]:
    """Return (rows of networks, rows of images) of a named part of the data set.

    `SUBSETS`: "train", "unseen_networks", "unseen_images", "unseen_both". The thesis divides the third
    once more (table 3.4): "unseen_images_valid", the first tenth of the training networks, and
    "unseen_images_test", the others. Raises ValueError for another name.
    """
    base = name.removesuffix("_valid").removesuffix("_test")
    if base not in SUBSETS or (base != name and base != "unseen_images"):
        raise ValueError(
            f"no subset {name!r}; expected one of {', '.join(SUBSETS)}, unseen_images_valid or _test"
        )
    network, image = SUBSETS[base]
    networks, images = np.flatnonzero(network_role == network), np.flatnonzero(image_role == image)
    tenth = -(-len(networks) // VALID_SHARE)
    part = slice(0, tenth) if name.endswith("_valid") else slice(tenth if name.endswith("_test") else 0, None)
    return networks[part], images


def stream(handle, settings: PreprocessingSettings) -> Iterator[tuple[Network, Scale]]:
    """Yield each network of an open file with its scale, fitted on seen images; one in memory at a time."""
    seen = handle["image_role"][()] == 0
    for outputs, weights, bias in zip(
        handle["outputs"], handle["class_weights"], handle["class_bias"], strict=True
    ):
        network = Network.of(outputs, weights, bias, settings)
        yield network, fit_scale(network, seen, settings)


def load_io_dataset(path: Path | str, settings: PreprocessingSettings) -> IoDataset:
    """Read and pre-process a data set, network by network.

    The whole-set statistics come from training networks and seen images alone; every network is scaled by
    statistics of its own, of seen images. Memory: the targets and one network.
    Raises DataError if it has no network for training, ArtifactError if the file is damaged.
    """
    with open_h5(path, KIND) as handle:
        labels = handle["labels"][()].astype(np.int64)
        network_role, image_role = handle["network_role"][()], handle["image_role"][()]
        if not (network_role == 0).any():
            raise DataError(f"{path}: there is no network for training in it")
        targets, scales, moments = None, [], None
        for i, (network, scale) in enumerate(stream(handle, settings)):
            values = aligned(network, labels, scale, settings)
            if targets is None:
                targets, moments = (
                    np.empty((len(network_role), *values.shape), np.float32),
                    Moments(values.shape[1]),
                )
            targets[i] = values
            scales.append(scale)
            if network_role[i] == 0:
                moments.add(values[image_role == 0])
        whole_set = moments.whole_set() if settings.whole_set else None
        if whole_set is not None:
            targets -= whole_set.mean
            targets /= whole_set.std
        return IoDataset(
            archs=get_archs(handle),
            cells=get_table(handle)["cell"].tolist(),
            network_role=network_role,
            image_role=image_role,
            image_index=handle["image_index"][()],
            labels=labels,
            targets=targets,
            scales=scales,
            whole_set=whole_set,
            images_checksum=str(handle.attrs["images_checksum"]),
        )
