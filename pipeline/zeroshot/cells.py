"""Which cells of a benchmark table get zero-shot scores, and which images their networks see."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.benchmarks.tables import ROLES, load_table
from pipeline.errors import ConfigError
from pipeline.images.sets import ImageSet
from pipeline.randomness import rng
from pipeline.spaces.archs import Archs
from pipeline.zeroshot.scores import rows_of_batch
from pipeline.zeroshot.settings import ChunkSettings


def cells_of_table(path: Path, name: str, seed: int, start: int, stop: int) -> tuple[Archs, np.ndarray]:
    """Return places [start, stop) of the seeded order of a table's cells, and their roles.

    Held-out cells come first, then labelled ones, then the others, each in a seeded permutation: so as many
    scores as a predictor has cells are enough for it. name: the benchmark's. Raises ConfigError if the table
    has fewer than `stop` cells, ArtifactError if it is another benchmark's.
    """
    table = load_table(path, name)
    if stop > len(table):
        raise ConfigError(
            f"benchmarks.{table.name}.n_scored: {stop} cells were asked for, but the table has {len(table)}; "
            "give a number up to that"
        )
    order = rng(seed, "zeroshot", table.name, "cells").permutation(len(table))
    rank = np.array([ROLES.index(role) for role in table.role[order]])
    rows = order[np.argsort(rank, kind="stable")][start:stop]
    return table.archs[rows], table.role[rows]


def batch_rows(images: ImageSet, settings: ChunkSettings, seed: int) -> np.ndarray:
    """Return which images of the set the networks see, int64 (batch_size,): rows of the image set.

    Raises ConfigError if the image set is another than configured, or has too few training images.
    """
    if images.name != settings.images:
        raise ConfigError(
            f"images: the file holds {images.name!r}, but {settings.images!r} were asked for; give the image "
            "set that the benchmark names"
        )
    return rows_of_batch(images, settings.batch_size, seed)
