"""Sections on what was found: the search, and the found cells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.report import figures_results as figures
from pipeline.report import results, words
from pipeline.report.answer import end, seconds_of
from pipeline.report.blocks import Drawn, Figure, Gallery, Panel, Section
from pipeline.report.cells import cell_svg
from pipeline.report.context import Context
from pipeline.report.table_search import at_equal_cost

TOP = 4  # found cells drawn of each strategy
CURVES = (  # measure, heading, axis, what its caption begins with
    ("val_acc", "Best validation accuracy so far", "validation accuracy", ""),
    (
        "test_acc",
        "Test accuracy of the chosen cell",
        "test accuracy",
        "Chosen by validation accuracy. ",
    ),
)


def search(c: Context) -> Section:
    """Accuracy against what was spent."""
    title = "Search"
    if not c.frames:
        return Section("search", title, "No search was run.")
    joined = pd.concat([frame.assign(strategy=key) for key, frame in c.frames.items()], ignore_index=True)
    summary = results.over_runs(joined, ["strategy", "trained"], ["best_val_acc", "best_test_acc"])
    cost = c.answer.cost if c.answer else int(summary["trained"].max())
    runs = words.count(int(summary["n_runs"].max()), "run")
    what = f"Mean over {runs}, with one standard deviation. {c.answers_text()} {c.seed_text()}"
    curves = CURVES if c.judged_by_test else CURVES[:1]
    blocks = []
    for measure, heading, axis, first in curves:
        start = max(c.shared, 1)
        figure = figures.search_curves(summary, f"best_{measure}", axis, c.terms.spent, c.styles, start)
        data = c.data(f"search_{measure}", summary, "search")
        half = len(curves) > 1
        blocks.append(Figure(f"search_{measure}", heading, [Panel(figure)], first + what, data, half=half))
    return Section("search", title, _lead(c, cost), [*blocks, at_equal_cost(c, summary, cost)])


def _lead(c: Context, cost: int) -> str:
    terms = c.terms
    lead = f"Each run of a strategy may {terms.verb} {words.count(cost, terms.unit)}"
    seconds = [seconds_of(end(frame, cost)) for frame in c.frames.values()]
    if not np.isnan(seconds).all():
        low, high = (words.hours(f(seconds)) for f in (np.nanmin, np.nanmax))
        span = low if low == high else f"{low} to {high}"
        lead += f", which stands for {span} of training in the benchmark’s record"
    lead += ". "
    if c.shared:
        lead += (
            f"The first {words.number(c.shared)} are the same random cells for all strategies, "
            "another draw in each run. "
        )
    if c.judged_by_test:
        read = {"children": "read", "table": "looked up", "surrogate": "predicted"}[c.origin]
        after = f"its test accuracy is {read} after the search"
        return f"{lead}The cell with the best validation accuracy is chosen; {after}."
    return f"{lead}The cell with the best validation accuracy is chosen."


def found_cells(c: Context) -> Section:
    """The top cells of each strategy, drawn."""
    title = "Found cells"
    if not c.frames:
        return Section("cells", title, "No search was run, so there are no found cells.")
    ends = {key: frame.groupby("run")["best_val_acc"].last().mean() for key, frame in c.frames.items()}
    galleries = []
    for key in sorted(c.frames, key=lambda key: -np.nan_to_num(ends[key])):
        runs = words.count(c.frames[key]["run"].nunique(), "run")
        drawn = []
        for best in results.top_cells(c.frames[key], TOP).to_dict("records"):
            early = best["trained"] <= c.shared
            place = f"found as {c.terms.place} {best['trained']}"
            origin = "among the first random cells" if early else place
            lines = [f"{c.percent(best['val_acc'])} validation"]
            lines += [f"{c.percent(best['test_acc'])} test"] if c.judged_by_test else []
            lines.append(f"{origin}, in {best['runs']} of {runs}")
            svg = cell_svg(c.run.searches[key].archs[int(best["row"])])
            drawn.append(Drawn(svg, best["cell"], c.short(best["cell"]), lines))
        galleries.append(Gallery(words.name(key), c.styles[key].colour, drawn))
    test = "Test accuracy plays no part in the order: of" if c.judged_by_test else "Of"
    lead = (
        "The different cells with the best validation accuracy over all runs of each strategy; each counts "
        f"once. {test} equals, those that more runs found come first."
    )
    return Section("cells", title, lead, galleries)
