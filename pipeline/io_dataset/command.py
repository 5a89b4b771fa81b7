"""Command `io_dataset`: collect what trained networks output for images."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

HELP = "Collect the outputs of trained networks for images, with their dense weights, network by network."
KIND = "io_dataset"
TRAIN, UNSEEN = 0, 1  # roles of networks and of images
log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument("--children", type=Path, nargs="+", required=True, help="chunks of trained networks")
    parser.add_argument(
        "--benchmark-table", type=Path, required=True, help="says which networks are held out"
    )
    parser.add_argument("--images", type=Path, required=True, help="the image set that they were trained on")
    parser.add_argument("--out", type=Path, required=True, help="data set to write (HDF5)")


def run(args, job) -> None:
    """Write kind "io_dataset"; the labelled cells' networks are for training, held-out ones are unseen."""
    from pipeline.artifacts import checksum, put, put_archs, put_table, write_h5
    from pipeline.benchmarks.tables import load_table
    from pipeline.children.reading import load_children
    from pipeline.images.sets import load_images
    from pipeline.io_dataset.settings import IoDatasetSettings

    settings = IoDatasetSettings(**job.settings["io_dataset"])
    table, children = load_table(args.benchmark_table), load_children(args.children)
    images = load_images(args.images)
    index, role = choose_images(images, settings.n_unseen_images, job.seed)
    network_role = np.where(table.role == "labelled", TRAIN, UNSEEN).astype(np.uint8)
    with write_h5(args.out, KIND, job, inputs=[*args.children, args.benchmark_table, args.images]) as handle:
        handle.attrs["layer"], handle.attrs["images"] = settings.layer, images.name
        handle.attrs["images_checksum"] = checksum(args.images)
        put_archs(handle, table.archs)
        for name, values in (("image_index", index), ("image_role", role), ("network_role", network_role)):
            put(handle, name, values)
        put(handle, "labels", images.labels[index].astype(np.int64))
        write_outputs(handle, table, children, images, index, settings, job)
        columns = {"cell": table.cells, "network_role": network_role}
        put_table(handle, columns | {"val_acc": table.mean(table.val_metric)})
    log.info(
        "outputs of %d networks for %d images (%d unseen)",
        len(table),
        len(index),
        int((role == UNSEEN).sum()),
    )


def write_outputs(handle, table, children, images, index: np.ndarray, settings, job) -> None:
    """Write the outputs and dense layers of the table's cells for the images `index`, network by network.

    Raises DataError if a cell was trained in none of the chunks.
    """
    from pipeline.errors import DataError
    from pipeline.io_dataset.extraction import gap_outputs
    from pipeline.progress import track

    row_of = {cell: row for row, cell in enumerate(children.table["cell"])}
    absent = [cell for cell in table.cells if cell not in row_of]
    if absent:
        raise DataError(f"{table.name}: cell {absent[0]} is in none of the chunks given; give all chunks")
    pixels, classes, device = images.normalised(images.images[index]), len(images.classes), job.torch_device()
    written = None
    for i, cell in enumerate(track(table.cells, "networks")):
        arch, weights = children.archs[row_of[cell]], children.weights(row_of[cell])
        values = gap_outputs(arch, weights, job.settings, pixels, classes, settings, device)
        if written is None:
            written = create(handle, len(table), values[0].shape, values[1].shape, settings.dtype)
        for dataset, of_network in zip(written, values, strict=True):
            dataset[i] = of_network


def create(handle, n: int, outputs_shape, weights_shape, dtype: str):
    """Create the data sets that are written network by network; a chunk is one network."""
    images, features = outputs_shape
    return [
        handle.create_dataset(
            name, (n, *shape), dtype=kind, chunks=(1, *shape), fletcher32=True, track_times=False
        )
        for name, shape, kind in (
            ("outputs", (images, features), dtype),
            ("class_weights", weights_shape, "float32"),
            ("class_bias", weights_shape[:1], "float32"),
        )
    ]


def choose_images(images, n_unseen: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (rows of the image set, role): all validation images are seen, drawn test images unseen.

    Raises DataError if there are fewer test images than asked for.
    """
    from pipeline.errors import DataError
    from pipeline.randomness import rng

    valid, test = np.flatnonzero(images.split == 1), np.flatnonzero(images.split == 2)
    if n_unseen > len(test):
        raise DataError(
            f"io_dataset.n_unseen_images: {n_unseen}, but {images.name} has {len(test)} test images"
        )
    unseen = np.sort(rng(seed, "unseen images", images.name).choice(test, n_unseen, replace=False))
    role = np.repeat(np.array([TRAIN, UNSEEN], np.uint8), [len(valid), n_unseen])
    return np.concatenate([valid, unseen]), role
