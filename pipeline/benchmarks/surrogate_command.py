"""The stage `surrogate`: train what stands in for a benchmark, and cross-validate it."""

from __future__ import annotations

import logging
from pathlib import Path

HELP = "Train a surrogate of a benchmark table's metric, and say by cross-validation how well it ranks cells."
KIND = "surrogate"
log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument("--benchmark-table", type=Path, required=True, help="benchmark table to learn from")
    parser.add_argument(
        "--target", required=True, choices=["val_acc", "test_acc"], help="which of its metrics is learned"
    )
    parser.add_argument("--model", type=Path, required=True, help="surrogate to write, in XGBoost's format")
    parser.add_argument("--out", type=Path, required=True, help="its cross-validation, to write (HDF5)")


def run(args, job) -> None:
    """Write the surrogate, and kind "surrogate": one row a fold. Raises UserError if there are few labels."""
    import numpy as np

    from pipeline.benchmarks.surrogate import cross_validate, fit_surrogate
    from pipeline.benchmarks.surrogate_settings import SurrogateSettings
    from pipeline.benchmarks.tables import load_table
    from pipeline.errors import UserError
    from pipeline.randomness import derive
    from pipeline.storage.artifacts import put_table, write_h5
    from pipeline.storage.files import replacing
    from pipeline.storage.sidecars import write_run_record

    metric = job.settings["metric"]
    table = load_table(args.benchmark_table, job.settings["benchmark"])
    settings = SurrogateSettings(**job.settings["surrogate"])
    labels = table.mean(metric)
    rows = np.flatnonzero(~np.isnan(labels))
    if len(rows) < 2 * settings.folds:
        raise UserError(
            f"{table.name}: {len(rows)} cells have {metric}; {settings.folds} folds need {2 * settings.folds}"
        )
    seed = derive(job.seed, "surrogate", table.name, metric)
    archs, values = table.archs[rows], labels[rows]
    folds = cross_validate(archs, values, settings, settings.folds, seed, job.threads)
    model = fit_surrogate(archs, values, settings, seed, job.threads, metric=metric)
    with replacing(args.model, lambda draft: write_run_record(args.model, job, draft=draft)) as temporary:
        model.save(temporary)
    with write_h5(args.out, KIND, job, inputs=[args.benchmark_table]) as handle:
        handle.attrs.update(benchmark=table.name, space=table.archs.space, metric=metric, n_cells=len(rows))
        put_table(handle, {name: folds[name].to_numpy() for name in folds})
    tau, deviation = folds["kendall_tau"].mean(), folds["kendall_tau"].std(ddof=1)
    log.info(
        "%s: surrogate of %s on %d cells, Kendall's tau %.3f +- %.3f over %d folds",
        table.name, metric, len(rows), tau, deviation, len(folds),
    )  # fmt: skip
