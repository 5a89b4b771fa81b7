"""Command `autoencoders`: train arch2vec or info-NAS."""

from __future__ import annotations

import importlib
import json
import logging
from pathlib import Path

import numpy as np

from pipeline.errors import ConfigError

HELP = "Train arch2vec on unlabelled cells, or info-NAS on these and on what trained networks output."
KIND = "autoencoder"
log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument("--autoencoder", required=True, help="name of the autoencoder in the configuration")
    parser.add_argument("--space-file", type=Path, required=True, help="all cells of the search space")
    parser.add_argument(
        "--benchmark-table", type=Path, required=True, help="cells to embed, and not to train on"
    )
    parser.add_argument("--io-dataset", type=Path, help="outputs of trained networks (info-NAS)")
    parser.add_argument("--images", type=Path, help="the images of that data set (info-NAS)")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for the checkpoint, which goes at the end"
    )
    parser.add_argument("--out", type=Path, required=True, help="autoencoder to write (HDF5)")


def run(args, job) -> None:
    """Write kind "autoencoder": weights, one row an epoch, held-out measures, the benchmark's embeddings."""
    from pipeline.autoencoders.measures import embed, latent_samples
    from pipeline.autoencoders.training import Task
    from pipeline.autoencoders.vae import Graphs
    from pipeline.benchmarks.tables import load_table
    from pipeline.randomness import seed_torch, torch_generator

    settings, benchmark, device = read_settings(job.settings), job.settings["benchmark"], job.torch_device()
    archs = load_table(args.benchmark_table).archs
    held_out, cells = choose_cells(args.space_file, archs, settings, job.seed, benchmark)
    task = Task(
        settings=settings,
        space=archs.space,
        cells=Graphs.of(cells, device),
        held_out=Graphs.of(held_out, device),
        device=device,
        checkpoint=args.work / "checkpoint.pt",
        identity=identity_of(args, job),
        io_dataset=args.io_dataset,
        images=args.images,
    )
    # one stream for both models: info-NAS starts from the same autoencoder as arch2vec
    seed_torch(job.seed, "autoencoder", benchmark)
    fitted = importlib.import_module(f"pipeline.autoencoders.{settings.model}").fit(task)
    generator = torch_generator(job.seed, "latent samples", benchmark)
    mu = embed(fitted.vae, task.held_out)
    facts = fitted.facts | {k: v for k, v in fitted.history[-1].items() if k != "epoch"}
    facts |= latent_samples(fitted.vae, mu, settings.n_samples, archs.space, generator)
    write(args, job, settings, archs, fitted, facts, embed(fitted.vae, Graphs.of(archs, device)))
    task.checkpoint.unlink(missing_ok=True)
    words = ", ".join(f"{key} {value:.4f}" for key, value in facts.items())
    log.info("%s: %s", job.settings["name"], words)


def write(args, job, settings, archs, fitted, facts: dict[str, float], embeddings) -> None:
    """Write the artifact. embeddings: (N, V, latent) of the benchmark's cells `archs`."""
    from pipeline.artifacts import put, put_archs, put_table, write_h5
    from pipeline.settings import canonical_json

    with write_h5(args.out, KIND, job, inputs=inputs_of(args)) as handle:
        handle.attrs["name"], handle.attrs["model"] = job.settings["name"], settings.model
        handle.attrs["space"] = archs.space
        handle.attrs["settings"] = canonical_json(settings.model_dump(mode="json"))
        for key, value in facts.items():
            handle.attrs[key] = float(value)
        for part, module in fitted.modules.items():
            for key, tensor in module.state_dict().items():
                put(handle, f"weights/{part}/{key}", tensor.cpu().numpy())
        for path, values in fitted.arrays.items():
            put(handle, path, values)
        put_archs(handle, archs)
        put(handle, "embeddings", embeddings.flatten(1).numpy())
        put_table(handle, {key: [row[key] for row in fitted.history] for key in fitted.history[0]})


def read_settings(raw: dict):
    """Return the settings of the model that the recipe names."""
    from pipeline.autoencoders.settings import Arch2VecSettings, InfoNasSettings

    kinds = {"arch2vec": Arch2VecSettings, "infonas": InfoNasSettings}
    return kinds[raw["model"]](**{k: v for k, v in raw.items() if k not in ("benchmark", "space", "name")})


def inputs_of(args) -> list[Path]:
    """Return the files that are read."""
    files = [args.space_file, args.benchmark_table, args.io_dataset, args.images]
    return [file for file in files if file is not None]


def identity_of(args, job) -> str:
    """What a checkpoint must agree in to be continued: recipe, code, and the content of what is read."""
    from pipeline.artifacts import provenance
    from pipeline.settings import canonical_json

    made_from = provenance(job, inputs_of(args))
    return json.dumps(
        [canonical_json(made_from["settings"]), made_from["seed"], made_from["code"], made_from["inputs"]]
    )


def choose_cells(space_file: Path, known, settings, seed: int, benchmark: str):
    """Return (cells to measure reconstruction on, unlabelled cells to train on), disjoint.

    The benchmark's cells are in neither. Raises ConfigError if the space is too small.
    """
    from pipeline.randomness import rng
    from pipeline.spaces import load
    from pipeline.spaces.catalogue import load_space

    archs, keys = load_space(space_file)
    order = rng(seed, "autoencoder cells", benchmark).permutation(len(archs))
    order = order[~np.isin(keys[order], load(archs.space).canonical_key(known))]
    wanted = settings.n_held_out + settings.n_cells if settings.n_cells else len(order)
    if wanted > len(order) or wanted < settings.n_held_out + 2:
        raise ConfigError(
            f"autoencoders: n_held_out + n_cells = {wanted} cells, but {archs.space} has {len(order)} "
            "beside the benchmark's; lower one of them"
        )
    return archs[order[: settings.n_held_out]], archs[order[settings.n_held_out : wanted]]
