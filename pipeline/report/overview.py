"""Command `report_index`: one row a benchmark, for runs with several; each has a page of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.errors import ArtifactError
from pipeline.report import words
from pipeline.report.blocks import relative
from pipeline.report.labels import Labels, read_labels
from pipeline.storage.artifacts import get_table, open_h5, write_text_artifact

HELP = "Write the overview of a run with several benchmarks: a row each, with links to their pages."
log = logging.getLogger("nasflow")


def add_arguments(parser) -> None:
    """Add the command's options."""
    parser.add_argument("--benchmark-tables", type=Path, nargs="+", required=True, help="benchmark tables")
    parser.add_argument("--predictors-table", type=Path, help="results/tables/predictors.csv")
    parser.add_argument("--searches", type=Path, nargs="*", default=[], help="trajectories of all searches")
    parser.add_argument("--pages", type=Path, nargs="+", required=True, help="pages, in the tables' order")
    parser.add_argument("--out", type=Path, required=True, help="page to write (HTML)")


def run(args, job) -> None:
    """Write the page. job.settings: the whole configuration. Raises ArtifactError if a file is missing."""
    from pipeline.report.page import environment, file, title

    predictors = _predictors(args.predictors_table)
    found = _best_found(args.searches)
    rows = []
    for table, page in zip(args.benchmark_tables, args.pages, strict=True):
        if not page.is_file():
            raise ArtifactError(f"{page}: no such page; run the stage that makes it (snakemake {page})")
        labels = read_labels(table, job.settings.get("benchmarks", {}))
        own = predictors[predictors["benchmark"] == labels.name]
        rows.append(_row(labels, own, found.get(labels.name), relative(page, args.out)))
    template = environment().get_template("overview.html.j2")
    text = template.render(title=title(job.settings), rows=rows, style=file("style.css"))
    tables = [args.predictors_table] if args.predictors_table else []
    write_text_artifact(args.out, text, job, [*args.benchmark_tables, *tables, *args.searches, *args.pages])
    log.info("report: %s (%d benchmarks)", args.out, len(rows))


@dataclass(frozen=True)
class Found:
    """The best cell of all searches in one benchmark; cost: cells that each run paid for."""

    strategy: str
    cell: str
    val_acc: float
    test_acc: float
    source: str
    cost: int


def _predictors(path: Path | None) -> pd.DataFrame:
    if path is None:
        return pd.DataFrame({"benchmark": []})
    if not path.is_file():
        raise ArtifactError(f"{path}: no such table; run the stage that makes it (snakemake {path})")
    return pd.read_csv(path)


def _best_found(paths: Sequence[Path]) -> dict[str, Found]:
    """Return the best cell by validation accuracy of each benchmark; of equals, the first."""
    best: dict[str, Found] = {}
    for path in paths:
        with open_h5(path, "search") as handle:
            frame = get_table(handle)
            benchmark, strategy = str(handle.attrs["benchmark"]), str(handle.attrs["strategy"])
        if frame["val_acc"].isna().all():
            continue
        top = frame.loc[frame["val_acc"].idxmax()]
        if benchmark not in best or top["val_acc"] > best[benchmark].val_acc:
            cost = int(frame.groupby("run")["query"].max().min())
            values = (str(top["cell"]), float(top["val_acc"]), float(top["test_acc"]), str(top["source"]))
            best[benchmark] = Found(strategy, *values, cost)
    return best


def _row(labels: Labels, predictors: pd.DataFrame, found: Found | None, page: str) -> dict:
    """Return what the page says of one benchmark, as texts by name."""
    row = {"name": words.name(labels.name), "page": page}
    row["space"] = "" if labels.name == labels.space else words.name(labels.space)
    row["origin"] = labels.source.get("file", "a file") if labels.source else "networks trained here"
    row["learn"], row["test"] = (words.number(labels.count(role)) for role in ("labelled", "held_out"))
    known = predictors.dropna(subset="kendall_tau_mean") if len(predictors) else predictors
    if len(known):
        best = known.loc[known["kendall_tau_mean"].idxmax()]
        row["predictor"] = words.name(best["predictor"])
        row["tau"] = words.spread(best["kendall_tau_mean"], best["kendall_tau_std"], 2)
        row["n_train"] = words.number(best["n_train"])
    if found is not None:
        predicted = ", predicted" if found.source == "surrogate" else ""
        row["val_acc"] = f"{words.percent(found.val_acc, 2)} validation{predicted}"
        row["test_acc"] = "" if np.isnan(found.test_acc) else words.percent(found.test_acc, 2)
        row["strategy"] = words.name(found.strategy)
        row["cost"] = words.count(
            found.cost, "query" if labels.source else "trained network", _plural(labels)
        )
    return row


def _plural(labels: Labels) -> str:
    return "queries" if labels.source else "trained networks"
