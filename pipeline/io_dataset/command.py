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
    parser.add_argument("--benchmark-table", type=Path, required=True, help="says which networks are held out")
    parser.add_argument("--images", type=Path, required=True, help="the image set that they were trained on")
    parser.add_argument("--out", type=Path, required=True, help="data set to write (HDF5)")


def run(args, job) -> None:
    """Write kind "io_dataset"; the labelled cells' networks are for training, held-out ones are unseen."""
    from pipeline.artifacts import checksum, put, put_archs, put_table, write_h5
    from pipeline.benchmarks.tables import load_table
    from pipeline.children.reading import load_children
    from pipeline.errors import DataError
    from pipeline.images.sets import load_images
    from pipeline.io_dataset.extraction import gap_outputs
    from pipeline.io_dataset.settings import IoDatasetSettings
    from pipeline.progress import track

    s = job.settings
    settings = IoDatasetSettings(**s["io_dataset"])
    table, children, images = load_table(args.benchmark_table), load_children(args.children), load_images(args.images)
    row_of = {cell: row for row, cell in enumerate(children.table["cell"])}
    absent = [cell for cell in table.cells if cell not in row_of]
    if absent:
        raise DataError(f"{args.benchmark_table}: cell {absent[0]} was trained in none of the chunks given")
    index, role = choose_images(images, settings.n_unseen_images, job.seed)
    pixels, labels = images.normalised(images.images[index]), images.labels[index].astype(np.int64)
    device, n = job.torch_device(), len(table)
    network_role = np.where(table.role == "labelled", TRAIN, UNSEEN).astype(np.uint8)
    with write_h5(args.out, KIND, job, inputs=[*args.children, args.benchmark_table, args.images]) as handle:
        handle.attrs["layer"], handle.attrs["images"] = settings.layer, images.name
        handle.attrs["images_checksum"] = checksum(args.images)
        put_archs(handle, table.archs)
        for name, values in (("image_index", index), ("image_role", role), ("labels", labels)):
            put(handle, name, values)
        put(handle, "network_role", network_role)
        written = None
        for i, cell in enumerate(track(table.cells, "networks")):
            row = row_of[cell]
            outputs, weights, bias = gap_outputs(
                children.archs[row], children.weights(row), s["network"], pixels, len(images.classes), settings, device
            )
            if written is None:
                written = create(handle, n, outputs.shape, weights.shape, settings.dtype)
            for dataset, values in zip(written, (outputs, weights, bias), strict=True):
                dataset[i] = values
        put_table(handle, {"cell": table.cells, "network_role": network_role, "val_acc": table.mean(table.val_metric)})
    log.info("outputs of %d networks for %d images (%d unseen)", n, len(index), int((role == UNSEEN).sum()))


def create(handle, n: int, outputs_shape, weights_shape, dtype: str):
    """Create the data sets that are written network by network; a chunk is one network."""
    images, features = outputs_shape
    return [
        handle.create_dataset(name, (n, *shape), dtype=kind, chunks=(1, *shape), fletcher32=True, track_times=False)
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
        raise DataError(f"io_dataset.n_unseen_images: {n_unseen}, but {images.name} has {len(test)} test images")
    unseen = np.sort(rng(seed, "unseen images", images.name).choice(test, n_unseen, replace=False))
    role = np.repeat(np.array([TRAIN, UNSEEN], np.uint8), [len(valid), n_unseen])
    return np.concatenate([valid, unseen]), role
