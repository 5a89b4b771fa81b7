"""Settings of benchmarks: where architectures and labels come from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag

from pipeline.benchmarks.surrogate_settings import SurrogateSettings
from pipeline.children.settings import ChildrenSettings, NetworkSettings, TrainingSettings
from pipeline.plug_ins import plug_in
from pipeline.settings import Settings
from pipeline.spaces import NAMES as SPACES

MetricName = Annotated[str, StringConstraints(pattern=r"^[^/@]+/[^/@]+@\d+$")]


class ChildrenBenchmark(Settings):
    """A benchmark of networks that are trained here."""

    source: Literal["children"] = Field(
        "children", description="children: labels come from networks trained here"
    )
    space: Literal[SPACES] = Field(description="search space")
    children: ChildrenSettings = Field(description="which networks are trained, and how")


class FileSettings(Settings):
    """One file that a benchmark may be read from; the reader's own settings stand beside these keys."""

    file: str = Field(min_length=1, description="file or folder, in data_dir unless it is absolute")
    sha256: str | None = Field(
        None, pattern="^[0-9a-f]{4,64}$", description="SHA-256 of the file or its beginning; checked if given"
    )
    md5: str | None = Field(
        None, pattern="^[0-9a-f]{4,32}$", description="MD5 of the file or its beginning; checked if given"
    )
    has_test: bool = Field(True, description="false: the file lacks test_metric, and nothing is judged by it")


BenchmarkFile = Annotated[dict, BeforeValidator(plug_in("benchmarks/readers", "reader", FileSettings))]


class SplitSettings(Settings):
    """Which cells predictors may learn from, and which only test them."""

    labelled: int | float = Field(
        0.5, gt=0, description="cells to learn from: their number, or (below 1) their share of the table"
    )
    held_out: int | float | None = Field(
        None, gt=0, description="cells that only test predictors: number or share; null: all others"
    )
    order: Literal["file", "random"] = Field(
        "random",
        description="file: the first rows are the labelled ones; random: a seeded permutation decides",
    )


class FileBenchmark(Settings):
    """A benchmark that is read from a file."""

    source: Literal["files"] = Field(description="files: read from the first of `files` that is there")
    space: Literal[SPACES] = Field(description="search space; cells of the file outside it are left out")
    files: list[BenchmarkFile] = Field(min_length=1, description="files, best first: reader and its settings")
    val_metric: MetricName = Field(description="labels: <data set>/<what>@<epochs>")
    test_metric: MetricName | None = Field(
        None, description="what a found cell is judged by; null: no file has a test accuracy"
    )
    split: SplitSettings = Field(SplitSettings(), description="labelled and held-out cells")
    surrogate: SurrogateSettings | None = Field(
        None, description="a surrogate trained on the table answers searches, for any cell of the space"
    )
    images: str | None = Field(
        None, description="image set for zero-shot scores of the table's cells; null: no zero-shot scores"
    )
    n_scored: int = Field(1000, ge=1, description="cells of the table that get zero-shot scores, if any do")


def _source(value) -> str:
    """Return which kind of benchmark a configuration describes; `source` may be left out for children."""
    return str(value.get("source", "children") if isinstance(value, dict) else value.source)


Benchmark = Annotated[
    Annotated[ChildrenBenchmark, Tag("children")] | Annotated[FileBenchmark, Tag("files")],
    Discriminator(_source),
]


class TableSettings(Settings):
    """What a benchmark table of networks trained here depends on."""

    benchmark: str = Field(description="name of the benchmark")
    space: str = Field(description="search space of the cells")
    images: str = Field(description="name of the image set that the networks were trained on")
    n_held_out: int = Field(ge=0, description="cells at the start of the permutation that are held out")
    n_labelled: int = Field(ge=0, description="cells after them that are labelled")
    epochs: int = Field(
        ge=1, description="epochs that every network was trained for; part of the metrics' names"
    )
    network: NetworkSettings = Field(description="size of the networks")
    training: TrainingSettings = Field(description="how they were trained")


class FileTableSettings(Settings):
    """What a benchmark table that is read from a file depends on."""

    benchmark: str = Field(description="name of the benchmark")
    space: str = Field(description="search space of the cells")
    file: dict = Field(description="reader and its settings")
    val_metric: MetricName = Field(description="labels")
    test_metric: MetricName | None = Field(description="what a found cell is judged by")
    split: SplitSettings = Field(description="labelled and held-out cells")
