"""The stage `zeroshot`: score a chunk of untrained networks."""

from __future__ import annotations

import logging
from pathlib import Path

HELP = "Score the untrained networks of a chunk of cells (GATES++, section 5)."
KIND = "zeroshot_chunk"

log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's arguments."""
    cells = parser.add_mutually_exclusive_group(required=True)
    cells.add_argument("--space-file", type=Path, metavar="FILE", help="cells of the search space")
    cells.add_argument("--benchmark-table", type=Path, metavar="FILE", help="score the table's cells instead")
    parser.add_argument(
        "--images", type=Path, required=True, metavar="FILE", help="image set that networks see"
    )
    parser.add_argument("--chunk", type=int, required=True, metavar="K", help="which chunk, counted from 0")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="HDF5 file to write")


def run(args, job) -> None:
    """Write the scores of the chunk's cells.

    Raises ConfigError if the image set is another than configured, has fewer training images than
    `batch_size`, or there are too few cells.
    """
    from pipeline.artifacts import put, put_archs, put_table, write_h5
    from pipeline.errors import ConfigError
    from pipeline.images.sets import load_images
    from pipeline.spaces.catalogue import sampled
    from pipeline.zeroshot.cells import cells_of_table
    from pipeline.zeroshot.scores import score_cells
    from pipeline.zeroshot.settings import ChunkSettings

    settings = ChunkSettings(**job.settings)
    images = load_images(args.images)
    if images.name != settings.images:
        raise ConfigError(
            f"{args.images}: holds the images {images.name!r}, but {settings.images!r} were asked for"
        )
    n_train = len(images.part("train")[0])
    if n_train < settings.batch_size:
        raise ConfigError(
            f"zeroshot.batch_size: {settings.batch_size}, but {images.name} has {n_train} training images"
        )
    part = job.seed, settings.start, settings.start + settings.count
    if args.space_file is not None:
        archs, role = sampled(args.space_file, *part), None
    else:
        archs, role = cells_of_table(args.benchmark_table, settings.benchmark, *part)
    scores = score_cells(archs, images, settings, job.seed, job.torch_device())
    report_missing(scores.reason, len(archs))
    inputs = [args.space_file or args.benchmark_table, args.images]
    with write_h5(args.out, KIND, job, inputs=inputs) as handle:
        handle.attrs["start"] = settings.start
        put_archs(handle, archs)
        for group, values in (("arch", scores.arch), ("op", scores.op)):
            for metric, numbers in values.items():
                put(handle.require_group(group), metric, numbers)
        roles = {} if role is None else {"role": role}
        put_table(handle, {"cell": scores.cells, **roles, **scores.arch, "reason": scores.reason})


def report_missing(reasons: list[str], total: int) -> None:
    """Log how many cells lack a score, by reason."""
    missing = [reason for reason in reasons if reason]
    if missing:
        log.warning("%d of %d cells lack a score (NaN in the file):", len(missing), total)
    for reason in sorted(set(missing)):
        log.warning("  %d: %s", missing.count(reason), reason)
