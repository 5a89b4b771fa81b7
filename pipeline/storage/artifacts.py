"""Reading and writing artifacts: HDF5, JSON, CSV and text, each written whole or not at all.

An HDF5 artifact says in its root attributes what it is (`kind`), and in `provenance` (JSON) which
settings, code, versions and inputs made it. Everything that differs from run to run (clock times,
the machine) goes to a small sidecar `<artifact>.run.json`, so that the artifact itself has the same
bytes whenever the same configuration makes it on a CPU.

Layout shared by all kinds: `/table` holds columns of equal length (what `export` turns into CSV),
`/archs` the architectures that its rows belong to, everything else is the kind's own.
"""

from __future__ import annotations

import io
import json
import platform
import re
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
from pipeline.storage.files import replacing
from pipeline.storage.plain_h5 import check_plain
from pipeline.storage.sidecars import again, read_run_record, verified_checksum, write_run_record

FORMAT = 1
_NOT_THERE = re.compile("nable to (synchronously )?open|an't (synchronously )?open")  # h5py's KeyErrors
PACKAGES = ("h5py", "nasbench-pytorch", "numpy", "scikit-learn", "torch", "xgboost-cpu")


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

    inputs: files, or name -> file where the artifact must not depend on where a file lies. Raises
    ArtifactError if one cannot be read, or is an artifact whose content is not what was written.
    """
    named = inputs if isinstance(inputs, Mapping) else {str(path): path for path in inputs}
    return {
        "stage": job.stage,
        "settings": job.settings,
        "seed": job.seed,
        "code": job.code,
        "modules": job.modules,
        "versions": versions(),
        "inputs": {name: verified_checksum(path) for name, path in named.items()},
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
    with (
        replacing(path, lambda draft: write_run_record(path, job, run, draft)) as temporary,
        _Draft(temporary, "w+") as draft,
    ):
        try:
            with h5py.File(draft, "w", libver="latest") as handle:
                yield handle
                handle.attrs["kind"] = kind
                handle.attrs["format"] = FORMAT
                handle.attrs["provenance"] = canonical_json(made_from)
        finally:
            if draft.failure is not None:
                raise draft.failure


def write_text_artifact(path, text: str, job: Job, inputs: Sequence = ()) -> None:
    """Write a text artifact (CSV, HTML) atomically; what made it goes to its sidecar."""
    run = {"provenance": provenance(job, inputs)}
    with replacing(path, lambda draft: write_run_record(path, job, run, draft)) as temporary:
        temporary.write_bytes(text.encode())


def read_provenance(path) -> dict:
    """Return what made the artifact `path` (see `provenance`). Raises ArtifactError if that is unknown."""
    if str(path).endswith(".h5"):
        with open_h5(path) as handle:
            return get_provenance(handle)
    record = read_run_record(path)
    if "provenance" not in record:
        raise ArtifactError(f"{path}: nothing is recorded about what made it ({path}.run.json is missing)")
    return record["provenance"]


@contextmanager
def open_h5(path, kind: str | Sequence[str] | None = None) -> Iterator[h5py.File]:
    """Open an artifact for reading.

    Raises ArtifactError if the file is missing, is not a whole HDF5 file, was not written by
    nasflow, is of another kind than `kind`, is not plain (`plain_h5`), or if a checksum fails or something
    turns out to be missing while it is read.
    """
    path = Path(path)
    if not path.is_file():
        what = "no regular file" if path.exists() else "no such file"
        raise ArtifactError(f"{path}: {what}; run the stage that makes it (snakemake {path})")
    try:
        handle = h5py.File(path, "r")
    except (OSError, RuntimeError) as error:
        if path.suffix != ".h5":
            raise ArtifactError(f"{path}: no artifact of nasflow; expected an HDF5 file (.h5)") from error
        if isinstance(error, PermissionError):
            raise ArtifactError(f"{path}: cannot be read ({error.strerror}); mend its permissions") from error
        raise ArtifactError(f"{path}: not a whole HDF5 file (cut short or damaged); {again(path)}") from error
    with handle:
        check_plain(handle, path)
        found = handle.attrs.get("kind")
        wanted = (kind,) if isinstance(kind, str) else kind
        if not isinstance(found, str):
            raise ArtifactError(f"{path}: was not written by nasflow (it has no attribute 'kind')")
        if wanted is not None and found not in wanted:
            raise ArtifactError(f"{path}: holds {found!r}, expected {' or '.join(map(repr, wanted))}")
        try:
            yield handle
        except OSError as error:
            if "read" not in str(error).lower():
                raise
            raise ArtifactError(
                f"{path}: a checksum fails inside (the file is damaged); {again(path)}"
            ) from error
        except (KeyError, RecursionError, json.JSONDecodeError) as error:
            if isinstance(error, KeyError) and not _NOT_THERE.search(str(error)):
                raise
            reason = "nested too deeply" if isinstance(error, RecursionError) else error
            raise ArtifactError(f"{path}: lacks what {found!r} has ({reason}); {again(path)}") from error


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
