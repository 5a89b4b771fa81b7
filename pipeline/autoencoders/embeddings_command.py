"""Command `embeddings`: what an autoencoder makes of every cell of a space."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

HELP = "Embed all cells of a space; of one that cannot be listed, a sample and the benchmark's cells."
log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument("--autoencoder", required=True, help="name of the autoencoder in the configuration")
    parser.add_argument("--autoencoder-seed", type=int, default=1, help="which of its runs, counted from 1")
    parser.add_argument("--autoencoder-file", type=Path, required=True, help="that run, trained")
    parser.add_argument("--space-file", type=Path, help="all cells of the search space, where it is listed")
    parser.add_argument(
        "--benchmark-table", type=Path, required=True, help="table whose cells are embedded, too"
    )
    parser.add_argument("--out", type=Path, required=True, help="embeddings to write (HDF5)")


def run(args, job) -> None:
    """Write kind "embeddings": keys of cells, ascending, and an embedding each."""
    from pipeline.autoencoders.embeddings import KIND, write_embeddings
    from pipeline.autoencoders.reading import load_encoder
    from pipeline.storage.artifacts import write_h5

    encoder = load_encoder(args.autoencoder_file, job.torch_device())
    keys = keys_of(args, job, encoder.space)
    files = {"autoencoder": args.autoencoder_file, "table": args.benchmark_table, "space": args.space_file}
    inputs = {name: file for name, file in files.items() if file is not None}
    with write_h5(args.out, KIND, job, inputs=inputs) as handle:
        for name in ("benchmark", "name", "run"):
            handle.attrs[name] = job.settings[name]
        write_embeddings(handle, encoder.space, keys, encoder)
    log.info("%s, run %d: %d cells embedded", job.settings["name"], job.settings["run"], len(keys))


def keys_of(args, job, base: str) -> np.ndarray:
    """Return the keys (`cell_key`) of the cells to embed, ascending.

    base: the space that the autoencoder was trained on. Raises DataError if the table is of another,
    UserError if the list of the space is missing.
    """
    from pipeline.benchmarks.tables import load_table
    from pipeline.errors import DataError, UserError
    from pipeline.randomness import rng
    from pipeline.spaces import UNLISTED, load
    from pipeline.spaces.catalogue import load_space

    name = job.settings["space"]
    space, archs = load(name), load_table(args.benchmark_table).archs
    if archs.space != base:
        raise DataError(
            f"{args.benchmark_table}: holds cells of {archs.space}, but the autoencoder was trained on {base}"
        )
    if name in UNLISTED:
        stream = rng(job.seed, "embedded cells", job.settings["benchmark"])
        keys = space.cell_key(space.sample(job.settings["n_embedded"], stream))
    elif args.space_file is None:
        raise UserError(f"embeddings: the cells of {name} are needed; give --space-file")
    else:
        _, keys = load_space(args.space_file)
    return np.union1d(keys, space.cell_key(archs))
