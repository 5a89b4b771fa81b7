"""Command `autoencoders`: train arch2vec or info-NAS."""

from __future__ import annotations

import importlib
import json
import logging
from contextlib import suppress
from pathlib import Path

from pipeline.errors import DataError, UserError

HELP = "Train arch2vec on unlabelled cells, or info-NAS on these and on what trained networks output."
KIND = "autoencoder"
NOT_OF_MODEL = ("benchmark", "space", "name", "run")
COMPARED = 5000  # labelled cells whose neighbours are looked at
log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument("--autoencoder", required=True, help="name of the autoencoder in the configuration")
    parser.add_argument("--autoencoder-seed", type=int, default=1, help="which of its runs, counted from 1")
    parser.add_argument("--space-file", type=Path, help="all cells of the search space, where it is listed")
    parser.add_argument("--benchmark-table", type=Path, required=True, help="table whose cells are embedded")
    parser.add_argument("--io-dataset", type=Path, help="outputs of trained networks (info-NAS)")
    parser.add_argument("--images", type=Path, help="the images of that data set (info-NAS)")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for the checkpoint; it goes at the end"
    )
    parser.add_argument("--out", type=Path, required=True, help="autoencoder to write (HDF5)")


def run(args, job) -> None:
    """Write kind "autoencoder": weights, one row an epoch, held-out measures, the benchmark's embeddings."""
    from pipeline.autoencoders.training import Task
    from pipeline.autoencoders.vae import Graphs
    from pipeline.benchmarks.tables import load_table
    from pipeline.randomness import seed_torch

    settings, benchmark, device = read_settings(job.settings), job.settings["benchmark"], job.torch_device()
    table, number = load_table(args.benchmark_table), job.settings["run"]
    held_out, cells = chosen(args, job, table, settings)
    task = Task(
        settings=settings,
        space=table.archs.space,
        cells=Graphs.of(cells, device).apart(),
        held_out=Graphs.of(held_out, device).apart(),
        device=device,
        checkpoint=args.work / "checkpoint.pt",
        identity=identity_of(args, job),
        io_dataset=args.io_dataset,
        images=args.images,
        held_out_archs=held_out,
        seed=job.seed,
    )
    # one stream for all models: those of one run start from the same autoencoder
    seed_torch(job.seed, "autoencoder", benchmark, number)
    fitted = importlib.import_module(f"pipeline.autoencoders.{settings.model}").fit(task)
    facts = fitted.facts | {k: v for k, v in fitted.history[-1].items() if k != "epoch"}
    for prefix, part in (("", "vae"), ("reference_", "reference")):
        if part in fitted.modules:
            found, arrays = of_latents(fitted.modules[part], task, table, job)
            facts |= {prefix + name: value for name, value in found.items()}
            fitted.arrays.update({prefix + path: values for path, values in arrays.items()})
    write(args, job, settings, table.archs, fitted, facts)
    task.checkpoint.unlink(missing_ok=True)
    with suppress(OSError):  # not empty, or gone
        args.work.rmdir()
    words = ", ".join(f"{key} {value:.4f}" for key, value in facts.items())
    log.info("%s, run %d: %s", job.settings["name"], number, words)


def chosen(args, job, table, settings):
    """Return (held-out cells, unlabelled cells). Raises UserError if the list of the space's is missing."""
    from pipeline.autoencoders.cells import choose_cells
    from pipeline.spaces import UNLISTED

    space, labelled = job.settings["space"], None
    if space not in UNLISTED and args.space_file is None:
        raise UserError(f"autoencoders: the cells of {space} are needed; give --space-file")
    if args.io_dataset is not None:
        labelled = networks_of(args, table, own=job.settings.get("io_dataset") == job.settings["benchmark"])
    return choose_cells(
        space, args.space_file, table, labelled, settings, job.seed, job.settings["benchmark"]
    )


def networks_of(args, table, own: bool):
    """Return the networks of the I/O data set. own: they are the table's.

    Raises DataError if they are of another space, or if the table should know them and does not.
    """
    from pipeline.io_dataset.reading import cells_of
    from pipeline.storage.artifacts import get_archs, open_h5

    with open_h5(args.io_dataset, "io_dataset") as handle:
        archs = get_archs(handle)
        if archs.space != table.archs.space:
            raise DataError(
                f"{args.io_dataset}: holds networks of {archs.space}, expected {table.archs.space}"
            )
        known = set(table.cells)
        absent = [cell for cell in cells_of(handle) if cell not in known] if own else []
    if absent:
        raise DataError(
            f"{args.io_dataset}: its network {absent[0]} is not in {args.benchmark_table}, "
            "which it should have been made from; make it again"
        )
    return archs


