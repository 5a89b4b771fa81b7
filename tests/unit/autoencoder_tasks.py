"""Small autoencoders to train, for tests."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

import torch

from pipeline.autoencoders.infonas_settings import InfoNasSettings
from pipeline.autoencoders.settings import Arch2VecSettings
from pipeline.autoencoders.training import Task
from pipeline.autoencoders.vae import Graphs
from pipeline.spaces.archs import Archs
from tests.unit import trained_networks as trained

SMALL = {"hidden_dim": 24, "n_cells": 300, "n_held_out": 100, "n_samples": 200, "epochs": 3, "batch_size": 32}
JOINT = {**SMALL, "image_width": 4, "head_dim": 32, "labelled_batch_size": 64, "labelled_batch_images": 16}
CPU = torch.device("cpu")
torch.set_num_threads(1)  # threads cost more than they bring at this size


def task_of(cells: Archs, settings, files=None, **changes) -> Task:
    task = Task(settings, "nasbench101", Graphs.of(cells[100:], CPU), Graphs.of(cells[:100], CPU), CPU)
    task = replace(task, held_out_archs=cells[:100], seed=3)
    if files is not None:
        task = replace(task, io_dataset=files.io_dataset, images=files.images)
    return replace(task, **changes)


def fit(method, task: Task, seed: int = 0):
    torch.manual_seed(seed)
    return method.fit(task)


def killed_in_epoch(epoch: int, measure):
    """Return (`measure`, which ends an epoch, but killed in one counted from 1; its calls so far)."""
    calls = []

    def killed(*args):
        calls.append(args)
        if len(calls) == epoch:
            raise KeyboardInterrupt
        return measure(*args)

    return killed, calls


def same_weights(a, b) -> bool:
    pairs = [(a.modules[name].state_dict(), b.modules[name].state_dict()) for name in a.modules]
    return all(torch.equal(x[key], y[key]) for x, y in pairs for key in x)


def arguments(files, folder, model: str, run: int = 1, **changes) -> tuple[Namespace, object]:
    labelled = {"io_dataset": files.io_dataset, "images": files.images} if model == "infonas" else {}
    args = Namespace(
        **{"io_dataset": None, "images": None, **labelled},
        space_file=files.space,
        benchmark_table=files.table,
        work=folder / "work",
        out=folder / f"{model}.h5",
    )
    settings = (
        Arch2VecSettings(**SMALL | changes) if model == "arch2vec" else InfoNasSettings(**JOINT | changes)
    )
    settings = settings.model_dump(mode="json")
    settings = {k: v for k, v in settings.items() if k != "n_seeds"}
    settings |= {"benchmark": "tiny", "space": "nasbench101", "name": model, "run": run}
    if model == "infonas":
        settings["io_dataset"] = "tiny"
    return args, trained.job("autoencoders", settings)
