"""Command `papers`: a paper's printed numbers beside those of this run, one CSV a paper."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.papers.printed import Printed

HELP = "Write results/tables/papers/<paper>.csv: what a paper prints, and what this run measured."
log = logging.getLogger("nasflow")
KEYS = {"predictor": ("benchmark", "predictor", "n_train"), "strategy": ("benchmark", "strategy", "queries")}
STAGES = {"predictor": "predictors", "strategy": "searches", "generated": "generated cells"}
OPTIONAL = {  # measures that a run has only if it is asked for them
    "predictor": r"(precision|n)_at_\d+|(rmse|pearson)_above|isomorphic_\w+",
    "strategy": r"test_acc|regret|optimum_reached|found_\w+|queries_to_\w+",
    "generated": r"(valid|accuracy|edge|operation|contains|shortest path)/.+",
}
COLUMNS = ("table", "benchmark", "kind", "name", "n", "measure", "ours_mean", "ours_std", "n_runs", "paper")
COLUMNS += ("difference", "within_2sd", "labels", "n_test", "note")


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument("--paper", required=True, help="which paper")
    parser.add_argument("--predictors-table", type=Path, help="results/tables/predictors.csv")
    parser.add_argument("--search-table", type=Path, help="results/tables/search.csv")
    parser.add_argument(
        "--generated",
        type=Path,
        nargs="*",
        default=[],
        help="results/tables/semigan/<benchmark>/<strategy>.csv",
    )
    parser.add_argument("--out", type=Path, required=True, help="table to write (CSV)")


def run(args, job) -> None:
    """Write the table: one row a printed number that this run measured.

    ours_mean, ours_std: over n_runs runs. difference: ours - paper. within_2sd: whether this is at most two
    of our standard deviations; empty for one run.
    """
    import pandas as pd

    from pipeline.papers.generated import measures
    from pipeline.papers.printed import file_of, read
    from pipeline.storage.artifacts import write_text_artifact

    files = {"predictor": args.predictors_table, "strategy": args.search_table}
    tables = {kind: _table(path, kind) for kind, path in files.items() if path is not None}
    if args.generated:
        tables["generated"] = measures(args.generated)
    printed = read(file_of(args.paper))
    rows = [found for row in printed if (found := beside(row, tables, args.paper)) is not None]
    if left := len(printed) - len(rows):
        log.info("%s: this run did not measure %d of %d printed numbers", args.paper, left, len(printed))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    inputs = [*(path for path in files.values() if path is not None), *args.generated]
    write_text_artifact(args.out, table.to_csv(index=False, float_format="%.6f"), job, inputs)


def _table(path: Path, kind: str) -> pd.DataFrame:
    import pandas as pd

    try:
        table = pd.read_csv(path)
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path}: no table of measures can be read from it ({error})") from error
    if missing := set(KEYS[kind]) - set(table.columns):
        raise DataError(f"{path}: it has no column {min(missing)}; give the table of the stage {kind}s")
    return table.set_index(list(KEYS[kind]))


def beside(printed: Printed, tables: Mapping[str, pd.DataFrame], paper: str) -> dict | None:
    """Return the row of one printed number; None if this run did not measure it.

    Raises DataError if no table can have the measure.
    """
    table = tables.get(printed.kind)
    if table is None:
        return None
    columns = [c for c in (f"{printed.measure}_mean", printed.measure) if c in table.columns]
    if not columns and not re.fullmatch(OPTIONAL[printed.kind], printed.measure):
        known = [c.removesuffix("_mean") for c in table.columns if c.endswith("_mean")]
        raise DataError(
            f"{paper}.csv: line {printed.line}: unknown measure {printed.measure!r}; "
            f"{STAGES[printed.kind]} have {', '.join(known)}"
        )
    key = (printed.benchmark, printed.name, printed.n)
    if not columns or key not in table.index:
        return None
    ours = table.loc[key]
    mean = float(ours[columns[0]])
    if np.isnan(mean):
        return None
    deviation = float(ours.get(f"{printed.measure}_std", np.nan))
    difference = mean - printed.paper
    known = not np.isnan(deviation + difference)
    return {
        **{name: getattr(printed, name) for name in ("table", "benchmark", "kind", "name", "n", "measure")},
        **{"ours_mean": mean, "ours_std": deviation, "n_runs": int(ours["n_runs"]), "paper": printed.paper},
        **{"difference": difference, "within_2sd": abs(difference) <= 2 * deviation if known else None},
        "labels": ours.get("labels", ours.get("metric", "")),
        "n_test": ours.get("n_test", ""),
        "note": printed.note,
    }
