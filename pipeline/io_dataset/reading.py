"""Reading the input-output data set as targets for info-NAS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.artifacts import get_archs, get_table, open_h5
from pipeline.errors import DataError
from pipeline.io_dataset.preprocessing import PreprocessingSettings, WholeSet, aligned, fit_whole_set
from pipeline.spaces.archs import Archs

SUBSETS = {  # name -> (network role, image role); thesis, table 3.4
    "train": (0, 0),
    "unseen_networks": (1, 0),
    "unseen_images": (0, 1),
    "unseen_both": (1, 1),
}


@dataclass(frozen=True)
class IoDataset:
    """Targets of N networks for I images.

    archs, cells: the networks. network_role (N,) and image_role (I,): 0 for training, 1 unseen.
    image_index (I,): rows of the image set. labels (I,). targets: float32 (N, I, F), pre-processed.
    whole_set: the standardisation in them, None if there is none.
    """

    archs: Archs
    cells: list[str]
    network_role: np.ndarray
    image_role: np.ndarray
    image_index: np.ndarray
    labels: np.ndarray
    targets: np.ndarray
    whole_set: WholeSet | None
    images_checksum: str

    def subset(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (rows of networks, rows of images) of one of `SUBSETS`."""
        network, image = SUBSETS[name]
        return np.flatnonzero(self.network_role == network), np.flatnonzero(self.image_role == image)


def load_io_dataset(path: Path | str, settings: PreprocessingSettings) -> IoDataset:
    """Read and pre-process a data set.

    Raises DataError if it has no network for training, ArtifactError if the file is damaged.
    """
    with open_h5(path, "io_dataset") as handle:
        labels = handle["labels"][()]
        network_role, image_role = handle["network_role"][()], handle["image_role"][()]
        if not (network_role == 0).any():
            raise DataError(f"{path}: there is no network for training in it")
        weights, bias = handle["class_weights"], handle["class_bias"]
        targets = np.stack(
            [aligned(handle["outputs"][i], weights[i], bias[i], labels, settings) for i in range(len(network_role))]
        )
        whole_set = None
        if settings.whole_set:
            whole_set = fit_whole_set(targets[network_role == 0][:, image_role == 0])
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
            whole_set=whole_set,
            images_checksum=str(handle.attrs["images_checksum"]),
        )
