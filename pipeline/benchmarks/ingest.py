"""The stage `ingest`: a benchmark table from a benchmark file."""

from __future__ import annotations

import hashlib
import importlib
import logging
from pathlib import Path

import numpy as np

from pipeline import spaces
from pipeline.benchmarks.source import Source, check
from pipeline.benchmarks.split import roles
from pipeline.errors import DataError

HELP = "Read a benchmark file (as its authors publish it, or a CSV) and write it as a benchmark table."

log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--file",
        type=Path,
        required=True,
        help="benchmark file or folder to read; its name says which entry of `files`",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="HDF5 file to write")


def run(args, job) -> None:
    """Write the table. Raises DataError if the file is not what it should be; nothing is written then."""
    from pipeline.benchmarks.file_settings import FileTableSettings
    from pipeline.benchmarks.tables import write_table

    settings = FileTableSettings(**job.settings)
    table, notes = read_table(args.file, settings, job.seed)
    write_table(args.out, table, job, inputs={args.file.name: args.file}, notes=notes)
    counts = [len(table.rows(role)) for role in ("labelled", "held_out")]
    log.info("%s: %d cells of %s (%d labelled, %d held out)", args.out, len(table), settings.space, *counts)


def read_table(path: Path, settings, seed: int):
    """Return (BenchmarkTable, {cost: how it is counted}) of the file or folder at `path`.

    settings: `FileTableSettings`. Raises DataError, naming file and place, if it is not there, is not what
    its reader expects, or has another checksum than asked for; ConfigError if the split does not fit.
    """
    from pipeline.benchmarks.file_settings import FileSettings
    from pipeline.benchmarks.tables import BenchmarkTable

    if not path.exists():
        where = f"data_dir and benchmarks.{settings.benchmark}.files"
        raise DataError(f"{path}: no such file or folder; see {where} in the configuration")
    if not path.is_file() and not path.is_dir():  # a pipe or a device would never end
        raise DataError(f"{path}: neither a regular file nor a folder; give the benchmark's own file")
    own = {k: v for k, v in settings.file.items() if k not in ("reader", *FileSettings.model_fields)}
    reader = importlib.import_module(f"pipeline.benchmarks.readers.{settings.file['reader']}")
    facts = {"reader": settings.file["reader"], "reader_version": reader.VERSION, "file": path.name}
    check_sums(path, settings.file["sha256"], settings.file["md5"])
    source = reader.read(path, reader.Settings(**own), settings.space)
    check(source, path)
    source = _within(source, settings.space, path)
    for metric in (settings.val_metric, settings.test_metric):
        if metric is not None and metric not in source.metrics:
            raise DataError(f"{path}: it has no metric {metric!r}, but {', '.join(sorted(source.metrics))}")
    table = BenchmarkTable(
        name=settings.benchmark,
        archs=source.archs,
        cells=list(source.cells),
        role=roles(len(source.archs), settings.split, seed, settings.benchmark),
        metrics={name: np.asarray(values, np.float32) for name, values in source.metrics.items()},
        val_metric=settings.val_metric,
        test_metric=settings.test_metric,
        costs=dict(source.costs),
        source=facts,
    )
    return table, source.notes


def _within(source: Source, space: str, path: Path) -> Source:
    """Return the source without the cells that lie outside the configured space."""
    if source.archs.space != spaces.base(space):
        raise DataError(f"{path}: holds cells of {source.archs.space}, but the configured space is {space}")
    if space == source.archs.space:
        return source
    inside = np.flatnonzero(spaces.load(space).validate(source.archs))
    if not len(inside):
        raise DataError(f"{path}: none of its {len(source.archs)} cells is in the space {space}")
    log.info("%s: %d of %d cells are in %s", path, len(inside), len(source.archs), space)
    return Source(
        archs=source.archs[inside],
        cells=[source.cells[row] for row in inside],
        metrics={name: values[inside] for name, values in source.metrics.items()},
        costs={name: np.asarray(values)[inside] for name, values in source.costs.items()},
        notes=source.notes,
        where=source.where,
    )


def check_sums(path: Path, sha256: str | None, md5: str | None) -> None:
    """Compare a file's checksums with what they have to begin with, where that is given.

    Raises DataError if one differs, or for a folder, which has none.
    """
    wanted = {name: value for name, value in (("sha256", sha256), ("md5", md5)) if value}
    if wanted and path.is_dir():
        raise DataError(f"{path}: a checksum was given, but this is a folder; remove {', '.join(wanted)}")
    for name, value in wanted.items():
        with open(path, "rb") as handle:
            found = hashlib.file_digest(handle, lambda name=name: hashlib.new(name, usedforsecurity=False))
        begins = found.hexdigest()[: len(value)]
        if begins != value:
            raise DataError(
                f"{path}: wrong {name}: it begins with {begins}, expected {value}; the download is damaged "
                "or of another version; fetch it again, or change the checksum in the configuration"
            )
