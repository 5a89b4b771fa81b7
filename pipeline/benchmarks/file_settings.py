"""Settings of benchmarks that are read from a file, as far as their tables depend on them."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, field_validator

from pipeline.benchmarks.names import MetricName
from pipeline.settings import Settings
from pipeline.storage.data_files import DataFile


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

    @field_validator("labelled", "held_out", mode="before")
    @classmethod
    def _a_number_or_a_share(cls, value):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if isinstance(value, bool) or (number and value >= 1 and (math.isinf(value) or value != int(value))):
            raise ValueError(f"{value} is neither a number of cells (1, 2, …) nor a share of them (below 1)")
        return value


class FileSettings(Settings):
    """One file that a benchmark may be read from; the reader's own settings stand beside these keys."""

    file: DataFile = Field(description="file or folder, in data_dir unless it is absolute")
    sha256: str | None = Field(
        None, pattern="^[0-9a-f]{4,64}$", description="SHA-256 of the file or its beginning; checked if given"
    )
    md5: str | None = Field(
        None, pattern="^[0-9a-f]{4,32}$", description="MD5 of the file or its beginning; checked if given"
    )
    has_test: bool = Field(True, description="false: the file lacks test_metric, and nothing is judged by it")
    split: SplitSettings | None = Field(
        None,
        description="labelled and held-out cells, where this file needs others than the benchmark's split",
    )


class FileTableSettings(Settings):
    """What a benchmark table that is read from a file depends on."""

    benchmark: str = Field(description="name of the benchmark")
    space: str = Field(description="search space of the cells")
    file: dict = Field(description="reader and its settings")
    val_metric: MetricName = Field(description="labels")
    test_metric: MetricName | None = Field(description="what a found cell is judged by")
    split: SplitSettings = Field(description="labelled and held-out cells")
