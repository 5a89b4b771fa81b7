"""Which cells of a table are labelled, and which are held out."""

from __future__ import annotations

import numpy as np

from pipeline.benchmarks.file_settings import SplitSettings
from pipeline.errors import ConfigError
from pipeline.randomness import rng


def roles(n: int, split: SplitSettings, seed: int, benchmark: str) -> np.ndarray:
    """Return the role of each of `n` rows, str (n,): "labelled", "held_out", or "unused".

    In the order of the file the labelled ones come first, then the held-out ones. Of a permutation seeded by
    the benchmark's name the held-out ones are the first, so that more labels leave them what they are.
    Raises ConfigError if there are too few rows for both.
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
    first, second = ("labelled", labelled), ("held_out", held_out)
    if split.order == "random":
        first, second = second, first
    role[order[: first[1]]] = first[0]
    role[order[first[1] : labelled + held_out]] = second[0]
    return role


def _count(wanted: int | float, n: int) -> int:
    """A number of cells, or a share of `n`, rounded to the nearest (half up)."""
    return int(wanted) if wanted >= 1 else int(np.floor(wanted * n + 0.5))
