"""NAS-Bench-201's own file (`.pth`), without torch and the authors' package.

The pickle is read by a machine that can run nothing (`safe_pickle`), one architecture at a time, so the
memory does not grow with the file. Which metric is which: see `nasbench201_trials`.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.benchmarks.readers.nasbench201_table import table
from pipeline.benchmarks.readers.nasbench201_trials import FULL, LESS, UNNEEDED, Trials, TrialSettings
from pipeline.benchmarks.readers.pickle_bytes import step
from pipeline.benchmarks.readers.torch_file import load
from pipeline.benchmarks.source import Source
from pipeline.errors import DataError

ORIGIN = (
    "NAS-Bench-201-v1_1-096897.pth (5,003,180,601 bytes, md5 55e847143ce1f7c2d89b676f6b096897, of which the "
    "name has the last six digits; the older one is NAS-Bench-201-v1_0-e61699.pth), by the links on "
    "https://github.com/D-X-Y/NAS-Bench-201"
)
VERSION = 1
_RECORDS = "arch2infos"


class Settings(TrialSettings):
    """What is read from a file of NAS-Bench-201."""


def read(path: Path, settings: Settings, space: str) -> Source:
    """Read a file; the rows are in the order of its list of architectures, `meta_archs`.

    The trials of a metric are in the order of their seeds, NaN where an architecture has fewer.
    Raises DataError, naming the file, the place (keys from the top, or the byte) and the reason: damaged or
    truncated (a file in the zip form is compared with its CRC-32; the older form, that of the official
    files, has no sum: give md5), a type that is not allowed, results missing, repeated, of another
    form or out of range.
    """
    trials = Trials(str(path), settings, {LESS: "less", FULL: "full"})

    def record(index, info) -> None:
        if type(index) is not int:
            kind = type(index).__name__
            raise trials.refused(_RECORDS, f"a key is a {kind}, expected the number of an architecture")
        trials.add(index, info, step(_RECORDS, index))

    top = load(path, record, _RECORDS, UNNEEDED)
    if type(top) is not dict or not {"meta_archs", _RECORDS} <= top.keys():
        raise DataError(f"{path}: no meta_archs and {_RECORDS} in it, so no file of NAS-Bench-201; {ORIGIN}")
    if type(top[_RECORDS]) is not dict:
        raise trials.refused(_RECORDS, f"expected a dict, found {type(top[_RECORDS]).__name__}")
    for index, info in top[_RECORDS].items():
        if info is not None:  # None: handed over while the file was read
            record(index, info)
    return table(trials, top["meta_archs"], lambda index: step(_RECORDS, index))
