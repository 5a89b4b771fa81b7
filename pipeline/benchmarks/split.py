"""Which cells of a table are labelled, and which are held out."""

from __future__ import annotations

import numpy as np

from pipeline.benchmarks.file_settings import SplitSettings
from pipeline.errors import ConfigError
from pipeline.randomness import rng


def roles(n: int, split: SplitSettings, seed: int, benchmark: str) -> np.ndarray:
    """Return the role of each of `n` rows, str (n,): "labelled", "held_out", or "unused".

    The labelled ones come first in the order of the file or of a permutation seeded by the benchmark's
    name, then the held-out ones. Raises ConfigError if there are too few rows for both.
    """
    labelled = _count(split.labelled, n)
    held_out = n - labelled if split.held_out is None else _count(split.held_out, n)
    if min(labelled, held_out) < 1 or labelled + held_out > n:
        raise ConfigError(
            f"benchmarks.{benchmark}.split: {labelled} labelled and {held_out} held-out cells, but the table "
            f"has {n}; both need at least one"
        )
    order = np.arange(n) if split.order == "file" else rng(seed, "split", benchmark).permutation(n)
    role = np.full(n, "unused", dtype="U8")
    role[order[:labelled]] = "labelled"
    role[order[labelled : labelled + held_out]] = "held_out"
    return role


def _count(wanted: int | float, n: int) -> int:
    """A number of cells, or a share of `n`, rounded to the nearest (half up)."""
    return int(wanted) if wanted >= 1 else int(np.floor(wanted * n + 0.5))
