"""Accuracies of networks that are trained here; those of labelled cells are known from the start."""

from __future__ import annotations

import argparse

from pipeline import spaces
from pipeline.benchmarks.tables import load_table
from pipeline.children.kept import Kept
from pipeline.children.oracle import TrainingOracle
from pipeline.errors import UserError
from pipeline.images.sets import load_images
from pipeline.job import Job
from pipeline.search.context import draw_initial
from pipeline.search.domain import Domain
from pipeline.search.settings import SearchSettings, check_against_space
from pipeline.spaces.by_cost import network_costs
from pipeline.spaces.catalogue import load_space


def begin(args: argparse.Namespace, job: Job, search: SearchSettings, device):
    """Return (Domain, oracle, initial cells of all runs, reserve of each run).

    The domain is the whole space, also where only a catalogue of it is listed. Searches start from labelled
    cells. These are known to the oracle; held-out ones are not.
    Raises UserError if a file that is needed was not given, or for networks to be trained less than one at a
    time.
    """
    s = job.settings
    listed = s["space"] not in spaces.UNLISTED
    if args.images is None or args.cache is None or (listed and args.space_file is None):
        raise UserError(
            "search: this benchmark's networks are trained here; give --space-file, --images and --cache"
        )
    if args.side_by_side < 1:
        raise UserError(f"--side-by-side: expected at least 1, got {args.side_by_side}")
    table = load_table(args.benchmark_table, s["benchmark"])
    domain = Domain(spaces.load(s["space"]), load_space(args.space_file)[0] if listed else None)
    labelled = table.rows("labelled")
    check_against_space(search, domain.size, len(labelled), s["space"])
    costs = network_costs(table.archs[labelled], search.sampling)
    drawn = (len(labelled), search.n_initial, search.n_runs, job.seed, s["benchmark"])
    initial, reserve = draw_initial(*drawn, costs)
    val, test = table.mean(table.val_metric), table.test_mean
    known = {table.cells[row]: (float(val[row]), float(test[row])) for row in labelled}
    recipe, images = s["oracle"], load_images(args.images)
    kept = Kept(args.cache, images, recipe["network"], recipe["training"], s["space"], job, device)
    return (
        domain,
        TrainingOracle(kept, known, args.side_by_side),
        table.archs[labelled[initial.reshape(-1)]],
        [table.archs[labelled[rows]] for rows in reserve],
    )
