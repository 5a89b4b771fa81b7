"""The section on predictors: tau against number of labels, ranks, and the table of measures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.report import figures_results as figures
from pipeline.report import results, words
from pipeline.report.blocks import Cell, Figure, Head, Panel, Section, Table
from pipeline.report.context import Context
from pipeline.report.predictor_comparison import cost, precision

MAX_PANELS = 6  # predictors whose ranks are drawn
MAX_POINTS = 1500  # held-out cells drawn in one panel


def predictors(c: Context) -> Section:
    """Kendall's tau by number of labels, predicted against true ranks, all measures."""
    title = "Predictors"
    if c.run.predictions is None:
        return Section("predictors", title, "No predictor was trained in this run.")
    frame, ks = c.run.predictions.frame, c.run.predictions.ks
    measures = ["kendall_tau", "spearman", *(f"precision_at_{k}" for k in ks), *(f"n_at_{k}" for k in ks)]
    summary = results.over_runs(results.measured(frame, ks), ["predictor", "n_train"], measures)
    largest = summary.loc[summary.groupby("predictor")["n_train"].idxmax()]
    largest = largest.sort_values("kendall_tau_mean", ascending=False, kind="stable")
    tested = f"Tested on the same {words.number(frame['cell'].nunique())} held-out cells."
    protocol = f"{_runs_text(frame)} {tested} {c.learned_text()} {c.seed_text()}"
    more = len(largest) - figures.MAX_LINES
    hidden = f" {words.count(more, 'predictor')} with lower tau: click in the legend." if more > 0 else ""
    tau = Figure(
        "predictor_tau",
        "Ranking by number of labels",
        [Panel(figures.tau_by_labels(summary, c.styles))],
        f"Mean and one standard deviation.{hidden} {protocol}",
        c.data("predictor_tau", summary, "predictors"),
    )
    found = [
        tau,
        precision(c, largest, protocol),
        _ranks(c, largest),
        cost(c, summary, largest),
        _measures(c, largest, protocol, summary),
    ]
    blocks = [block for block in found if block is not None]
    return Section("predictors", title, _lead(c, largest.iloc[0], frame["cell"].nunique()), blocks)


def _lead(c: Context, best: pd.Series, n_cells: int) -> str:
    mean, deviation = best["kendall_tau_mean"], best["kendall_tau_std"]
    who, n_cells = words.name(best["predictor"]), words.number(n_cells)
    tau = f"Kendall’s tau {words.spread(mean, deviation, 2)} with {words.number(best['n_train'])} labels."
    if mean - np.nan_to_num(deviation) > 0:
        text = f"{words.sentence(who)} ranks the {n_cells} held-out cells best: {tau}"
    else:
        text = (
            f"No predictor ranks the {n_cells} held-out cells clearly better than chance. Best, {who}: {tau}"
        )
    taus = c.zero_shot_taus
    if taus is None:
        return text
    taus = taus[(taus["role"] == "held_out") & taus["tau"].notna()]
    if taus.empty:
        return text
    top = taus.loc[taus["tau"].idxmax()]
    return (
        f"{text} The best score of untrained networks on the same cells, “{words.metric(top['metric'])}”, "
        f"reaches {words.number(top['tau'], 2)} without any label."
    )


def _runs_text(frame: pd.DataFrame) -> str:
    n_runs = int(frame.groupby(["predictor", "n_train"])["run"].nunique().max())
    subsets = frame["subset"].nunique()
    return (
        f"{words.count(n_runs, 'run')} each: {words.count(subsets, 'random training set')} with "
        f"{words.count(n_runs // subsets, 'seed')}, the same for all predictors."
    )


def _ranks(c: Context, largest: pd.DataFrame) -> Figure:
    ranked = results.average_ranks(c.run.predictions.frame)
    panels, parts = [], []
    for p in largest["predictor"][:MAX_PANELS]:
        part = ranked[ranked["predictor"] == p]
        shown = part.iloc[:: -(-len(part) // MAX_POINTS)]
        n = int(np.ceil(part["true_rank"].max()))
        panels.append(Panel(figures.ranks(shown, c.styles[p], n, c.short), words.name(p)))
        parts.append(shown)
    left = len(largest) - len(panels)
    more = f" {words.count(left, 'predictor')} with lower tau not drawn." if left > 0 else ""
    some = f" One cell in {-(-len(part) // MAX_POINTS)} drawn." if len(shown) < len(part) else ""
    caption = (
        "One point a held-out cell; predicted ranks are means over runs with the most labels."
        f"{some}{more} {c.learned_text()} {c.seed_text()}"
    )
    data = c.data("predicted_ranks", pd.concat(parts, ignore_index=True))
    return Figure("predicted_ranks", "Predicted against true rank", panels, caption, data)


def _measures(c: Context, largest: pd.DataFrame, protocol: str, summary: pd.DataFrame) -> Table:
    ks = c.run.predictions.ks
    head = [Head("predictor", False), Head("labels", hint="labelled cells for training")]
    head += [Head("Kendall’s tau"), Head("Spearman")]
    head += [Head(f"P@{k}", hint=f"share of the true top {k} among the predicted top {k}") for k in ks]
    head += [Head(f"N@{k}", hint=f"best true rank among the predicted top {k}; 1 is the best") for k in ks]
    head.append(Head("fit time", hint="of all runs together"))
    head.append(Head("score time", hint="of all runs together, all held-out cells"))
    higher = ["kendall_tau", "spearman", *(f"precision_at_{k}" for k in ks)]
    tops = {m: largest[f"{m}_mean"].max() for m in higher}
    tops |= {f"n_at_{k}": largest[f"n_at_{k}_mean"].min() for k in ks}
    times = c.run.predictions.fits.set_index(["predictor", "n_train"])[["seconds", "score_seconds"]]
    rows = []
    for row in largest.to_dict("records"):
        key, n_train = row["predictor"], row["n_train"]
        cells = [Cell(words.name(key), key, c.styles[key].colour), Cell(words.number(n_train), n_train)]
        for m, top in tops.items():
            mean = row[f"{m}_mean"]
            cells.append(Cell(_text(m, mean, row[f"{m}_std"]), mean, strong=mean == top))
        seconds = [float(value) for value in times.loc[(key, n_train)]]
        rows.append([*cells, *(Cell(words.duration(s), None if np.isnan(s) else s) for s in seconds)])
    caption = (
        "Mean ± standard deviation over runs, with the most labels; the best of each column is bold. P@K: "
        "share of "
        "the true top K among the predicted top K. N@K: best true rank among the predicted top K. "
    )
    data = c.data("predictor_measures", summary, "predictors")
    return Table("predictor_measures", "Measures", head, rows, caption + protocol, data)


def _text(measure: str, mean: float, deviation: float) -> str:
    if measure.startswith("precision"):
        return words.spread_percent(mean, deviation, 0)
    return words.spread(mean, deviation, 1 if measure.startswith("n_at") else 2)
