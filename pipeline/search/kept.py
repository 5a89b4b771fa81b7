"""Finished parts of a search, kept until its artifact is written, so that one that was stopped goes on."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.errors import ArtifactError
from pipeline.job import Job
from pipeline.search.loop import Trajectory
from pipeline.settings import canonical_json
from pipeline.storage.artifacts import (
    get_archs,
    get_table,
    open_h5,
    provenance,
    put_archs,
    put_table,
    write_h5,
)
from pipeline.storage.sidecars import verified_checksum

KIND = "search part"


class KeptParts:
    """A folder of parts, all of one search: of equal settings, seed, code, inputs and device.

    The number of runs may differ, as no run depends on it. Parts of another search are never used.
    """

    def __init__(self, out: Path, job: Job, inputs: Sequence[Path], device: str):
        """out: the artifact that the parts are for. inputs: files that the search reads."""
        of_runs = {key: value for key, value in job.settings.items() if key != "n_runs"}
        which = provenance(Job(job.stage, of_runs, job.seed, job.code), inputs) | {"device": device}
        self.folder = _folder(out) / hashlib.sha256(canonical_json(which).encode()).hexdigest()[:16]
        self.job = Job(job.stage, of_runs, job.seed, job.code, job.modules, job.device)

    def get(self, runs: range, compute: Callable[[range], Trajectory]) -> Trajectory:
        """Return the trajectory of `runs` that is kept, or what `compute` returns, which is kept then."""
        file = self.folder / f"runs_{runs.start}_{runs.stop}.h5"
        try:
            verified_checksum(file)
            with open_h5(file, KIND) as handle:
                table = get_table(handle)
                return Trajectory({name: table[name].to_numpy() for name in table}, get_archs(handle))
        except (ArtifactError, OSError, KeyError):  # not there yet, or damaged
            trajectory = compute(runs)
        with write_h5(file, KIND, self.job) as handle:
            put_archs(handle, trajectory.archs)
            put_table(handle, trajectory.columns)
        return trajectory


def remove_parts(out: Path) -> None:
    """Remove what is kept for the artifact `out`, of earlier searches as well."""
    shutil.rmtree(_folder(out), ignore_errors=True)


def _folder(out: Path) -> Path:
    return out.with_name(f"{out.name}.parts")
