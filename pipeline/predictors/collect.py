"""Command `predictors_table`: the measures of all predictors in one CSV."""

from __future__ import annotations

from pathlib import Path

HELP = "Write results/tables/predictors.csv: mean and standard deviation over runs of every measure."


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "--predictions", type=Path, nargs="+", required=True, help="files of the predictors stage"
    )
    parser.add_argument("--out", type=Path, required=True, help="table to write (CSV)")


def run(args, job) -> None:
    """Write the table, one row a benchmark, predictor and training size."""
    import pandas as pd

    from pipeline.artifacts import write_text_artifact

    rows = [row_of(path) for path in args.predictions]
    table = pd.DataFrame(rows).sort_values(["benchmark", "predictor", "n_train"], kind="stable")
    write_text_artifact(args.out, table.to_csv(index=False, float_format="%.6f"), job, args.predictions)


def row_of(path: Path) -> dict:
    """Return one row: names, n_train, n_runs, and mean and (n - 1) standard deviation of each measure."""
    import pandas as pd

    from pipeline.artifacts import get_table, open_h5
    from pipeline.evaluation.measures import all_measures

    with open_h5(path, "predictions") as handle:
        frame, attrs = get_table(handle), dict(handle.attrs)
    ks = [int(k) for k in attrs["ks"]]
    runs = pd.DataFrame([all_measures(part["truth"], part["score"], ks) for _, part in frame.groupby("run")])
    row = {"benchmark": attrs["benchmark"], "predictor": attrs["predictor"], "n_train": int(attrs["n_train"])}
    row["n_runs"] = len(runs)
    for name in runs:
        row[f"{name}_mean"], row[f"{name}_std"] = runs[name].mean(), runs[name].std(ddof=1)
    return row
