"""Command `autoencoders`: train arch2vec or info-NAS."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import numpy as np

from pipeline.errors import ConfigError, DataError, UserError

HELP = "Train arch2vec on unlabelled cells, or info-NAS on these and on what trained networks output."
KIND = "autoencoder"
log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument("--autoencoder", required=True, help="name of the autoencoder in the configuration")
    parser.add_argument("--space-file", type=Path, required=True, help="all cells of the search space")
    parser.add_argument("--benchmark-table", type=Path, required=True, help="cells to embed, and not to train on")
    parser.add_argument("--io-dataset", type=Path, help="outputs of trained networks (info-NAS)")
    parser.add_argument("--images", type=Path, help="the images of that data set (info-NAS)")
    parser.add_argument("--work", type=Path, required=True, help="folder for the checkpoint; removed at the end")
    parser.add_argument("--out", type=Path, required=True, help="autoencoder to write (HDF5)")


def run(args, job) -> None:
    """Write kind "autoencoder": weights, one row an epoch, held-out measures, the benchmark's embeddings."""
    from pipeline.artifacts import put, put_archs, put_table, write_h5
    from pipeline.autoencoders.arch2vec import Arch2Vec, Graphs
    from pipeline.autoencoders.joint import mean_baseline, train_arch2vec, train_infonas
    from pipeline.autoencoders.measures import embed, latent_samples
    from pipeline.benchmarks.tables import load_table
    from pipeline.randomness import seed_torch, torch_generator
    from pipeline.settings import canonical_json
    from pipeline.spaces import load

    settings = read_settings(job.settings)
    name, benchmark, device = job.settings["name"], job.settings["benchmark"], job.torch_device()
    table = load_table(args.benchmark_table)
    held_out, cells = choose_cells(args.space_file, table.archs, settings, job.seed, benchmark)
    held_out, cells = Graphs.of(held_out, device), Graphs.of(cells, device)
    n_ops = load(table.archs.space).N_OPS
    checkpoint, identity = args.work / "checkpoint.pt", identity_of(args, job)
    inputs = [args.space_file, args.benchmark_table]
    # one stream for both models: info-NAS starts from the same autoencoder as arch2vec
    seed_torch(job.seed, "autoencoder", benchmark)
    facts: dict[str, float] = {}
    if settings.model == "infonas":
        model, pairs = joint_model(args, job, settings, n_ops, device)
        inputs += [args.io_dataset, args.images]
        history = train_infonas(model, cells, held_out, pairs, settings, checkpoint, identity)
        facts |= {f"mean_baseline_{k}": v for k, v in mean_baseline(pairs.io, settings.loss).items()}
        vae, states = model.vae, {"vae": model.vae, "regressor": model.regressor}
    else:
        vae = Arch2Vec(n_ops, settings).to(device)
        history = train_arch2vec(vae, cells, held_out, settings, checkpoint, identity)
        states = {"vae": vae}
    generator = torch_generator(job.seed, "latent samples", benchmark)
    facts |= {k: v for k, v in history[-1].items() if k != "epoch"}
    facts |= latent_samples(vae, embed(vae, held_out), settings.n_samples, table.archs.space, generator)
    with write_h5(args.out, KIND, job, inputs=inputs) as handle:
        handle.attrs["space"], handle.attrs["settings"] = table.archs.space, canonical_json(settings.model_dump(mode="json"))
        handle.attrs["name"], handle.attrs["model"] = name, settings.model
        for key, value in facts.items():
            handle.attrs[key] = float(value)
        for part, module in states.items():
            for key, tensor in module.state_dict().items():
                put(handle, f"weights/{part}/{key}", tensor.cpu().numpy())
        put_archs(handle, table.archs)
        put(handle, "embeddings", embed(vae, Graphs.of(table.archs, device)).flatten(1).numpy())
        put_table(handle, {key: [row[key] for row in history] for key in history[0]})
    shutil.rmtree(args.work, ignore_errors=True)
    log.info("%s: %s", name, ", ".join(f"{key} {value:.4f}" for key, value in facts.items()))


def read_settings(raw: dict):
    """Return the settings of the model that the recipe names."""
    from pipeline.autoencoders.settings import Arch2VecSettings, InfoNasSettings

    kinds = {"arch2vec": Arch2VecSettings, "infonas": InfoNasSettings}
    return kinds[raw["model"]](**{k: v for k, v in raw.items() if k not in ("benchmark", "space", "name")})


def identity_of(args, job) -> str:
    """What a checkpoint must agree in to be continued: recipe, code, and the content of what is read."""
    from pipeline.artifacts import provenance
    from pipeline.settings import canonical_json

    files = [args.space_file, args.benchmark_table, args.io_dataset, args.images]
    made_from = provenance(job, [f for f in files if f is not None])
    return json.dumps([canonical_json(made_from["settings"]), made_from["seed"], made_from["code"], made_from["inputs"]])


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
    wanted = settings.n_held_out + settings.n_cells
    if wanted > len(order):
        raise ConfigError(
            f"autoencoders: n_held_out + n_cells = {wanted} cells, but {archs.space} has {len(order)} "
            "beside the benchmark's; lower one of them"
        )
    return archs[order[: settings.n_held_out]], archs[order[settings.n_held_out : wanted]]


def joint_model(args, job, settings, n_ops: int, device):
    """Return (info-NAS model, its labelled data). Raises UserError or DataError if the data do not fit."""
    import torch

    from pipeline.artifacts import checksum
    from pipeline.autoencoders.arch2vec import Graphs
    from pipeline.autoencoders.infonas import InfoNas
    from pipeline.autoencoders.joint import Pairs
    from pipeline.images.sets import load_images
    from pipeline.io_dataset.reading import load_io_dataset

    if args.io_dataset is None or args.images is None:
        raise UserError("info-NAS learns what trained networks output; give --io-dataset and --images")
    io, images = load_io_dataset(args.io_dataset, settings.preprocessing), load_images(args.images)
    if io.images_checksum != checksum(args.images):
        raise DataError(f"{args.io_dataset}: its outputs belong to other images than {args.images}; make it again")
    if io.archs.space != job.settings["space"]:
        raise DataError(f"{args.io_dataset}: holds networks of {io.archs.space}, expected {job.settings['space']}")
    model = InfoNas(n_ops, io.archs.ops.shape[1], images.shape[0], io.targets.shape[2], settings)
    pixels = torch.as_tensor(images.normalised(images.images[io.image_index]), device=device)
    targets = torch.as_tensor(io.targets, device=device)
    return model.to(device), Pairs(io, Graphs.of(io.archs, device), pixels, targets)
