"""The list of a space's architectures as an artifact, and the seeded permutation of it.

Of a space that is too large to be listed, a random sample is: the catalogue.

Everything that "takes n cells of the space" takes consecutive rows of one permutation: first the
held-out cells, then the labelled ones, then the candidates for zero-shot scoring. So these never overlap.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.errors import ConfigError
from pipeline.job import Job
from pipeline.randomness import rng
from pipeline.spaces import UNLISTED, load
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import get_archs, open_h5, put, put_archs, put_table, write_h5

KIND = "space"


def write_space(name: str, path: Path | str, job: Job) -> int:
    """Write every unique architecture of the space `name` to `path`; return how many there are.

    Of a space that is too large for that, it is `job.settings["catalogue"]` different ones, drawn by the
    space's `sample` with the job's seed.
    Raises ConfigError for an unknown name, ArtifactError if `path` cannot be written.
    """
    space = load(name)
    if name in UNLISTED:
        drawn = space.sample(job.settings["catalogue"], rng(job.seed, "catalogue", name))
        archs = space.from_key(space.cell_key(drawn))  # canonical, as networks are built
    else:
        archs = space.enumerate_cells()
    with write_h5(path, KIND, job) as handle:
        handle.attrs["space"] = name
        put_archs(handle, archs)
        put(handle, "keys", space.cell_key(archs))
        columns = {"index": np.arange(len(archs), dtype=np.uint32)}
        if archs.adj is None:
            columns["cell"] = space.cell_ids(archs)
        else:
            columns["vertices"] = space.vertices(archs.ops).astype(np.uint8)
            columns["edges"] = archs.adj.sum(axis=(1, 2), dtype=np.uint8)
        put_table(handle, columns)
    return len(archs)


def load_space(path: Path | str) -> tuple[Archs, np.ndarray]:
    """Return all architectures of a space and their keys (`cell_key`), uint64 (N,), in the same order."""
    with open_h5(path, KIND) as handle:
        return get_archs(handle), handle["keys"][()]


def sampled(path: Path | str, seed: int, start: int, stop: int) -> Archs:
    """Return rows [start, stop) of the seeded permutation of the space at `path`.

    Raises ConfigError if the space has fewer than `stop` architectures.
    """
    with open_h5(path, KIND) as handle:
        archs, name = get_archs(handle), str(handle.attrs["space"])
    return archs[permutation(name, len(archs), seed, start, stop)]


def permutation(space: str, size: int, seed: int, start: int, stop: int) -> np.ndarray:
    """Return positions [start, stop) of the seeded permutation of `size` architectures, int64."""
    if not 0 <= start <= stop:
        raise ValueError(f"rows {start} to {stop} are not a range")
    if stop > size:
        listed, remedy = ("has", "ask for fewer")
        if space in UNLISTED:
            listed, remedy = ("has a catalogue of", "ask for fewer, or raise catalogue")
        raise ConfigError(
            f"space: {space} {listed} {size} architectures, but {stop} were asked for in all "
            f"(held-out, labelled and candidates together); {remedy}"
        )
    return rng(seed, "sample", space).permutation(size)[start:stop]
