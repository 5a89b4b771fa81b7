"""Command `io_dataset`: collect what trained networks output for images."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from pipeline.io_dataset.roles import SEEN, UNSEEN

HELP = "Collect the outputs of trained networks for images, with their dense weights, network by network."
KIND = "io_dataset"
CHUNK = 4 << 20  # bytes; about the size of a piece on disk
log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument("--children", type=Path, nargs="+", required=True, help="chunks of trained networks")
    parser.add_argument(
        "--benchmark-table", type=Path, required=True, help="says which networks are held out"
    )
    parser.add_argument("--images", type=Path, required=True, help="the image set that they were trained on")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for what is under way; emptied at the end"
    )
    parser.add_argument("--out", type=Path, required=True, help="data set to write (HDF5)")


def run(args, job) -> None:
    """Write kind "io_dataset"; the labelled cells' networks are for training, held-out ones are unseen.

    Outputs are kept in the work folder network by network: a killed run loses the one under way, and the
    next run goes on to the same bytes. Disk: twice the data set while it is put together.
    """
    from pipeline.benchmarks.tables import load_table
    from pipeline.children.reading import load_children
    from pipeline.errors import DataError
    from pipeline.images.sets import load_images
    from pipeline.io_dataset.origin import check_origin
    from pipeline.io_dataset.settings import IoDatasetSettings
    from pipeline.storage.files import checksum

    settings = IoDatasetSettings(**job.settings["io_dataset"])
    table, children = load_table(args.benchmark_table), load_children(args.children)
    images, images_checksum = load_images(args.images), checksum(args.images)
    check_origin(args.children, args.images, images_checksum, job.settings)
    if not (table.role == "labelled").any():
        raise DataError(f"{args.benchmark_table}: has no labelled cell, so no network for training")
    index, role = choose_images(images, settings.n_unseen_images, job.seed)
    kept = collect(args.work, table, children, images, index, images_checksum, job)
    write(args, job, settings, table, images, images_checksum, index, role, kept)
    kept.remove()
    log.info(
        "outputs of %d networks for %d images (%d unseen)",
        len(table),
        len(index),
        int((role == UNSEEN).sum()),
    )


def collect(work: Path, table, children, images, index: np.ndarray, images_checksum: str, job):
    """Return the kept outputs of all of the table's cells for the images `index`; compute what is not there.

    Raises DataError if a cell was trained in none of the chunks.
    """
    from pipeline.errors import DataError
    from pipeline.io_dataset.extraction import extract
    from pipeline.io_dataset.kept import KeptOutputs, digest
    from pipeline.io_dataset.settings import IoDatasetSettings
    from pipeline.progress import track
    from pipeline.settings import canonical_json

    row_of = {cell: row for row, cell in enumerate(children.table["cell"])}
    absent = [cell for cell in table.cells if cell not in row_of]
    if absent:
        raise DataError(f"{table.name}: cell {absent[0]} is in none of the chunks given; give all chunks")
    settings, device = IoDatasetSettings(**job.settings["io_dataset"]), job.torch_device()
    identity = [job.settings, job.seed, job.code, images_checksum, device.type]
    kept = KeptOutputs(work, canonical_json(identity))
    pixels, classes, reused = images.normalised(images.images[index]), len(images.classes), 0
    for cell in track(table.cells, "networks"):
        arch, weights = children.archs[row_of[cell]], children.weights(row_of[cell])
        if kept.get(cell, digest(weights)) is not None:
            reused += 1
            continue
        try:
            outputs = extract(arch, weights, job.settings, pixels, classes, settings, device)
        except DataError as error:
            raise DataError(f"{children.files[row_of[cell]]}: cell {cell}: {error}") from error
        kept.put(cell, digest(weights), outputs)
    if reused:
        log.info("%d of %d networks' outputs were there from an earlier run", reused, len(table))
    return kept


def write(args, job, settings, table, images, images_checksum, index, role, kept) -> None:
    """Put the data set together from the kept outputs; one network in memory at a time."""
    from pipeline.errors import ArtifactError
    from pipeline.storage.artifacts import put, put_archs, put_table, write_h5

    network_role = np.where(table.role == "labelled", SEEN, UNSEEN).astype(np.uint8)
    with write_h5(args.out, KIND, job, inputs=[*args.children, args.benchmark_table, args.images]) as handle:
        handle.attrs["layer"], handle.attrs["images"] = settings.layer, images.name
        handle.attrs["images_checksum"] = images_checksum
        put_archs(handle, table.archs)
        for name, values in (("image_index", index), ("image_role", role), ("network_role", network_role)):
            put(handle, name, values)
        put(handle, "labels", images.labels[index].astype(np.int64))
        datasets = None
        for i, cell in enumerate(table.cells):
            outputs = kept.get(cell)
            if outputs is None:
                raise ArtifactError(f"{kept.folder}: the outputs of cell {cell} went away; run it again")
            if datasets is None:
                datasets = create(handle, len(table), outputs)
            for dataset, of_network in zip(datasets, outputs, strict=True):
                dataset[i] = of_network
        columns = {"cell": table.cells, "network_role": network_role}
        put_table(handle, columns | {"val_acc": table.mean(table.val_metric)})


def create(handle, n: int, outputs) -> list:
    """Create the data sets for n networks like `outputs`, to be written network by network.

    A piece on disk is one network, or equal parts of it if it is large: training reads network by network,
    seen images first.
    """
    n_pieces = max(1, -(-outputs.values.nbytes // CHUNK))
    per_piece = -(-len(outputs.values) // n_pieces)
    return [
        handle.create_dataset(
            name,
            (n, *values.shape),
            dtype=values.dtype,
            chunks=(1, length, *values.shape[1:]),
            fletcher32=True,
            track_times=False,
        )
        for name, values, length in (
            ("outputs", outputs.values, per_piece),
            ("class_weights", outputs.class_weights, len(outputs.class_weights)),
            ("class_bias", outputs.class_bias, len(outputs.class_bias)),
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
    role = np.repeat(np.array([SEEN, UNSEEN], np.uint8), [len(valid), n_unseen])
    return np.concatenate([valid, unseen]), role
