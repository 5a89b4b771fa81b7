"""Trained networks kept one file each, so that none is trained twice."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from pipeline.artifacts import get_table, open_h5, read_run_record
from pipeline.children.reading import KIND, unpack, write_chunk
from pipeline.children.settings import NetworkSettings, TrainingSettings
from pipeline.children.training import CURVES, ChildResult, DeviceImages, identity, train_network
from pipeline.errors import ArtifactError
from pipeline.images.sets import ImageSet
from pipeline.job import Job
from pipeline.spaces import load
from pipeline.spaces.archs import Archs


class Kept:
    """A folder of trained networks, all of one image set, size, recipe, seed and code.

    The folder's name is their identity, so networks of another one are never used. A network that was
    under way when its process was killed is continued.
    """

    def __init__(
        self, folder: Path, images: ImageSet, network: dict, training: dict, space: str, job: Job, device
    ):
        self.images, self.network, self.training = (
            images,
            NetworkSettings(**network),
            TrainingSettings(**training),
        )
        self.job, self.device = job, device
        self.folder = Path(folder) / identity(images, self.network, self.training, job.seed, space)
        self._data: DeviceImages | None = None

    def get(self, arch: Archs) -> tuple[ChildResult, bool]:
        """Return the network of the one cell in `arch`, and whether it had to be trained now.

        However the cell's vertices are numbered in `arch`, it is built and trained in canonical order.
        """
        space = load(arch.space)
        arch = space.from_key(space.cell_key(arch))
        cell = space.cell_ids(arch)[0]
        file, checkpoint = self.folder / f"{cell}.h5", self.folder / f"{cell}.pt"
        found = read_network(file)
        if found is not None:
            return found, False
        if self._data is None:
            self._data = DeviceImages.of(self.images, self.training.shift, self.device)
        result = train_network(
            arch, self.images, self.network, self.training, self.job.seed, self.device, checkpoint, self._data
        )
        run_record = {"networks": {cell: round(result.seconds, 3)}}
        write_chunk(file, arch, [-1], [result], self.images, self.job, [], run_record)
        checkpoint.unlink(missing_ok=True)
        return result, True

    def remove(self) -> None:
        """Remove what is kept, and the folder above if nothing else is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            self.folder.parent.rmdir()


def read_network(file: Path) -> ChildResult | None:
    """Return the network kept in `file`; None if it is not there or damaged (it is trained again then)."""
    if not file.exists():
        return None
    try:
        with open_h5(file, KIND) as handle:
            row = get_table(handle).iloc[0]
            return ChildResult(
                cell=row["cell"],
                status=row["status"],
                reason=row["reason"],
                params=int(row["params"]),
                curves={name: handle["curves"][name][0] for name in CURVES},
                state=unpack(handle["weights"][row["cell"]]) if row["status"] == "ok" else {},
                seconds=float(read_run_record(file).get("networks", {}).get(row["cell"], float("nan"))),
            )
    except (ArtifactError, KeyError, IndexError):
        return None
