"""Writes files of NAS-Bench-201 and NATS-Bench in exactly the official form, with numbers of its own.

The form is that of the authors' `state_dict`s: keys in their order, curves from epoch 0, sets recorded at
every epoch or (older trainings) at the last one only, some numbers NumPy scalars.
"""

from __future__ import annotations

import bz2
import pickle
from pathlib import Path

import numpy as np

SETS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("ori-test", "x-valid", "x-test"),
    "ImageNet16-120": ("ori-test", "x-valid", "x-test"),
}
CLASSES = {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}


def trial(dataset: str, seed: int, epochs: int, arch: str, rng, old: bool = False) -> dict:
    """Return one trial. old: test sets at the last epoch only, and no times of evaluations."""

    def curve(low, high):
        return dict(enumerate(rng.uniform(low, high, epochs).tolist()))

    accuracies, times, losses = {}, {}, {}
    for name in SETS[dataset]:
        for epoch in range(epochs) if not old or name == SETS[dataset][0] else [epochs - 1]:
            key = f"{name}@{epoch}"
            accuracies[key], losses[key] = float(rng.uniform(20, 95)), float(rng.uniform(0, 3))
            if not old:
                times[key] = float(rng.uniform(1, 2))
    return {
        "name": "infer.tiny",
        "net_state_dict": None,
        "train_acc1es": curve(20, 99),
        "train_acc5es": curve(20, 99),
        "train_losses": curve(0, 3),
        "train_times": curve(5, 6),
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": arch, "class_num": CLASSES[dataset]},
        "params": 0.5 + 0.001 * CLASSES[dataset],
        "flop": np.float64(100 + seed / 1000),
        "seed": seed,
        "epochs": epochs,
        "latency": [0.01, 0.02],
        "eval_names": list(SETS[dataset]),
        "eval_acc1es": accuracies,
        "eval_times": times,
        "eval_losses": losses,
    }


def block(index: int, arch: str, epochs: int, seeds: dict[str, list[int]], rng, old: bool = False) -> dict:
    """Return all trials of one architecture and number of epochs."""
    return {
        "arch_index": index,
        "arch_str": arch,
        "all_results": {
            (d, s): trial(d, s, epochs, arch, rng, old) for d, all_ in seeds.items() for s in all_
        },
        "dataset_seed": {d: list(all_) for d, all_ in seeds.items()},
        "clear_net_done": True,
    }


def content(archs: list[str], seed: int = 0) -> dict:
    """Return what is in the official file, for some architectures: one to three trials at 200 epochs."""
    rng, infos = np.random.default_rng(seed), {}
    for index, arch in enumerate(archs):
        full = ([888], [888, 777], [777, 888, 999])[index % 3]
        less = {d: [777, 888] if d == "cifar10-valid" else [777] for d in SETS}
        infos[index] = {
            "full": block(index, arch, 200, dict.fromkeys(SETS, full), rng, old=index % 2 == 1),
            "less": block(index, arch, 12, less, rng),
        }
    indexes = list(range(len(archs)))
    return {
        "meta_archs": archs,
        "total_archs": len(archs),
        "arch2infos": infos,
        "evaluated_indexes": set(indexes),
    }


def write_pth(path: Path, what, zipped: bool) -> Path:
    """Write a file as `torch.save` does, now (zipped) or before torch 1.6."""
    import torch

    torch.save(what, path, _use_new_zipfile_serialization=zipped)
    return path


def write_nats(folder: Path, what: dict) -> Path:
    """Write a folder of NATS-Bench with the same trials."""
    folder.mkdir()
    meta = {key: what[key] for key in ("meta_archs", "total_archs", "evaluated_indexes")}
    files = {"meta": meta}
    for index, info in what["arch2infos"].items():
        files[f"{index:06d}"] = {"12": info["less"], "200": info["full"]}
    for name, value in files.items():
        write_pbz2(folder / f"{name}.pickle.pbz2", value)
    return folder


def write_pbz2(path: Path, value) -> None:
    """Write one file of such a folder."""
    path.write_bytes(bz2.compress(pickle.dumps(value, protocol=4)))
