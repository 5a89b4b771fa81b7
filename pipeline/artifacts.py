"""Reading and writing artifacts: HDF5, JSON, CSV and text, each written whole or not at all.

An HDF5 artifact says in its root attributes what it is (`kind`), and in `provenance` (JSON) which
settings, code, versions and inputs made it. Everything that differs from run to run (clock times,
the machine) goes to a small sidecar `<artifact>.run.json`, so that the artifact itself has the same
bytes whenever the same configuration makes it on a CPU.

Layout shared by all kinds: `/table` holds columns of equal length (what `export` turns into CSV),
`/archs` the architectures that its rows belong to, everything else is the kind's own.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import h5py
import numpy as np

from pipeline.errors import ArtifactError
from pipeline.job import Job
from pipeline.settings import canonical_json
from pipeline.spaces.archs import Archs

FORMAT = 1
PACKAGES = ("h5py", "nasbench-pytorch", "numpy", "scikit-learn", "torch", "xgboost-cpu")


@contextmanager
def replacing(path) -> Iterator[Path]:
    """Yield a temporary path in `path`'s folder; on success flush it and rename it to `path`.

    On any exception the temporary file is removed and `path` stays as it was. Several processes may write
    the same path at once, on one machine or on several that share the folder: each has a file of its own,
    and the last one that is done stays. A full disk or a folder that cannot be written raises ArtifactError.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")  # process ids repeat on a cluster
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be written ({os.strerror(error.errno) if error.errno else error}); "
            "nothing was left behind; free space or mend permissions, then run again"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


