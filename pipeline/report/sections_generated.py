"""The section on cells that SemiGAN-NAD generates, beside those of the benchmark."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.report import words
from pipeline.report.blocks import Cell, Figure, Head, Panel, Section, Table
from pipeline.report.cell_graphs import LABELS
from pipeline.report.context import Context
from pipeline.report.figures_generated import bars, edges, frequencies

SHARES = {
    "valid": "cells ",
    "accuracy": "",
    "contains": "contains ",
    "shortest path": "shortest path of ",
}
DIFFERENT = {"different ones": "that are different ones"}


def generated(c: Context) -> Section | None:
    """Shares of generated cells, and where the best ones have which operation; None without such tables."""
    files = [Path(p) for p in c.run.sources.tables if Path(p).parent.parent.name == "semigan"]
    if not files:
        return None
    blocks, leads = [], []
    for file in files:
        frame = pd.read_csv(file, keep_default_na=False, na_values=[""]).fillna({"name": "", "detail": ""})
        name = words.name(file.stem)
        blocks += [_shares(c, file, frame, name), _contents(c, file, frame, name)]
        blocks += _places(c, file, frame, name)
        valid = frame[frame["part"] == "valid"].set_index("name")["generated_mean"]
        raw, made = (words.percent(valid[key], 1) for key in ("as generated", "after repair"))
        leads.append(f"{name}: {raw} of the graphs that it generates are cells, {made} after repair.")
    return Section("generated", "Generated cells", " ".join(leads), tuple(blocks))


def _shares(c: Context, file: Path, frame: pd.DataFrame, name: str) -> Table:
    """What share of the generated cells, and of the benchmark's, is or has something."""
    head = [
        Head("share of cells", False),
        Head("generated", hint="mean and standard deviation over models"),
        Head("benchmark", hint="all cells of the table"),
    ]
    rows = []
    for row in frame[frame["part"].isin(SHARES)].itertuples():
        if pd.isna(row.generated_mean):
            continue
        what = share_name(row.part, row.name, row.detail)
        mean, other = words.percent(row.generated_mean, 1), words.percent(row.benchmark, 1)
        spread = "" if pd.isna(row.generated_std) else f" ± {words.number(100 * row.generated_std, 1)}"
        known = Cell("" if pd.isna(row.benchmark) else other, row.benchmark)
        rows.append([Cell(what), Cell(mean + spread, row.generated_mean), known])
    caption = (
        f"Under the best rank class, {words.count(int(frame['n_runs'].iloc[0]), 'model')}. {c.seed_text()}"
    )
    data = c.data(f"generated_{file.stem}", frame, file)
    return Table(f"generated_{file.stem}", f"What {name} generates", head, rows, caption, data)


def share_name(part: str, name: str, detail: str = "") -> str:
    """Return in words what a share of cells is of, such as "contains conv 3×3"."""
    said = LABELS.get(name, DIFFERENT.get(name, name))
    return f"{SHARES.get(part, f'{part} ')}{said} {_bound(detail)}".strip()


def _bound(detail: str) -> str:
    """Return a bound such as "> 0.93" in percent, as the accuracies of the page are."""
    sign, _, value = detail.partition(" ")
    return f"{sign} {words.percent(float(value), 1)}" if value else detail


def _contents(c: Context, file: Path, frame: pd.DataFrame, name: str) -> Figure:
    """Bars of how many cells contain each operation, and of how long their shortest paths are."""
    rows = frame[frame["part"].isin(("contains", "shortest path"))]
    labels = {
        "contains": "containing an operation",
        "shortest path": "by edges of the shortest path",
    }
    parts = [(label, rows[rows["part"] == part]) for part, label in labels.items()]
    panels = [Panel(bars(part), label) for label, part in parts if len(part)]
    caption = (
        "Of all generated cells, repeats counted, and of the benchmark's. Bars of error: standard deviation "
        f"over models. {c.seed_text()}"
    )
    key = f"contents_{file.stem}"
    return Figure(key, f"Operations and shortest paths, {name}", panels, caption, c.data(key, rows, file))


def _places(c: Context, file: Path, frame: pd.DataFrame, name: str) -> list[Figure]:
    """Heat maps of where the best cells have which operation, and edges: generated ones, the benchmark's."""
    figures = []
    for part, what, draw in (("operation", "Operations", frequencies), ("edge", "Edges", edges)):
        rows = frame[frame["part"] == part]
        if rows.empty:
            continue
        panels = [
            Panel(draw(rows, column), label)
            for column, label in (("generated_mean", "generated"), ("benchmark", "benchmark"))
        ]
        bold = {"operation": "the most frequent of a place", "edge": "the nine most frequent ones"}[part]
        found = {"operation": "an operation at a place", "edge": "an edge from a vertex to another"}[part]
        caption = (
            f"How many of the best cells have {found}; generated ones: best by prediction, "
            f"mean over models. Bold: {bold}. {c.seed_text()}"
        )
        key = f"places_{file.stem}" if part == "operation" else f"edges_{file.stem}"
        title = f"{what} of the best cells, {name}"
        figures.append(Figure(key, title, panels, caption, c.data(key, rows, file)))
    return figures
