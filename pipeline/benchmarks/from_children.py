"""A benchmark table from networks that were trained here."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.benchmarks.tables import BenchmarkTable
from pipeline.children.reading import load_children
from pipeline.errors import ArtifactError
from pipeline.spaces import load

log = logging.getLogger("nasflow")


def table_from_children(paths: Sequence[Path], settings: dict, image_shape, n_train_images: int):
    """Return (table, number of failed networks) from chunks of trained networks.

    settings: benchmark, n_held_out, n_labelled, images, network, training of the recipe. Networks at
    positions below n_held_out are held out, those after them labelled; failed ones are left out.
    Cost train_flops: 3 x the forward pass's (forward, and twice that backward) x training images x epochs.
    Raises ArtifactError if a position is missing from the chunks.
    """
    children = load_children(paths)
    frame = children.table
    wanted = settings["n_held_out"] + settings["n_labelled"]
    missing = np.setdiff1d(np.arange(wanted), frame["position"].to_numpy())
    if len(missing):
        raise ArtifactError(f"children: networks {missing[:5].tolist()} of {wanted} are in none of the chunks given")
    use = ((frame["status"] == "ok") & (frame["position"] < wanted)).to_numpy()
    for row in frame[~use & (frame["position"] < wanted)].itertuples():
        log.warning("network %s is left out of the table: %s", row.cell, row.reason)
    rows = np.flatnonzero(use)
    archs, kept = children.archs[rows], frame.iloc[rows]
    epochs, images = settings["training"]["epochs"], settings["images"]
    names = {which: f"{images}/{which}@{epochs}" for which in ("val_acc", "test_acc", "train_acc")}
    channels, height, _ = image_shape
    flops = load(archs.space).flops(archs, **settings["network"], in_channels=channels, image_size=height)
    table = BenchmarkTable(
        name=settings["benchmark"],
        archs=archs,
        cells=kept["cell"].tolist(),
        role=np.where(kept["position"] < settings["n_held_out"], "held_out", "labelled"),
        metrics={names[which]: kept[which].to_numpy(np.float32)[:, None] for which in names},
        val_metric=names["val_acc"],
        test_metric=names["test_acc"],
        costs={
            "params": kept["params"].to_numpy(np.int64),
            "train_flops": 3.0 * flops.astype(np.float64) * n_train_images * epochs,
        },
    )
    return table, int((~use).sum())
