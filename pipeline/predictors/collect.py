"""Command `predictors_table`: the measures of all predictors in one CSV, and what they cost in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.errors import UserError

HELP = "Write results/tables/predictors.csv: mean and standard deviation over runs of every measure."


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "--predictions", type=Path, nargs="+", required=True, help="files of the predictors stage"
    )
    parser.add_argument("--costs", type=Path, help="table of times to write (CSV)")
    parser.add_argument("--out", type=Path, required=True, help="table to write (CSV)")


def run(args, job) -> None:
    """Write the tables, one row a benchmark, predictor and training size."""
    from pipeline.predictors.costs import cost_of

    rows = [row_of(path, job.settings["ks"], job.settings["above"]) for path in args.predictions]
    if getattr(args, "costs", None):
        taus = [row["kendall_tau_mean"] for row in rows]
        costs = [cost_of(path, tau) for path, tau in zip(args.predictions, taus, strict=True)]
        _write(args.costs, costs, job, args.predictions, "%.4f")
    _write(args.out, rows, job, args.predictions, "%.6f")


def _write(out: Path, rows: list[dict], job, inputs, digits: str) -> None:
    import pandas as pd

    from pipeline.storage.artifacts import write_text_artifact

    table = pd.DataFrame(rows).sort_values(["benchmark", "predictor", "n_train"], kind="stable")
    write_text_artifact(out, table.to_csv(index=False, float_format=digits), job, inputs)


def row_of(path: Path, ks: Mapping[str, Sequence[int]], above: float | None = None) -> dict:
    """Return one row: names, n_train, n_runs, mean and (n - 1) standard deviation of each measure.

    ks: K of Precision@K and N@K by benchmark. n_test: how many cells predictors are tested on. above: an
    accuracy; the row also has the measures on the held-out cells above it, and how many these are. Errors of
    predictors that only rank are NaN. Those on isomorphic spellings are there if they were taken. Raises
    UserError for a benchmark that ks lacks.
    """
    import pandas as pd

    from pipeline.evaluation.measures import all_measures, measures_above
    from pipeline.storage.artifacts import get_table, open_h5

    with open_h5(path, "predictions") as handle:
        frame, attrs = get_table(handle), dict(handle.attrs)
        isomorphic = {name: values[()] for name, values in handle.get("isomorphic", {}).items()}
    benchmark, regresses, runs = attrs["benchmark"], bool(attrs["regresses_accuracy"]), []
    if benchmark not in ks:
        raise UserError(f"{path}: predictions on {benchmark}, which the configuration does not test them on")
    for _, part in frame.groupby("run"):
        runs.append(all_measures(part["truth"], part["score"], ks[benchmark], regresses))
        if above is not None:
            runs[-1] |= measures_above(part["truth"], part["score"], above, regresses)
    row = {"benchmark": benchmark, "predictor": attrs["predictor"], "n_train": int(attrs["n_train"])}
    row["n_runs"] = len(runs)
    runs = pd.DataFrame(runs).assign(**isomorphic)
    for name in runs:
        row[f"{name}_mean"], row[f"{name}_std"] = runs[name].mean(), runs[name].std(ddof=1)
    if above is not None:
        row["n_above"] = int((part["truth"] > above).sum())
    return row | {"labels": attrs["labels"], "n_test": len(part)}
