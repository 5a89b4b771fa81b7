"""Which of a benchmark's files is there."""

from __future__ import annotations

import importlib
from pathlib import Path

from pipeline.benchmarks.settings import FileBenchmark
from pipeline.errors import ConfigError


def locate(name: str, benchmark: FileBenchmark, data_dir: str) -> tuple[dict, Path]:
    """Return the first of the benchmark's files that is there: (reader and settings, path).

    Raises ConfigError if none is; it says where the first can be had.
    """
    for entry in benchmark.files:
        path = Path(data_dir) / entry["file"]
        if path.exists():
            return entry, path
    raise ConfigError(_not_there(name, benchmark, data_dir))


def judged_by(name: str, benchmark: FileBenchmark, data_dir: str) -> str | None:
    """Return the metric that found cells are judged by, given the file that is there; None without any."""
    entry, _ = locate(name, benchmark, data_dir)
    return benchmark.test_metric if entry["has_test"] else None


def _not_there(name: str, benchmark: FileBenchmark, data_dir: str) -> str:
    names = " or ".join(entry["file"] for entry in benchmark.files)
    first = benchmark.files[0]
    origin = importlib.import_module(f"pipeline.benchmarks.readers.{first['reader']}").ORIGIN
    return (
        f"benchmarks.{name}.files: there is no {names} in {data_dir!r}; put one there, or say where it is "
        f"with --config data_dir=FOLDER ({first['file']}: {origin})"
    )
