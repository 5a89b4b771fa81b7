"""Sections on what was learned and found: predictors, search, found cells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.report import figures_results as figures
from pipeline.report import results, words
from pipeline.report.blocks import Cell, Drawn, Figure, Gallery, Head, Panel, Section, Table
from pipeline.report.cells import cell_svg
from pipeline.report.context import Context

TOP = 4  # found cells drawn of each strategy
MAX_PANELS = 6  # predictors whose ranks are drawn


def predictors(c: Context) -> Section:
    """Tau against number of labels, ranks, and the table of measures."""
    title = "Predictors"
    if c.run.predictions is None:
        return Section("predictors", title, "No predictor was trained in this run.")
    frame, ks = c.run.predictions.frame, c.run.predictions.ks
    measures = ["kendall_tau", "spearman", *(f"precision_at_{k}" for k in ks), *(f"n_at_{k}" for k in ks)]
    runs = results.measured(frame, ks)
    summary = results.over_runs(runs, ["predictor", "n_train"], measures)
    largest = summary.loc[summary.groupby("predictor")["n_train"].idxmax()]
    largest = largest.sort_values("kendall_tau_mean", ascending=False, kind="stable")
    best = largest.iloc[0]
    n_cells = frame["cell"].nunique()
    lead = (
        f"{words.name(best['predictor'])} ranks the {n_cells} held-out cells best: Kendall’s tau "
        f"{words.spread(best['kendall_tau_mean'], best['kendall_tau_std'], 2)} with {best['n_train']} labels. "
        f"{_against_zero_shot(c)}"
    )
    protocol = f"{_runs_text(c, frame)} Tested on the same {n_cells} held-out cells. {c.labels_text()} {c.seed_text()}"
    ranked = results.average_ranks(frame)
    panels = [
        Panel(figures.ranks(ranked[ranked["predictor"] == p], c.styles[p]), words.name(p))
        for p in largest["predictor"][:MAX_PANELS]
    ]
    left = len(largest) - len(panels)
    more = f" The {left} predictors with lower tau are in the CSV." if left > 0 else ""
    return Section(
        "predictors",
        title,
        lead,
        (
            Figure(
                "predictor_tau",
                "Ranking by number of labels",
                [Panel(figures.tau_by_labels(summary, c.styles))],
                f"Mean and one standard deviation. {protocol}",
                c.data("predictor_tau", summary, "predictors"),
            ),
            Figure(
                "predicted_ranks",
                "Predicted against true rank",
                panels,
                f"One point a held-out cell, its predicted rank averaged over runs; trained on the most labels.{more} "
                f"{c.labels_text()} {c.seed_text()}",
                c.data("predicted_ranks", ranked),
            ),
            _measures_table(c, largest, protocol, summary),
        ),
    )


def _runs_text(c: Context, frame: pd.DataFrame) -> str:
    n_runs = int(frame.groupby(["predictor", "n_train"])["run"].nunique().max())
    if "subset" not in frame:
        return f"{words.count(n_runs, 'run')} each."
    subsets = frame["subset"].nunique()
    seeds = n_runs // subsets
    return (
        f"{words.count(n_runs, 'run')} each: {words.count(subsets, 'random training set')} with "
        f"{words.count(seeds, 'seed')}, the same for all predictors."
    )


def _against_zero_shot(c: Context) -> str:
    taus = c.zero_shot_taus
    if taus is None:
        return ""
    taus = taus[(taus["role"] == "held_out") & taus["tau"].notna()]
    if taus.empty:
        return ""
    top = taus.loc[taus["tau"].idxmax()]
    return (
        f"The best zero-shot metric on the same cells, {words.metric(top['metric'])}, reaches "
        f"{words.number(top['tau'], 2)} without any label."
    )


def _measures_table(c: Context, largest: pd.DataFrame, protocol: str, summary: pd.DataFrame) -> Table:
    ks = c.run.predictions.ks
    head = [Head("predictor", False), Head("labels", hint="labelled cells for training"), Head("Kendall’s tau"), Head("Spearman")]
    head += [Head(f"P@{k}", hint=f"share of the true top {k} among the predicted top {k}") for k in ks]
    head += [Head(f"N@{k}", hint=f"best true rank among the predicted top {k}; 1 is the best") for k in ks]
    head.append(Head("fit time", hint="of all runs together"))
    fits = c.run.predictions.fits.set_index(["predictor", "n_train"])["seconds"]
    tops = {m: largest[f"{m}_mean"].max() for m in ("kendall_tau", "spearman", *(f"precision_at_{k}" for k in ks))}
    tops |= {f"n_at_{k}": largest[f"n_at_{k}_mean"].min() for k in ks}
    rows = []
    for row in largest.to_dict("records"):
        key = row["predictor"]
        cells = [Cell(words.name(key), key, c.styles[key].colour), Cell(words.number(row["n_train"]), row["n_train"])]
        for measure, top in tops.items():
            mean, deviation = row[f"{measure}_mean"], row[f"{measure}_std"]
            share = measure.startswith("precision")
            text = words.spread(mean, deviation, 0 if share else 1 if measure.startswith("n_at") else 2, 100 if share else 1)
            cells.append(Cell(f"{text}{words.POINT}%" if share else text, mean, strong=mean == top))
        seconds = fits.get((key, row["n_train"]), np.nan)
        rows.append([*cells, Cell(words.duration(seconds), None if np.isnan(seconds) else float(seconds))])
    caption = (
        f"Mean ± standard deviation over runs, with the most labels; the best of each column is bold. "
        f"P@K: share of the true top K among the predicted top K. N@K: best true rank among the predicted top K. {protocol}"
    )
    return Table("predictor_measures", "Measures", head, rows, caption, c.data("predictor_measures", summary, "predictors"))


def search(c: Context) -> Section:
    """Accuracy against number of trained networks."""
    title = "Search"
    if not c.frames:
        return Section("search", title, "No search was run.")
    joined = pd.concat([frame.assign(strategy=key) for key, frame in c.frames.items()], ignore_index=True)
    summary = results.over_runs(joined, ["strategy", "trained"], ["best_val_acc", "best_test_acc"])
    cost = c.answer.cost if c.answer else int(summary["trained"].max())
    runs = int(summary["n_runs"].max())
    lead = f"Each run of a strategy may train {words.number(cost)} networks. "
    if c.shared:
        lead += f"The first {words.number(c.shared)} are the same random cells for all strategies, another draw in each run. "
    lead += "The cell with the best validation accuracy is chosen; its test accuracy is read once the search is over."
    what = f"Mean over {words.count(runs, 'run')}, with one standard deviation. {c.labels_text()} {c.seed_text()}"
    start = max(c.shared, 1)
    blocks = [
        Figure(
            f"search_{measure}",
            heading,
            [Panel(figures.search_curves(summary, f"best_{measure}", axis, c.styles, start))],
            f"{text} {what}",
            c.data(f"search_{measure}", summary, "search"),
            half=True,
        )
        for measure, heading, axis, text in (
            ("val_acc", "Best validation accuracy so far", "validation accuracy", ""),
            ("test_acc", "Test accuracy of the chosen cell", "test accuracy", "The choice is by validation accuracy."),
        )
    ]
    return Section("search", title, lead, [*blocks, _search_table(c, summary, cost)])


def _search_table(c: Context, summary: pd.DataFrame, cost: int) -> Table:
    baseline = c.answer.baseline if c.answer else None
    ends = summary[summary["trained"] == cost].set_index("strategy")
    bar = ends.at[baseline, "best_val_acc_mean"] if baseline in ends.index else np.nan
    head = [Head("strategy", False), Head("runs"), Head("networks", hint="trained in one run"), Head("validation accuracy")]
    head += [Head("test accuracy"), Head("best run: validation", hint="highest validation accuracy of all runs")]
    head += [Head("its test")]
    if baseline:
        head.append(Head("networks to match random", hint="trained networks until the mean reaches random search’s final one"))
    tops = {m: ends[f"{m}_mean"].max() for m in ("best_val_acc", "best_test_acc")}
    rows, records = [], []
    for key in sorted(ends.index, key=lambda k: -ends.at[k, "best_val_acc_mean"]):
        row, frame = ends.loc[key], c.frames[key]
        best = results.top_cells(frame[frame["trained"] <= cost], 1).iloc[0]
        mine = summary[(summary["strategy"] == key) & (summary["best_val_acc_mean"] >= bar)]
        reached = int(mine["trained"].min()) if len(mine) else np.nan
        cells = [
            Cell(words.name(key), key, c.styles[key].colour),
            Cell(words.number(row["n_runs"]), row["n_runs"]),
            Cell(words.number(cost), cost),
        ]
        for m, top in tops.items():
            mean = row[f"{m}_mean"]
            cells.append(Cell(c.mean_percent(mean, row[f"{m}_std"]), mean, strong=mean == top))
        cells += [Cell(c.percent(best["val_acc"]), best["val_acc"]), Cell(c.percent(best["test_acc"]), best["test_acc"])]
        if baseline:
            cells.append(Cell("not reached" if np.isnan(reached) else words.number(reached), reached))
        rows.append(cells)
        found = {"best_cell": best["cell"], "best_cell_val_acc": best["val_acc"], "best_cell_test_acc": best["test_acc"]}
        records.append({"strategy": key, **row.to_dict(), **found, "networks_to_match_random": reached})
    caption = f"Mean ± standard deviation over runs; the best of each column is bold. {c.labels_text()} {c.seed_text()}"
    return Table("search_end", "At equal cost", head, rows, caption, c.data("search_end", pd.DataFrame(records), "search"))


def found_cells(c: Context) -> Section:
    """The top cells of each strategy, drawn."""
    title = "Found cells"
    if not c.frames:
        return Section("cells", title, "No search was run, so there are no found cells.")
    galleries = []
    ends = {key: frame.groupby("run")["best_val_acc"].last().mean() for key, frame in c.frames.items()}
    for key, frame in sorted(c.frames.items(), key=lambda item: -ends[item[0]]):
        runs = frame["run"].nunique()
        drawn = []
        for best in results.top_cells(frame, TOP).to_dict("records"):
            archs = c.run.searches[key].archs[int(best["row"])]
            origin = "among the first random cells" if best["trained"] <= c.shared else f"found as network {best['trained']}"
            lines = [
                f"{c.percent(best['val_acc'])} validation",
                f"{c.percent(best['test_acc'])} test",
                f"{origin}, in {best['runs']} of {words.count(runs, 'run')}",
            ]
            drawn.append(Drawn(cell_svg(archs), best["cell"], lines))
        galleries.append(Gallery(words.name(key), c.styles[key].colour, drawn))
    lead = (
        "The different cells with the best validation accuracy over all runs of each strategy; isomorphic cells count once. "
        "Chosen by validation accuracy alone; of equals, those that more runs found come first."
    )
    return Section("cells", title, lead, galleries)