def of_latents(vae, task, table, job) -> tuple[dict, dict]:
    """Return (measures of an encoder's latent space, arrays: embeddings of the table's cells, and more).

    All encoders of a run are measured on the same samples.
    """
    from pipeline.autoencoders.measures import embed, latent_samples
    from pipeline.autoencoders.vae import Graphs
    from pipeline.randomness import torch_generator

    stream = job.seed, "latent samples", job.settings["benchmark"], job.settings["run"]
    mu, n = embed(vae, task.held_out), task.settings.n_samples
    measures = latent_samples(vae, mu, n, job.settings["space"], torch_generator(*stream))
    embeddings = embed(vae, Graphs.of(table.archs, task.device)).flatten(1).numpy()
    more, arrays = along_neighbours(embeddings, table, job)
    return measures | more, {"embeddings": embeddings} | arrays


def along_neighbours(embeddings, table, job) -> tuple[dict, dict]:
    """Return (measures, arrays) of how smooth the latent space is; of at most 5,000 cells with a label.

    Nothing with fewer than three labels. See `pipeline.autoencoders.neighbours.smoothness`.
    """
    import numpy as np

    from pipeline.autoencoders.neighbours import smoothness
    from pipeline.randomness import rng

    accuracies = table.mean(table.val_metric)
    rows = np.flatnonzero(~np.isnan(accuracies))
    if len(rows) < 3:
        return {}, {}
    if len(rows) > COMPARED:
        some = rng(job.seed, "cells compared", job.settings["benchmark"]).permutation(len(rows))[:COMPARED]
        rows = rows[np.sort(some)]
    measures, differences = smoothness(embeddings[rows], accuracies[rows])
    return measures, {"smoothness/differences": differences, "smoothness/rows": rows}


def write(args, job, settings, archs, fitted, facts: dict[str, float]) -> None:
    """Write the artifact. archs: the benchmark's cells, which the embeddings in `fitted` are of."""
    from pipeline.settings import canonical_json
    from pipeline.storage.artifacts import put, put_archs, put_table, write_h5

    with write_h5(args.out, KIND, job, inputs=inputs_of(args)) as handle:
        handle.attrs["name"], handle.attrs["model"] = job.settings["name"], settings.model
        handle.attrs["space"], handle.attrs["run"] = archs.space, job.settings["run"]
        handle.attrs["settings"] = canonical_json(settings.model_dump(mode="json"))
        for key, value in facts.items():
            handle.attrs[key] = float(value)
        for part, module in fitted.modules.items():
            for key, tensor in module.state_dict().items():
                put(handle, f"weights/{part}/{key}", tensor.cpu().numpy())
        for path, values in fitted.arrays.items():
            put(handle, path, values)
        put_archs(handle, archs)
        put_table(handle, {key: [row[key] for row in fitted.history] for key in fitted.history[0]})


def read_settings(raw: dict):
    """Return the settings of the model that the recipe names."""
    from pipeline.autoencoders.infonas_settings import InfoNasSettings
    from pipeline.autoencoders.settings import Arch2VecSettings

    kinds = {"arch2vec": Arch2VecSettings, "infonas": InfoNasSettings}
    return kinds[raw["model"]](**{k: v for k, v in raw.items() if k not in NOT_OF_MODEL})


def inputs_of(args) -> list[Path]:
    """Return the files that are read."""
    files = [args.space_file, args.benchmark_table, args.io_dataset, args.images]
    return [file for file in files if file is not None]


def identity_of(args, job) -> str:
    """What a checkpoint must agree in to be continued: recipe, code, and the content of what is read."""
    from pipeline.settings import canonical_json
    from pipeline.storage.artifacts import provenance

    made_from = provenance(job, inputs_of(args))
    return json.dumps(
        [canonical_json(made_from["settings"]), made_from["seed"], made_from["code"], made_from["inputs"]]
    )
