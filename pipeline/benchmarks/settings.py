"""Settings of benchmarks: where architectures and labels come from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from pipeline.benchmarks.file_settings import FileSettings, SplitSettings
from pipeline.benchmarks.names import MetricName
from pipeline.benchmarks.surrogate_settings import SurrogateSettings
from pipeline.children.settings import ChildrenSettings, NetworkSettings, TrainingSettings
from pipeline.plug_ins import plug_in
from pipeline.settings import Settings
from pipeline.spaces import NAMES as SPACES
from pipeline.spaces import UNLISTED


class ChildrenBenchmark(Settings):
    """A benchmark of networks that are trained here."""

    source: Literal["children"] = Field(
        "children", description="children: labels come from networks trained here"
    )
    space: Literal[SPACES] = Field(description="search space")
    children: ChildrenSettings = Field(description="which networks are trained, and how")


BenchmarkFile = Annotated[dict, BeforeValidator(plug_in("benchmarks/readers", "reader", FileSettings))]


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
    n_scored: int | Literal["all"] = Field(
        1000, description="cells of the table that get zero-shot scores, if any do; all: the whole space's"
    )

    @field_validator("n_scored", mode="before")
    @classmethod
    def _a_number_or_all(cls, value):
        number = int(value) if isinstance(value, str) and value.isdigit() else value
        if number != "all" and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
            raise ValueError(f"expected a number of cells from 1 on, or all, got {value!r}")
        return number

    @model_validator(mode="after")
    def _all_is_a_number(self):
        if self.n_scored == "all" and self.space in UNLISTED:
            raise ValueError(
                f"n_scored: all cells of {self.space} are too many to be listed; "
                "give a number, up to the cells of the table"
            )
        return self


def _source(value) -> str:
    """Return which kind of benchmark a configuration describes; `source` may be left out for children."""
    if isinstance(value, dict):
        return str(value.get("source", "files" if "files" in value else "children"))
    return getattr(value, "source", "children")  # what is no mapping is refused as one that it is not


Benchmark = Annotated[
    Annotated[ChildrenBenchmark, Tag("children")] | Annotated[FileBenchmark, Tag("files")],
    Discriminator(_source),
]


def images_of(benchmark) -> str | None:
    """Return the image set that a benchmark's networks see; None if they see none."""
    return benchmark.children.images if isinstance(benchmark, ChildrenBenchmark) else benchmark.images


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
