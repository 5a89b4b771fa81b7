"""Command `autoencoders_table`: the final measures of all autoencoders in one CSV."""

from __future__ import annotations

from pathlib import Path

HELP = "Write results/tables/autoencoders.csv: final losses, reconstruction and baselines of each run."


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "--autoencoders", type=Path, nargs="+", required=True, help="files of the autoencoders stage"
    )
    parser.add_argument("--out", type=Path, required=True, help="table to write (CSV)")


def run(args, job) -> None:
    """Write the table, one row a benchmark, autoencoder and run."""
    import pandas as pd

    from pipeline.storage.artifacts import write_text_artifact

    table = pd.DataFrame([row_of(path) for path in args.autoencoders])
    table = table.sort_values(["benchmark", "autoencoder", "run"], kind="stable")
    write_text_artifact(args.out, table.to_csv(index=False, float_format="%.6f"), job, args.autoencoders)


def row_of(path: Path) -> dict:
    """Return one row: names, the last epoch's losses and measures, and the losses of predicting the mean.

    The latter, for a loss L ("l1", "mse") and a part P of the labelled data: baseline_L_P, _std (over
    batches) and _ci95 (half a 95 % confidence interval) of the training targets' mean, baseline_own_L_P, …
    of the part's own (see `baselines.baselines`).
    """
    import numpy as np

    from pipeline.storage.artifacts import get_provenance, get_table, open_h5

    with open_h5(path, "autoencoder") as handle:
        attrs, history = dict(handle.attrs), get_table(handle)
        benchmark = get_provenance(handle)["settings"]["benchmark"]
        by_mean = {}
        if "baselines" in handle:
            group = handle["baselines"]
            texts = [group[name].asstr()[()] for name in ("set", "of", "loss")]
            numbers = [group[name][()] for name in ("mean", "std", "ci95")]
            for part, of, loss, mean, std, ci95 in zip(*texts, *numbers, strict=True):
                column = f"baseline_{'own_' if of == 'own' else ''}{loss}_{part}"
                by_mean |= {column: mean, f"{column}_std": std, f"{column}_ci95": ci95}
    row = {"benchmark": benchmark, "autoencoder": attrs["name"], "run": int(attrs["run"])}
    row |= {"model": attrs["model"], "epochs": len(history)}
    measures = {name: value for name, value in attrs.items() if isinstance(value, np.floating)}
    measures = {n: v for n, v in measures.items() if not n.startswith("mean_baseline_")}  # one of `by_mean`
    return row | dict(sorted(measures.items())) | by_mean
