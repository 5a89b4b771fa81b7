"""Trained networks kept one file each, so that none is trained twice."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from pipeline.children.device_images import DeviceImages
from pipeline.children.interleaved import interleaved
from pipeline.children.reading import KIND, times, unpack, write_chunk
from pipeline.children.settings import NetworkSettings, TrainingSettings
from pipeline.children.training import ChildResult, identity, network_training
from pipeline.errors import ArtifactError
from pipeline.images.sets import ImageSet
from pipeline.job import Job
from pipeline.spaces import load
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import get_table, open_h5
from pipeline.storage.files import checksum
from pipeline.storage.sidecars import read_run_record


class Kept:
    """A folder of trained networks, all of one image set, size, recipe, seed and code.

    The folder's name is their identity, so networks of another one are never used. A network that was
    under way when its process was killed is continued. Several processes may share the folder: what one has
    finished before another begins it is not trained twice, and where both train it at once they write the
    same bytes, each file whole.
    """

    def __init__(
        self, folder: Path, images: ImageSet, network: dict, training: dict, space: str, job: Job, device
    ):
        self.images, self.network, self.training = (
            images,
            NetworkSettings(**network),
            TrainingSettings(**training),
        )
        self.device, self.seed = device, job.seed
        which = identity(images, self.network, self.training, job.seed, space)
        how = {
            "network": self.network.model_dump(mode="json"),
            "training": self.training.model_dump(mode="json"),
        }
        # the same file whichever chunk or strategy asks for a network
        self.job = replace(job, stage="network", settings={"space": space} | how, code=which, modules={})
        self.folder = Path(folder) / which
        self._data: DeviceImages | None = None

    def get(self, arch: Archs) -> tuple[ChildResult, bool]:
        """Return the network of the one cell in `arch`, and whether it had to be trained now."""
        _, result, now = next(self.get_all(arch))
        return result, now

    def get_all(self, archs: Archs, side_by_side: int = 1) -> Iterator[tuple[int, ChildResult, bool]]:
        """Yield (row in `archs`, network, whether it had to be trained now), as they are done.

        side_by_side: so many are trained at a time; compiled ones always one by one. However a cell's
        vertices are numbered in `archs`, it is built and trained in canonical order.
        """
        space = load(archs.space)
        archs = space.from_key(space.cell_key(archs))
        cells, rows = space.cell_ids(archs), {}
        for row, cell in enumerate(cells):
            rows.setdefault(cell, []).append(row)
        wanting = []
        for cell, same in rows.items():
            found = read_network(self._file(cell))
            if found is None:
                wanting.append(cell)
            else:
                yield from ((row, found, False) for row in same)
        if not wanting:
            return
        if self._data is None:
            self._data = DeviceImages.of(self.images, self.training.shift, self.device)
        lanes = 1 if self.training.compile else side_by_side
        trainings = (self._training(archs[rows[cell][0]], cell) for cell in wanting)
        for place, (result, now) in interleaved(trainings, lanes, torch.device(self.device)):
            cell = wanting[place]
            if now:
                self._keep(archs[rows[cell][0]], result)
            yield from ((row, result, now) for row in rows[cell])

    def _file(self, cell: str) -> Path:
        return self.folder / f"{cell}.h5"

    def _training(self, arch: Archs, cell: str) -> Generator[None, None, tuple[ChildResult, bool]]:
        """Return the network, and whether it was trained; it may have been kept by another process by now."""
        found = read_network(self._file(cell))
        if found is not None:
            return found, False
        how = self.images, self.network, self.training, self.seed, self.device
        trained = network_training(arch, *how, self._file(cell).with_suffix(".pt"), self._data)
        return (yield from trained), True

    def _keep(self, arch: Archs, result: ChildResult) -> None:
        file = self._file(result.cell)
        write_chunk(file, arch, [-1], [result], self.images, self.job, [], times([result]))
        file.with_suffix(".pt").unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove what is kept, and the folder above if nothing else is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            self.folder.parent.rmdir()


def read_network(file: Path) -> ChildResult | None:
    """Return the network kept in `file`; None if it is not there, or damaged (it is trained again then)."""
    record = read_run_record(file)
    try:
        if record.get("sha256") != checksum(file):
            return None
        with open_h5(file, KIND) as handle:
            row = get_table(handle).iloc[0]
            return ChildResult(
                cell=row["cell"],
                status=row["status"],
                reason=row["reason"],
                params=int(row["params"]),
                curves={name: handle["curves"][name][0] for name in handle["curves"].attrs["names"]},
                state=unpack(handle["weights"][row["cell"]]) if row["status"] == "ok" else {},
                epoch_seconds=record["epoch_seconds"][row["cell"]],
            )
    except (ArtifactError, OSError, KeyError, IndexError):
        return None
