"""Benchmark tables in memory, from whatever file holds one."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pipeline.benchmarks.file_settings import FileSettings, FileTableSettings
from pipeline.benchmarks.tables import BenchmarkTable, load_table
from pipeline.errors import ConfigError, DataError
from pipeline.library.checked import plugged_in, settings_of


class Official(NamedTuple):
    """How a benchmark's own file is read."""

    reader: str
    space: str
    val_metric: str
    test_metric: str


OFFICIAL = {  # ending of the file's name -> how it is read
    ".tfrecord": Official("nasbench101", "nasbench101", "cifar10/val_acc@108", "cifar10/test_acc@108"),
    ".pth": Official("nasbench201", "nasbench201", "cifar10-valid/val_acc@200", "cifar10/test_acc@200"),
    "-simple": Official("nats_bench", "nasbench201", "cifar10-valid/val_acc@200", "cifar10/test_acc@200"),
    "nb_301_v13": Official("nasbench301", "darts", "cifar10/val_acc@100", "cifar10/test_acc@100"),
}
TEXT = (".csv", ".tsv", ".parquet", ".csv.gz", ".tsv.gz", ".csv.bz2", ".csv.xz", ".csv.zst")


def open_benchmark(
    path: Path | str,
    *,
    configfile: Path | str | None = None,
    benchmark: str | None = None,
    space: str | None = None,
    reader: str | None = None,
    val_metric: str | None = None,
    test_metric: str | None = None,
    split: dict | None = None,
    name: str | None = None,
    seed: int = 1,
    **settings,
) -> BenchmarkTable:
    """Return the benchmark table of a file, in memory.

    path: a table that the workflow wrote (.h5), a benchmark's official file or folder, or a CSV, TSV or
    Parquet table. How a file is read is said by a configuration (configfile, and benchmark if it has
    several), or here: space, reader (by default what the file's name says) and the reader's settings, as
    in a configuration; for a CSV columns, metrics, unit, costs. val_metric, test_metric: by default the
    benchmark's, or those of `metrics` that are called val_acc and test_acc. split, seed: which cells are
    labelled, and which held out (half each by default). name: of the table; the file's by default.

    Raises DataError, naming file and place, for a file that is not what it should be, ArtifactError for a
    damaged table, ConfigError for an argument that does not fit.
    """
    path = Path(path)
    said = {"space": space, "reader": reader, "val_metric": val_metric, "test_metric": test_metric}
    said = {key: value for key, value in (said | {"split": split, "name": name} | settings).items() if value}
    if path.suffix == ".h5":
        _refuse(said, path, "a table of the workflow says it itself")
        return load_table(path, benchmark)
    if configfile is not None:
        _refuse(said, path, "the configuration says it")
        return _by_configuration(path, configfile, benchmark)
    return _by_arguments(path, seed, said)


def _refuse(said: dict, path: Path, why: str) -> None:
    if said:
        raise ConfigError(f"open_benchmark: {path}: leave out {', '.join(said)}; {why}")


def _by_configuration(path: Path, configfile: Path | str, benchmark: str | None) -> BenchmarkTable:
    from pipeline.benchmarks.ingest import read_table
    from pipeline.config.model import load_config
    from pipeline.staleness.recipes import recipe

    config = load_config(configfile)
    name = benchmark or config.only_benchmark()
    settings = recipe("ingest", config, benchmark=name, file=path)["settings"]
    return read_table(path, FileTableSettings(**settings), config.seed)[0]


def _by_arguments(path: Path, seed: int, said: dict) -> BenchmarkTable:
    from pipeline.benchmarks.ingest import read_table

    official = next((how for end, how in OFFICIAL.items() if path.name.endswith(end)), None)
    reader = said.pop("reader", None) or (official.reader if official else None)
    if reader is None:
        if not path.name.endswith(TEXT):
            if not path.exists():
                raise DataError(f"{path}: no such file or folder")
            raise ConfigError(f"open_benchmark: {path}: say how it is read: reader=… and space=…")
        reader = "csv"
    known = next((how for how in OFFICIAL.values() if how.reader == reader), None)
    table = {
        "benchmark": said.pop("name", None) or path.name.partition(".")[0],
        "space": said.pop("space", None) or (known.space if known else None),
        "split": said.pop("split", {}),
        "val_metric": said.pop("val_metric", known.val_metric if known else None),
        "test_metric": said.pop("test_metric", known.test_metric if known else None),
    }
    if table["space"] is None:
        raise ConfigError(f"open_benchmark: {path}: say whose cells these are: space=…")
    file = plugged_in(
        "benchmarks/readers", "open_benchmark", "reader", FileSettings, reader=reader, file=str(path), **said
    )
    if known is None:
        _name_metrics(table, list(file.get("metrics", {})))
    table["file"] = {key: value for key, value in file.items() if key != "split"}
    return read_table(path, settings_of(FileTableSettings, "open_benchmark", **table), seed)[0]


def _name_metrics(table: dict, metrics: list[str]) -> None:
    """Choose the metrics of a table that were not said. Raises ConfigError if several could be labels."""
    for role, part in (("val_metric", "/val_acc@"), ("test_metric", "/test_acc@")):
        named = [metric for metric in metrics if part in metric]
        if table[role] is None and len(named) == 1:
            table[role] = named[0]
    if table["val_metric"] is None and len(metrics) == 1:
        table["val_metric"] = metrics[0]
    if table["val_metric"] is None:
        names = ", ".join(metrics)
        raise ConfigError(f"open_benchmark: which metric are the labels? val_metric=…, one of {names}")
