"""NATS-Bench's topology space, the folder `NATS-tss-v1_0-3ffb9-simple`: NAS-Bench-201 in one file a cell.

The pickles are read by a machine that can run nothing (`safe_pickle`). Which metric is which: see
`nasbench201_trials`.
"""

from __future__ import annotations

import bz2
import io
from pathlib import Path

from pipeline.benchmarks.readers.nasbench201_table import table
from pipeline.benchmarks.readers.nasbench201_trials import FULL, LESS, UNNEEDED, Trials, TrialSettings
from pipeline.benchmarks.readers.pickle_bytes import MAX_RECORD
from pipeline.benchmarks.readers.safe_pickle import Machine
from pipeline.benchmarks.source import Source
from pipeline.errors import DataError

ORIGIN = (
    "NATS-tss-v1_0-3ffb9-simple.tar (unpack it with tar xf: a folder of meta.pickle.pbz2 and 15,625 more), "
    "by the links on https://github.com/D-X-Y/NATS-Bench"
)
VERSION = 1
_ENDING = ".pickle.pbz2"


class Settings(TrialSettings):
    """What is read from a folder of NATS-Bench."""


def read(path: Path, settings: Settings, space: str) -> Source:
    """Read a folder; the rows are in the order of the list of architectures in `meta.pickle.pbz2`.

    The trials of a metric are in the order of their seeds, NaN where an architecture has fewer.
    Raises DataError, naming the file, the place (keys from the top, or the byte) and the reason: not a
    folder, a file that is missing, damaged (bzip2's CRC-32) or truncated, a type that is not allowed, results
    missing, repeated, of another form or out of range.
    """
    if not path.is_dir():
        raise DataError(
            f"{path}: not a folder; unpack the .tar, and give the folder NATS-tss-v1_0-3ffb9-simple"
        )
    meta_path = path / f"meta{_ENDING}"
    if not meta_path.exists():
        raise DataError(f"{path}: no meta{_ENDING} in it, so no folder of NATS-Bench; {ORIGIN}")
    meta = _load(meta_path)
    if type(meta) is not dict or type(meta.get("meta_archs")) is not list:
        raise DataError(f"{meta_path}: expected a dict with the list meta_archs")
    trials = Trials(str(path), settings, {LESS: "12", FULL: "200"})
    for index in range(len(meta["meta_archs"])):
        name = _name(index)
        if (path / name).exists():
            trials.add(index, _load(path / name), name)
    return table(trials, meta["meta_archs"], _name, f"meta{_ENDING}.meta_archs")


def _name(index: int) -> str:
    return f"{index:06d}{_ENDING}"


def _load(path: Path):
    """Return the object of a small pickle that is compressed with bzip2."""
    if not path.is_file():  # a pipe or a device would never end
        raise DataError(f"{path}: no regular file; unpack the archive again")
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_RECORD + 1)
        engine = bz2.BZ2Decompressor()
        raw = engine.decompress(data, MAX_RECORD)
    except OSError as error:  # a wrong CRC-32 too
        raise DataError(
            f"{path}: damaged or cannot be read ({error.strerror or error}); fetch it again"
        ) from error
    if not engine.eof:
        too_long = len(data) > MAX_RECORD or len(raw) >= MAX_RECORD
        what = (
            f"more than {MAX_RECORD >> 20} MiB, no file of NATS-Bench"
            if too_long
            else "truncated; fetch it again"
        )
        raise DataError(f"{path}: {what}")
    return Machine(io.BytesIO(raw).read, str(path), skip=UNNEEDED).load()
