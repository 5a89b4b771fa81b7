"""The section on papers: each printed table beside what this run measured in its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from pipeline.papers.generated import OWN
from pipeline.papers.printed import lower_is_better, says_how_good
from pipeline.report import words
from pipeline.report.blocks import Cell, Head, Section, Table
from pipeline.report.context import Context
from pipeline.report.sections_generated import share_name

MEASURES = {
    "kendall_tau": "Kendall’s tau",
    "spearman": "Spearman’s correlation",
    "pearson": "Pearson’s correlation",
    "mse": "mean squared error",
    "rmse": "root of the mean squared error",
    "isomorphic_kendall_tau": "Kendall’s tau over isomorphic forms",
    "isomorphic_std": "spread of scores over isomorphic forms",
    "val_acc": "validation accuracy",
    "test_acc": "test accuracy",
    "found_acc": "accuracy of the best cell found",
    "found_rank": "rank of the best cell found, as a share of all",
    "queries_to_optimum_median": "queries to the optimum, median",
}
PERCENT = ("_acc", "_rank")  # ends of measures that are fractions of one
DIGITS = {"mse": 5, "rmse": 4}
COUNTED = {"predictor": "labels", "strategy": "queries", "generated": "labels"}
FIRST = {"generated": "cells"}  # head of the names' column, where it is not the kind
MARKS = {"worse": ("▾ ", "bad"), "better": ("▴ ", "good")}  # before the text, and its tone


def papers(c: Context) -> Section | None:
    """One table for each table of each paper that the configuration names; None without any."""
    if not c.run.papers:
        return None
    title, blocks, verdicts = "Beside the papers", [], []
    for paper, frame in c.run.papers.items():
        here = frame[frame["benchmark"] == c.run.labels.name] if c.run.labels else frame
        here = here.assign(verdict=[_verdict(row) for row in here.to_dict("records")])
        verdicts += [verdict for verdict in here["verdict"] if verdict]
        for (table, kind), part in here.groupby(["table", "kind"], sort=False):
            blocks.append(_table(c, paper, str(table), kind, part))
    if not blocks:
        return Section("papers", title, "This run measured nothing that these papers print.")
    lead, worse = "What the papers print, and what this run measured.", verdicts.count("worse")
    if verdicts:
        good, are = words.count(len(verdicts), "number"), "is" if len(verdicts) == 1 else "are"
        lead = (
            f"{words.number(len(verdicts) - worse)} of {good} {are} as good as "
            f"printed: better, or worse by at most two standard deviations of ours. "
            f"{words.number(worse)} {'is' if worse == 1 else 'are'} worse."
        )
    return Section("papers", title, lead, blocks)


def _verdict(row: Mapping) -> str:
    """Return "close", or whether ours is "better" or "worse" than printed; "" if it cannot be said."""
    if pd.isna(row["within_2sd"]) or not says_how_good(row["measure"]):
        return ""
    if bool(row["within_2sd"]):
        return "close"
    return "better" if (row["difference"] > 0) != lower_is_better(row["measure"]) else "worse"


def _table(c: Context, paper: str, table: str, kind: str, part: pd.DataFrame) -> Table:
    """A row a predictor or strategy, a column a number of labels or queries and measure."""
    columns = list(dict.fromkeys(zip(part["measure"], part["n"], strict=True)))
    columns.sort(key=lambda column: (list(part["measure"]).index(column[0]), column[1]))
    heads = (_head(measure, n, COUNTED[kind], columns) for measure, n in columns)
    head = [Head(FIRST.get(kind, kind), False), *heads]
    rows = []
    for name, own in part.groupby("name", sort=False):
        found = own.set_index(["measure", "n"])
        cells = [
            _cell(column[0], found.loc[column]) if column in found.index else Cell("") for column in columns
        ]
        colour = c.styles[name].colour if name in c.styles else None
        said = "all of the benchmark" if kind == "generated" and name == OWN else words.name(name)
        rows.append([Cell(said, name, colour), *cells])
    title = f"{words.name(paper)}, {table if table.startswith(('Table', 'Figure')) else f'Table {table}'}"
    if len({measure for measure, _ in columns}) == 1:
        title += f": {_measure(columns[0][0])}"
    file = next((path for path in c.run.sources.papers if Path(path).stem == paper), None)
    key = re.sub(r"\W+", "_", f"paper_{paper}_{table}_{kind}".lower())
    return Table(key, title, head, rows, _caption(c, part), c.data(key, part.drop(columns="verdict"), file))


def _head(measure: str, n: int, counted: str, columns: Sequence[tuple[str, int]]) -> Head:
    several = len({m for m, _ in columns}) > 1
    sizes = len({k for _, k in columns}) > 1
    texts = [_measure(measure)] if several else []
    texts += [f"{words.number(n)} {counted}"] if sizes or not several else []
    return Head(", ".join(texts))


def _measure(measure: str) -> str:
    at = re.fullmatch(r"(precision|n)_at_(\d+)", measure)
    if at:
        return f"{'P' if at[1] == 'precision' else 'N'}@{at[2]}"
    if "/" in measure:
        return share_name(*measure.split("/"))
    return MEASURES.get(measure, measure.replace("_", " "))


def _cell(measure: str, row: pd.Series) -> Cell:
    ours, deviation, printed = row["ours_mean"], row["ours_std"], row["paper"]
    share, digits = measure.endswith(PERCENT) or "/" in measure, 2
    if share:
        text, paper = words.spread_percent(ours, deviation, 2), words.percent(printed, 2)
    else:
        digits = 1 if measure.startswith("n_at") else DIGITS.get(measure, 3)
        text, paper = words.spread(ours, deviation, digits), words.number(printed, digits)
    mark, tone = MARKS.get(row["verdict"], ("", ""))
    difference = words.number(100 * row["difference"] if share else row["difference"], digits)
    note = f"paper {paper}, {difference if difference.startswith(words.MINUS) else f'+{difference}'}"
    if words.missing(printed):  # what the paper has instead
        note = "" if words.missing(row["note"]) else str(row["note"])
    return Cell(mark + text, ours, note=note, tone=tone)


def _caption(c: Context, part: pd.DataFrame) -> str:
    of_runs = part[part["name"] != OWN]["n_runs"] if (part["name"] != OWN).any() else part["n_runs"]
    runs = words.listed(words.number(n) for n in sorted(of_runs.unique()))
    text = f"Ours: mean ± standard deviation over {runs} {'run' if runs == '1' else 'runs'}"
    tests = part["n_test"].dropna().unique()
    if len(tests) == 1:
        text += f", on {words.number(int(tests[0]))} test cells"
    labels = [str(label) for label in part["labels"].dropna().unique() if label]
    text += f" ({words.listed(labels)}). " if labels else ". "
    text += (
        "Below: what the paper has, and ours less that. ▾ on orange and ▴ on blue: ours is worse or better "
        "by more than two standard deviations of ours."
    )
    notes = part.loc[part["paper"].notna(), "note"].dropna().unique()
    if len(notes):
        text += f" What differs: {'; '.join(note.removeprefix('paper: ') for note in notes)} (in the paper)."
    return text
