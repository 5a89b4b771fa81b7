"""The stage `zeroshot`: score a chunk of untrained networks."""

from __future__ import annotations

from pathlib import Path

HELP = "Score the untrained networks of a chunk of cells (GATES++, section 5)."


def add_arguments(parser) -> None:
    """Add the command's arguments."""
    cells = parser.add_mutually_exclusive_group(required=True)
    cells.add_argument("--space-file", type=Path, metavar="FILE", help="cells of the search space")
    cells.add_argument("--benchmark-table", type=Path, metavar="FILE", help="score the table's cells instead")
    parser.add_argument(
        "--images", type=Path, required=True, metavar="FILE", help="image set that networks see"
    )
    parser.add_argument("--chunk", type=int, required=True, metavar="K", help="which chunk, counted from 0")
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="folder that keeps scores, so that none is computed twice",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="HDF5 file to write")


def run(args, job) -> None:
    """Write the scores of the chunk's cells.

    What `--cache` keeps is not computed again. Raises ConfigError if the image set is another than
    configured, has fewer training images than `batch_size`, or there are too few cells.
    """
    from pipeline import spaces
    from pipeline.images.sets import load_images
    from pipeline.spaces.catalogue import sampled
    from pipeline.zeroshot.cells import batch_rows, cells_of_table
    from pipeline.zeroshot.chunks import report_missing, write_chunk
    from pipeline.zeroshot.missing_scores import scores_of
    from pipeline.zeroshot.settings import ChunkSettings

    settings = ChunkSettings(**job.settings)
    images = load_images(args.images)
    rows = batch_rows(images, settings, job.seed)
    part = job.seed, settings.start, settings.start + settings.count
    if args.space_file is not None:
        archs, role = sampled(args.space_file, *part), None
    else:
        archs, role = cells_of_table(args.benchmark_table, settings.benchmark, *part)
    sheet = scores_of(archs, images, settings, job.seed, job.torch_device(), args.cache)
    cells = spaces.load(archs.space).cell_ids(archs)
    write_chunk(
        args.out, job, [args.space_file or args.benchmark_table, args.images], archs, cells, role, rows, sheet
    )
    report_missing({metric: sheet.columns[metric].reason for metric in settings.metrics})
