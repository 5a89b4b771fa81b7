"""Sections on what was found: the search, and the found cells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.report import figures_results as figures
from pipeline.report import results, words
from pipeline.report.blocks import Cell, Drawn, Figure, Gallery, Head, Panel, Section, Table
from pipeline.report.cells import cell_svg
from pipeline.report.context import Context

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
    """Accuracy against number of trained networks."""
    title = "Search"
    if not c.frames:
        return Section("search", title, "No search was run.")
    joined = pd.concat([frame.assign(strategy=key) for key, frame in c.frames.items()], ignore_index=True)
    summary = results.over_runs(joined, ["strategy", "trained"], ["best_val_acc", "best_test_acc"])
    cost = c.answer.cost if c.answer else int(summary["trained"].max())
    lead = f"Each run of a strategy may train {words.count(cost, 'network')}. "
    if c.shared:
        lead += (
            f"The first {words.number(c.shared)} are the same random cells for all strategies, "
            "another draw in each run. "
        )
    lead += (
        "The cell with the best validation accuracy is chosen; its test accuracy is read after the search."
    )
    runs = words.count(int(summary["n_runs"].max()), "run")
    what = f"Mean over {runs}, with one standard deviation. {c.labels_text()} {c.seed_text()}"
    blocks = []
    for measure, heading, axis, first in CURVES:
        figure = figures.search_curves(summary, f"best_{measure}", axis, c.styles, max(c.shared, 1))
        data = c.data(f"search_{measure}", summary, "search")
        blocks.append(Figure(f"search_{measure}", heading, [Panel(figure)], first + what, data, half=True))
    return Section("search", title, lead, [*blocks, _at_equal_cost(c, summary, cost)])


def _at_equal_cost(c: Context, summary: pd.DataFrame, cost: int) -> Table:
    baseline = c.answer.baseline if c.answer else None
    ends = summary[summary["trained"] == cost].set_index("strategy")
    ends = ends.sort_values("best_val_acc_mean", ascending=False, kind="stable")
    bar = ends.at[baseline, "best_val_acc_mean"] if baseline else np.nan
    head = [Head("strategy", False), Head("runs"), Head("networks", hint="trained in one run")]
    head += [Head("validation accuracy"), Head("test accuracy")]
    head += [Head("best run: validation", hint="highest validation accuracy of all runs"), Head("its test")]
    if baseline:
        hint = "trained networks until the mean reaches random search’s final one"
        head.append(Head("networks to match random", hint=hint))
    tops = {m: ends[f"{m}_mean"].max() for m in ("best_val_acc", "best_test_acc")}
    rows, records = [], []
    for key, row in ends.iterrows():
        frame = c.frames[key]
        best = next(iter(results.top_cells(frame[frame["trained"] <= cost], 1).to_dict("records")), {})
        cells = [Cell(words.name(key), key, c.styles[key].colour)]
        cells += [Cell(words.number(n), n) for n in (int(row["n_runs"]), cost)]
        for m, top in tops.items():
            mean = row[f"{m}_mean"]
            cells.append(Cell(c.mean_percent(mean, row[f"{m}_std"]), mean, strong=mean == top))
        found = {name: best.get(name, np.nan) for name in ("cell", "val_acc", "test_acc")}
        cells += [Cell(c.percent(found[name]), found[name]) for name in ("val_acc", "test_acc")]
        mine = summary[(summary["strategy"] == key) & (summary["best_val_acc_mean"] >= bar)]
        reached = int(mine["trained"].min()) if len(mine) else np.nan
        if baseline:
            cells.append(Cell("not reached" if np.isnan(reached) else words.number(reached), reached))
        rows.append(cells)
        of_best = {f"best_{name}": value for name, value in found.items()}
        records.append({"strategy": key, **row.to_dict(), **of_best, "networks_to_match_random": reached})
    bold = "Mean ± standard deviation over runs; the best of each column is bold."
    data = c.data("search_end", pd.DataFrame(records), "search")
    return Table("search_end", "At equal cost", head, rows, f"{bold} {c.labels_text()} {c.seed_text()}", data)


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
            origin = "among the first random cells" if early else f"found as network {best['trained']}"
            lines = [
                f"{c.percent(best['val_acc'])} validation",
                f"{c.percent(best['test_acc'])} test",
                f"{origin}, in {best['runs']} of {runs}",
            ]
            drawn.append(Drawn(cell_svg(c.run.searches[key].archs[int(best["row"])]), best["cell"], lines))
        galleries.append(Gallery(words.name(key), c.styles[key].colour, drawn))
    lead = (
        "The different cells with the best validation accuracy over all runs of each strategy; isomorphic "
        "cells "
        "count once. Test accuracy plays no part in the order: of equals, those that more runs found come "
        "first."
    )
    return Section("cells", title, lead, galleries)