class _Draft(io.FileIO):
    """A file that HDF5 writes to, which survives a full disk.

    The HDF5 library can crash the process when a write fails while it closes a file. So the first
    failed write is remembered, everything after it is dropped, and the error is raised at the end.
    """

    failure: OSError | None = None

    def write(self, data) -> int:
        view, done = memoryview(data).cast("B"), 0
        while done < len(view) and self.failure is None:
            try:
                done += super().write(view[done:])
            except OSError as error:
                self.failure = error
        return len(view)

    def truncate(self, size=None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return self.tell() if size is None else size


def checksum(path) -> str:
    """Return the SHA-256 of a file's content, or of the names and contents of all files in a folder."""
    if Path(path).is_dir():
        files = sorted(f for f in Path(path).rglob("*") if f.is_file())
        listed = "\n".join(f"{checksum(f)} {f.relative_to(path)}" for f in files)
        return hashlib.sha256(listed.encode()).hexdigest()
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def provenance(job: Job, inputs: Sequence | Mapping = ()) -> dict:
    """Return what made an artifact: stage, settings, seed, code, versions, input checksums.

    inputs: files, or name -> file where the artifact must not depend on where a file lies.
    """
    named = inputs if isinstance(inputs, Mapping) else {str(path): path for path in inputs}
    return {
        "stage": job.stage,
        "settings": job.settings,
        "seed": job.seed,
        "code": job.code,
        "modules": job.modules,
        "versions": versions(),
        "inputs": {name: checksum(path) for name, path in named.items()},
    }


@contextmanager
def write_h5(
    path, kind: str, job: Job, inputs: Sequence | Mapping = (), run: Mapping | None = None
) -> Iterator[h5py.File]:
    """Write an HDF5 artifact atomically; the block fills the yielded file.

    kind: what it is, checked again by `open_h5`. inputs: the files it was made from
    (see `provenance`).
    run: measured facts (seconds, …) for the sidecar; may be filled until the block ends.
    """
    made_from = provenance(job, inputs)
    with replacing(path) as temporary, _Draft(temporary, "w+") as draft:
        try:
            with h5py.File(draft, "w", libver="latest") as handle:
                yield handle
                handle.attrs["kind"] = kind
                handle.attrs["format"] = FORMAT
                handle.attrs["provenance"] = canonical_json(made_from)
        finally:
            if draft.failure is not None:
                raise draft.failure
    write_run_record(path, job, run)


def write_text_artifact(path, text: str, job: Job, inputs: Sequence = ()) -> None:
    """Write a text artifact (CSV, HTML) atomically; what made it goes to its sidecar."""
    write_text(path, text)
    write_run_record(path, job, {"provenance": provenance(job, inputs)})


def read_provenance(path) -> dict:
    """Return what made the artifact `path` (see `provenance`). Raises ArtifactError if that is unknown."""
    if str(path).endswith(".h5"):
        with open_h5(path) as handle:
            return get_provenance(handle)
    record = read_run_record(path)
    if "provenance" not in record:
        raise ArtifactError(f"{path}: nothing is recorded about what made it ({path}.run.json is missing)")
    return record["provenance"]


def write_run_record(path, job: Job, run: Mapping | None = None) -> None:
    """Write `<path>.run.json`: when, where and for how long the artifact was made."""
    record = {
        "stage": job.stage,
        "started": round(job.started, 3),
        "wall_seconds": round(time.time() - job.started, 3),
        "device": job.device,
        "threads": job.threads,
        "machine": platform.machine(),
        **(run or {}),
    }
    write_text(f"{path}.run.json", json.dumps(record, indent=1, sort_keys=True) + "\n")


def read_run_record(path) -> dict:
    """Return the sidecar of `path`, or an empty dict if it is not there."""
    try:
        return json.loads(Path(f"{path}.run.json").read_text())
    except (OSError, ValueError):
        return {}


def write_text(path, text: str) -> None:
    """Write a text file atomically (UTF-8, line ends as given)."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode())


@contextmanager
def open_h5(path, kind: str | Sequence[str] | None = None) -> Iterator[h5py.File]:
    """Open an artifact for reading.

    Raises ArtifactError if the file is missing, is not a whole HDF5 file, was not written by
    nasflow, is of another kind than `kind`, or if a checksum fails while it is read.
    """
    path = Path(path)
    if not path.exists():
        raise ArtifactError(f"{path}: no such file; run the stage that makes it (snakemake {path})")
    again = f"delete it and run the workflow again (rm {path})"
    try:
        handle = h5py.File(path, "r")
    except OSError as error:
        if path.suffix != ".h5":
            raise ArtifactError(f"{path}: no artifact of nasflow; expected an HDF5 file (.h5)") from error
        raise ArtifactError(f"{path}: not a whole HDF5 file (cut short or damaged); {again}") from error
    with handle:
        found = handle.attrs.get("kind")
        wanted = (kind,) if isinstance(kind, str) else kind
        if found is None:
            raise ArtifactError(f"{path}: was not written by nasflow (it has no attribute 'kind')")
        if wanted is not None and found not in wanted:
            raise ArtifactError(f"{path}: holds {found!r}, expected {' or '.join(map(repr, wanted))}")
        try:
            yield handle
        except OSError as error:
            if "read" not in str(error).lower():
                raise
            raise ArtifactError(f"{path}: a checksum fails inside (the file is damaged); {again}") from error


def put(group: h5py.Group, name: str, values, compress: bool = True) -> h5py.Dataset:
    """Store an array with a checksum (and, by default, light compression); strings as UTF-8 of one length."""
    values = np.asarray(values)
    if values.dtype.kind in "UO":
        texts = np.array([str(v).encode() for v in values.reshape(-1)], dtype="S").reshape(values.shape)
        values = texts.astype(h5py.string_dtype("utf-8", max(texts.itemsize, 1)))
    if values.size == 0 or values.ndim == 0:
        return group.create_dataset(name, data=values, track_times=False)
    options = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if compress else {}
    return group.create_dataset(name, data=values, fletcher32=True, track_times=False, chunks=True, **options)


def put_table(handle: h5py.File, columns: Mapping[str, Sequence]) -> None:
    """Store `/table`: columns of equal length, in the given order."""
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns differ in length: {lengths}")
    group = handle.create_group("table")
    group.attrs["columns"] = list(columns)
    for name, values in columns.items():
        put(group, name, values)


def get_table(handle: h5py.File):
    """Return `/table` as a pandas DataFrame. Raises ArtifactError if the artifact has none."""
    import pandas as pd

    if "table" not in handle:
        raise ArtifactError(f"{handle.filename}: this artifact ({handle.attrs['kind']}) has no table")
    group = handle["table"]
    columns = {}
    for name in group.attrs["columns"]:
        values = group[name]
        columns[name] = values.asstr()[()] if h5py.check_string_dtype(values.dtype) else values[()]
    return pd.DataFrame(columns)


def put_archs(handle: h5py.Group, archs: Archs, name: str = "archs") -> None:
    """Store a set of architectures as a group."""
    group = handle.create_group(name)
    group.attrs["space"] = archs.space
    put(group, "ops", archs.ops)
    if archs.adj is not None:
        put(group, "adj", archs.adj)


def get_archs(handle: h5py.Group, name: str = "archs") -> Archs:
    """Return a set of architectures stored by `put_archs`."""
    group = handle[name]
    return Archs(str(group.attrs["space"]), group["ops"][()], group["adj"][()] if "adj" in group else None)


def get_provenance(handle: h5py.File) -> dict:
    """Return what made the artifact (see `provenance`)."""
    return json.loads(handle.attrs["provenance"])
