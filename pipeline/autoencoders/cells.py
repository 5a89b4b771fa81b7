"""Which cells an autoencoder learns from, and which ones it is measured on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.encodings.graphs import graph_keys, graph_shape
from pipeline.errors import ConfigError
from pipeline.randomness import rng
from pipeline.spaces import UNLISTED, load
from pipeline.spaces.archs import Archs
from pipeline.spaces.catalogue import load_space


def choose_cells(
    space: str, space_file: Path | None, table, labelled: Archs | None, settings, seed: int, benchmark: str
) -> tuple[Archs, Archs]:
    """Return (cells to measure reconstruction on, unlabelled cells to learn from), disjoint.

    table: the benchmark's; its cells are in neither unless `settings.split` says so. labelled: networks that
    a model learns from in another way (None: none), in neither. Of a space that is listed in `space_file`
    they are rows of one seeded permutation of it, or the table's own; of another they are drawn, each
    architecture for the two cells that it has. All runs of one seed get the same ones.
    Raises ConfigError if there are too few.
    """
    if space in UNLISTED:
        others = Archs.concatenate([table.archs, *([] if labelled is None else [labelled])])
        return _drawn(space, others, settings, seed, benchmark)
    return _listed(space_file, table, labelled, settings, seed, benchmark)


def _listed(space_file, table, labelled, settings, seed: int, benchmark: str) -> tuple[Archs, Archs]:
    archs, keys = load_space(space_file)
    cell_key = load(archs.space).cell_key
    order = rng(seed, "autoencoder cells", benchmark).permutation(len(archs))
    if labelled is not None:
        order = order[~np.isin(keys[order], cell_key(labelled))]
    if settings.split == "beside_table":
        order = order[~np.isin(keys[order], cell_key(table.archs))]
    elif settings.split == "of_table":  # the last of the table's held-out cells come first
        measured = cell_key(table.archs[table.rows("held_out")[-settings.n_held_out :]])
        held_out = np.isin(keys[order], measured)
        order = np.concatenate([order[held_out], order[~held_out]])
        settings = settings.model_copy(update={"n_held_out": int(held_out.sum())})
    wanted = settings.n_held_out + settings.n_cells if settings.n_cells else len(order)
    if wanted > len(order) or wanted < settings.n_held_out + 2 or not settings.n_held_out:
        beside = {"beside_table": " beside the benchmark's", "of_table": ", held-out ones of the table first"}
        raise ConfigError(
            f"autoencoders: n_held_out + n_cells = {wanted} cells, but {archs.space} has {len(order)}"
            f"{beside.get(settings.split, '')}; lower one of them, or take another split"
        )
    return archs[order[: settings.n_held_out]], archs[order[settings.n_held_out : wanted]]


def _drawn(space: str, others: Archs, settings, seed: int, benchmark: str) -> tuple[Archs, Archs]:
    taken, parts = graph_keys(others), []
    for name, n in (("held-out", settings.n_held_out), ("unlabelled", settings.n_cells)):
        stream = rng(seed, "autoencoder cells", benchmark, name)
        n_archs = -(-n // graph_shape(space).cells)
        parts.append(draw_others(space, n_archs, taken, stream))
        taken = np.concatenate([taken, graph_keys(parts[-1])])
    return parts[0], parts[1]


def draw_others(space: str, n: int, taken: np.ndarray, stream: np.random.Generator) -> Archs:
    """Return n architectures drawn from a space, none of whose graphs has one of the keys `taken`."""
    cells, found, missing = graph_shape(space).cells, [], n
    while missing:
        archs = load(space).sample(missing, stream)
        archs = archs[~np.isin(graph_keys(archs), taken).reshape(-1, cells).any(axis=1)]
        found.append(archs)
        missing -= len(archs)
    return Archs.concatenate(found)
