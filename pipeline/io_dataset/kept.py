"""Outputs kept one file a network while a data set is under way, so that a killed run loses one at most."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np

from pipeline.io_dataset.extraction import Outputs
from pipeline.storage.kept_arrays import DAMAGED, keep_arrays, open_arrays


class KeptOutputs:
    """A folder of networks' outputs, all of one recipe, image set and code.

    identity: says which; the folder's name is made from it, so outputs of another are never used.
    Each file carries the digest of the weights that it came from, and a checksum.
    """

    def __init__(self, folder: Path, identity: str):
        self.folder = Path(folder) / hashlib.sha256(identity.encode()).hexdigest()[:16]

    def _file(self, cell: str) -> Path:
        return self.folder / f"{hashlib.sha256(cell.encode()).hexdigest()[:24]}.npz"

    def get(self, cell: str, weights: str | None = None) -> Outputs | None:
        """Return what is kept of a cell; None if there is nothing, or it is damaged or of other weights."""
        try:
            with open_arrays(self._file(cell)) as kept:
                if str(kept["cell"]) != cell or weights not in (None, str(kept["weights"])):
                    return None
                return Outputs(kept["values"], kept["class_weights"], kept["class_bias"])
        except DAMAGED:
            return None

    def put(self, cell: str, weights: str, outputs: Outputs) -> None:
        """Keep a cell's outputs, whole or not at all. Raises ArtifactError if the disk is full."""
        named = {"cell": np.array(cell), "weights": np.array(weights)}
        keep_arrays(self._file(cell), named | outputs._asdict())

    def remove(self) -> None:
        """Remove what is kept, and the folder above if nothing else is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            self.folder.parent.rmdir()


def digest(weights: dict[str, np.ndarray]) -> str:
    """Return a digest of a network's parameters and buffers, names included."""
    sha = hashlib.sha256()
    for name in sorted(weights):
        sha.update(f"{name} {weights[name].dtype} {weights[name].shape}\n".encode())
        sha.update(np.ascontiguousarray(weights[name]))
    return sha.hexdigest()[:32]
