"""The section on the search: what was found for what was spent."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.report import figures_results as figures
from pipeline.report import figures_search, results, words
from pipeline.report.answer import end, seconds_of
from pipeline.report.blocks import Figure, Panel, Section
from pipeline.report.context import Context
from pipeline.report.table_search import at_equal_cost

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
    blocks += _to_the_best(c, runs)
    return Section("search", title, _lead(c, cost), [*blocks, at_equal_cost(c, summary, cost)])


def _to_the_best(c: Context, runs: str) -> list[Figure]:
    """Regret, and runs at the optimum, by what was spent; only a table tells what the best is."""
    if c.origin != "table":
        return []
    best = float(c.run.labels.frame[c.queried].max())
    summary = figures_search.regret_along(c.frames, best)
    shown = summary[summary["trained"] >= max(c.shared, 1)]
    what = f"{runs} of each strategy. {c.answers_text()} {c.seed_text()}"
    regret = (
        f"Best validation accuracy of the table, {c.percent(best)}, less that of the best cell so far; mean "
        f"of {what} A line ends where all runs have found the best cell."
    )
    optimum = f"Share of runs with a cell as good as the table’s best; {what}"
    return [
        Figure(
            key,
            heading,
            [Panel(draw(shown, c.terms.spent, c.styles))],
            caption,
            c.data(key, summary),
            half=True,
        )
        for key, heading, draw, caption in (
            ("search_regret", "How far from the best", figures_search.regret, regret),
            ("search_optimum", "Queries to the best cell", figures_search.optimum, optimum),
        )
    ]


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
