"""The sidecar of an artifact, `<artifact>.run.json`: when and where it was made, and what was written.

`sha256` and `bytes` are of the artifact's content, so that one that was damaged or edited since is never
used. The sidecar is renamed before the artifact is: whoever sees the new artifact sees its sidecar, too, also
on another machine that shares the folder. A process that is killed between the two leaves the sidecar of an
artifact that never came; `earlier` is the checksum of what stood there before, which is no damage.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.errors import ArtifactError
from pipeline.job import Job
from pipeline.storage.files import checksum, write_text

DIFFERS = "its content differs from what was written"


def sidecar_of(path) -> Path:
    """Return the sidecar's path."""
    return Path(f"{path}.run.json")


def write_run_record(path, job: Job, run: Mapping | None = None, draft: Path | None = None) -> None:
    """Write the sidecar of `path`. run: more facts. draft: the file that is about to be renamed to `path`."""
    record = {
        "stage": job.stage,
        "started": round(job.started, 3),
        "wall_seconds": round(time.time() - job.started, 3),
        "device": job.device,
        "threads": job.threads,
        "machine": platform.machine(),
        **(run or {}),
    }
    if draft is not None:
        record |= {"sha256": checksum(draft), "bytes": os.path.getsize(draft)}
        earlier = _intact_now(path)
        if earlier not in (None, record["sha256"]):
            record["earlier"] = earlier
    write_text(sidecar_of(path), json.dumps(record, indent=1, sort_keys=True) + "\n")


def read_run_record(path) -> dict:
    """Return the sidecar of `path`, or an empty dict if it is not there, or no sidecar."""
    try:
        with open(f"{path}.run.json", "rb") as file:
            record = json.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def verified_checksum(path) -> str:
    """Return the SHA-256 of a file that is about to be used, or of a folder.

    Raises ArtifactError if it cannot be read, or if it is an artifact whose content is not what was written.
    One without a sidecar, or whose sidecar holds no checksum, is taken as it is.
    """
    try:
        found = checksum(path)
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{path}: no such file; run the stage that makes it (snakemake {path})"
        ) from error
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be read ({error.strerror}); mend that, or {again(path)}"
        ) from error
    sums = _sums(read_run_record(path))
    if sums and found not in sums:
        raise ArtifactError(f"{path}: its content is not what was written (checksum); {again(path)}")
    return found


def verify(paths: Iterable[str]) -> None:
    """Raise ArtifactError if one of the files has a sidecar, and another content than it says."""
    for path in paths:
        if os.path.isfile(sidecar_of(path)) and os.path.exists(path):
            verified_checksum(path)


def changed_since_written(files: Iterable[str], limit: int) -> str | None:
    """Return what is wrong with the first of `files` that was changed after it was written, or None.

    Quick: only files of at most `limit` bytes that are newer than their sidecar are read, as the sidecar is
    written when the artifact's content is complete. Jobs compare what they read, whatever its time and size.
    """
    for file in files:
        try:
            made, now = os.stat(sidecar_of(file)), os.stat(file)
        except OSError:
            continue
        if now.st_mtime_ns > made.st_mtime_ns and now.st_size <= limit:
            try:
                verified_checksum(file)
            except ArtifactError as error:
                return str(error)
    return None


def again(path) -> str:
    """Return what a user does about a damaged artifact, as the end of a sentence."""
    remove = "rm -r" if os.path.isdir(path) else "rm"
    return f"delete it and run again: {remove} {path} && snakemake --cores all"


def _sums(record: dict) -> list[str]:
    """Return the checksums that the artifact of a sidecar may have; none if it says nothing."""
    return [record[key] for key in ("sha256", "earlier") if key in record and "sha256" in record]


def _intact_now(path) -> str | None:
    """Return the checksum of what stands in `path` as long as it is whole; None if nothing does."""
    try:
        return verified_checksum(path)
    except ArtifactError:
        return None
