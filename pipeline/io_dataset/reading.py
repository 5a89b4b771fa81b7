"""Reading the input-output data set as targets for info-NAS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from pipeline.errors import ArtifactError, DataError
from pipeline.io_dataset.preprocessing import Moments, Network, Scale, WholeSet, aligned, fit_scale
from pipeline.io_dataset.roles import SEEN
from pipeline.io_dataset.settings import PreprocessingSettings
from pipeline.io_dataset.targets import Targets
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import get_archs, get_table, open_h5

KIND = "io_dataset"
PARTS = ("outputs", "class_weights", "class_bias")


@dataclass(frozen=True)
class IoDataset:
    """Targets of N networks for I images.

    archs, cells: the networks. network_role (N,) and image_role (I,): 0 for training, 1 unseen.
    image_index (I,): rows of the image set. labels (I,). targets: (N, I, F), pre-processed.
    scales: of each network. whole_set: the standardisation in the targets, None if there is none.
    """

    archs: Archs
    cells: list[str]
    network_role: np.ndarray
    image_role: np.ndarray
    image_index: np.ndarray
    labels: np.ndarray
    targets: Targets
    scales: list[Scale]
    whole_set: WholeSet | None


def load_io_dataset(
    path: Path | str, settings: PreprocessingSettings, scratch: Path | None = None
) -> IoDataset:
    """Read and pre-process a data set, network by network.

    The whole-set statistics come from training networks and seen images alone; every network is scaled by
    statistics of its own, of seen images. scratch: folder for targets that are too large for memory
    (None: the system's). Memory: one network, and the targets if they are small (see `Targets`).
    Raises DataError if there is no network for training, or if the layer makes no targets; ArtifactError if
    the file is damaged.
    """
    with open_h5(path, KIND) as handle:
        check_whole(handle)
        check_layer(handle, settings)
        labels = handle["labels"][()].astype(np.int64)
        network_role, image_role = handle["network_role"][()], handle["image_role"][()]
        if not (network_role == SEEN).any():
            raise DataError(f"{path}: there is no network for training in it")
        whole_set = fit_whole_set(handle, labels, settings) if settings.whole_set else None
        targets, scales = None, []
        for i, network in networks(handle, settings):
            scales.append(fit_scale(network, labels, image_role == SEEN, settings))
            values = aligned(network, labels, scales[-1], settings)
            if whole_set is not None:
                values -= whole_set.mean
                values /= whole_set.std
            if targets is None:
                targets = Targets((len(network_role), *values.shape), settings.dtype, scratch)
            targets.write(i, values)
        return IoDataset(
            archs=get_archs(handle),
            cells=cells_of(handle),
            network_role=network_role,
            image_role=image_role,
            image_index=handle["image_index"][()],
            labels=labels,
            targets=targets,
            scales=scales,
            whole_set=whole_set,
        )


def fit_whole_set(handle, labels: np.ndarray, settings: PreprocessingSettings) -> WholeSet:
    """Return the standardisation of sorted positions, from training networks and seen images alone."""
    seen, moments = handle["image_role"][()] == SEEN, None
    for _, network in networks(handle, settings, np.flatnonzero(handle["network_role"][()] == SEEN)):
        values = aligned(network, labels, fit_scale(network, labels, seen, settings), settings)[seen]
        moments = moments or Moments(values.shape[1])
        moments.add(values)
    return moments.whole_set()


def networks(
    handle, settings: PreprocessingSettings, rows: np.ndarray | None = None
) -> Iterator[tuple[int, Network]]:
    """Yield (row, network) of an open file, of all or of some rows; one network in memory at a time.

    Raises ArtifactError if a network's checksum fails.
    """
    layer = str(handle.attrs["layer"])
    for row in range(len(handle["outputs"])) if rows is None else rows.tolist():
        yield row, Network.of(*read_network(handle, row), settings, layer)


def read_network(handle, row: int) -> list[np.ndarray]:
    """Return (outputs, dense weights, dense bias) of one network of an open file.

    Raises ArtifactError, which names the network, if a checksum fails.
    """
    try:
        return [handle[name][row] for name in PARTS]
    except OSError as error:
        raise _damaged(handle, row, "the checksum of its outputs or weights fails") from error


def check_whole(handle) -> None:
    """Raise ArtifactError if parts of an open file are missing, or do not fit each other."""
    n, n_images = handle["outputs"].shape[:2]
    expected = dict.fromkeys((*PARTS[1:], "network_role"), n)
    expected |= dict.fromkeys(("image_role", "image_index", "labels"), n_images)
    wrong = [name for name, size in expected.items() if len(handle[name]) != size]
    if wrong:
        raise ArtifactError(
            f"{handle.filename}: {wrong[0]} has {len(handle[wrong[0]])} rows, but there are outputs of {n} "
            f"networks for {n_images} images; delete it and run the workflow again (rm {handle.filename})"
        )
    for name in PARTS:
        data = handle[name]
        if data.chunks is None:
            continue
        n_pieces = prod(-(-size // chunk) for size, chunk in zip(data.shape, data.chunks, strict=True))
        if data.id.get_num_chunks() < n_pieces:  # HDF5 itself reads what was never written as zeros
            there = {data.id.get_chunk_info(k).chunk_offset[0] for k in range(data.id.get_num_chunks())}
            absent = sorted(set(range(n)) - there)
            raise _damaged(handle, absent[0] if absent else 0, f"{name}: a piece was never written")


def check_layer(handle, settings: PreprocessingSettings) -> None:
    """Raise DataError if the layer of an open file cannot be made targets with these settings."""
    layer = str(handle.attrs["layer"])
    if layer == "feature_map":
        raise DataError(
            f"{handle.filename}: holds feature maps, which are no targets; use io_dataset.layer: gap or "
            "probabilities"
        )
    if layer == "probabilities" and settings.top_k:
        raise DataError(
            f"{handle.filename}: holds class probabilities, which no weights sort; set preprocessing.top_k: 0"
        )


def verify(path: Path | str) -> int:
    """Read a whole data set and return the number of its networks; nothing is kept in memory.

    Raises ArtifactError that names the file and the first network whose outputs or weights are damaged or
    missing.
    """
    with open_h5(path, KIND) as handle:
        check_whole(handle)
        for row in range(len(handle["outputs"])):
            read_network(handle, row)
        return len(handle["outputs"])


def cells_of(handle) -> list[str]:
    """Return the ids of an open file's networks."""
    return get_table(handle)["cell"].tolist()


def _damaged(handle, row: int, why: str) -> ArtifactError:
    path = handle.filename
    return ArtifactError(
        f"{path}: network {cells_of(handle)[row]} (row {row}): {why}; "
        f"delete the file and run the workflow again (rm {path})"
    )
