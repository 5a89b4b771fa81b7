"""Which of a benchmark's files is there."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path

from pipeline.benchmarks.settings import FileBenchmark
from pipeline.errors import ConfigError
from pipeline.storage.data_files import place_of


def locate(name: str, benchmark: FileBenchmark, data_dir: str) -> tuple[dict, Path]:
    """Return the first of the benchmark's files that is there: (reader and settings, path).

    Raises ConfigError if none is; it says where the first can be had.
    """
    for entry in benchmark.files:
        path = place_of(entry["file"], data_dir)
        if path.exists():
            return entry, path
    raise ConfigError(_not_there(name, benchmark, data_dir))


def entry_of(name: str, benchmark: FileBenchmark, file: Path | str) -> dict:
    """Return the entry of the benchmark's files that has this file's name, or the only one that there is.

    Raises ConfigError if there are several, and none has this name.
    """
    named = [entry for entry in benchmark.files if Path(entry["file"]).name == Path(file).name]
    if not named and len(benchmark.files) > 1:
        names = ", ".join(entry["file"] for entry in benchmark.files)
        raise ConfigError(
            f"benchmarks.{name}.files: which of them says how {file} is read? its name is none of {names}; "
            "rename it, or add it to them"
        )
    return (named or benchmark.files)[0]


def judged_by(name: str, benchmark: FileBenchmark, data_dir: str) -> str | None:
    """Return the metric that found cells are judged by, given the file that is there; None without any."""
    entry, _ = locate(name, benchmark, data_dir)
    return benchmark.test_metric if entry["has_test"] else None


def check_labels(name: str, benchmark: FileBenchmark, data_dir: str, key: str = "evaluation.labels") -> None:
    """Raise ConfigError if test accuracies are asked for of a benchmark whose file has none.

    key: the one of the configuration that asks for them.
    """
    if judged_by(name, benchmark, data_dir) is None:
        raise ConfigError(
            f"{key}: benchmarks.{name} has no test accuracy (test_metric: null, or has_test: false of the "
            f"file that is there); take {key.rpartition('.')[2]}: val"
        )


def listing(path: Path | str) -> str:
    """Return a digest of the names, sizes and times of all files in a folder; of a file, an empty text.

    Snakemake sees that a file changed, but not that one in a folder did.
    """
    if not Path(path).is_dir():
        return ""
    files = sorted(file for file in Path(path).rglob("*") if file.is_file())
    facts = ((str(file.relative_to(path)), file.stat()) for file in files)
    text = "\n".join(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in facts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _not_there(name: str, benchmark: FileBenchmark, data_dir: str) -> str:
    names = " or ".join(entry["file"] for entry in benchmark.files)
    first = benchmark.files[0]
    origin = importlib.import_module(f"pipeline.benchmarks.readers.{first['reader']}").ORIGIN
    return (
        f"benchmarks.{name}.files: there is no {names} in {data_dir!r}; put one there, or say where it is "
        f"with --config data_dir=FOLDER ({first['file']}: {origin})"
    )
