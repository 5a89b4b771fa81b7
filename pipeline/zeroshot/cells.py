"""Which cells of a benchmark table get zero-shot scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.benchmarks.tables import load_table
from pipeline.errors import ConfigError
from pipeline.randomness import rng
from pipeline.spaces.archs import Archs


def cells_of_table(path: Path, name: str, seed: int, start: int, stop: int) -> tuple[Archs, np.ndarray]:
    """Return places [start, stop) of the seeded permutation of a table's cells, and their roles.

    name: the benchmark's. Raises ConfigError if the table has fewer than `stop` cells, ArtifactError if it
    is another benchmark's.
    """
    table = load_table(path, name)
    if stop > len(table):
        raise ConfigError(
            f"benchmarks.{table.name}.n_scored: {stop} cells were asked for, but the table has {len(table)}"
        )
    rows = rng(seed, "zeroshot", table.name, "cells").permutation(len(table))[start:stop]
    return table.archs[rows], table.role[rows]
