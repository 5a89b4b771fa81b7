"""What predictors are good for, and at what cost: the best cells among the first K, tau against fit time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.evaluation.measures import precision_at_k
from pipeline.report import figures_predictors as figures
from pipeline.report import words
from pipeline.report.blocks import Figure, Line, Panel
from pipeline.report.context import Context
from pipeline.report.theme import MARKS

MAX_LINES = 10  # predictors whose Precision@K is drawn
KS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


def precision(c: Context, largest: pd.DataFrame, protocol: str) -> Figure | None:
    """Precision@K against K (GATES, figure 5), with the most labels; None with too few cells to say.

    largest: one row a predictor, best first, with its largest n_train.
    """
    frame = c.run.predictions.frame
    n = frame["cell"].nunique()
    ks = [k for k in KS if k <= n / 2]
    if len(ks) < 2:
        return None
    drawn = largest[:MAX_LINES]
    rows = []
    for predictor, n_train in zip(drawn["predictor"], drawn["n_train"], strict=True):
        part = frame[(frame["predictor"] == predictor) & (frame["n_train"] == n_train)]
        runs = [(run["truth"].to_numpy(), run["score"].to_numpy()) for _, run in part.groupby("run")]
        for k in ks:
            values = [precision_at_k(truth, score, k) for truth, score in runs]
            deviation = np.std(values, ddof=1) if len(values) > 1 else np.nan
            rows.append((predictor, n_train, k, len(values), np.mean(values), deviation))
    columns = ["predictor", "n_train", "k", "n_runs", "precision_mean", "precision_std"]
    summary = pd.DataFrame(rows, columns=columns)
    sizes = words.listed(words.number(n) for n in sorted(set(drawn["n_train"])))
    left = len(largest) - len(drawn)
    more = f" {words.count(left, 'predictor')} with lower tau not drawn." if left else ""
    return Figure(
        "precision_by_k",
        "How many of the best cells are found",
        [Panel(figures.precision_by_k(summary, c.styles))],
        f"Share of the true top K among the predicted top K, mean over runs, with {sizes} labels.{more} "
        f"{protocol}",
        c.data("precision_by_k", summary),
        legend=_legend(c, drawn["predictor"]),
    )


def cost(c: Context, summary: pd.DataFrame, largest: pd.DataFrame) -> Figure | None:
    """Kendall's tau against the time of a fit; None where times were not recorded."""
    fits = c.run.predictions.fits[["predictor", "n_train", "seconds"]]
    costs = summary[["predictor", "n_train", "n_runs", "kendall_tau_mean", "kendall_tau_std"]]
    costs = costs.merge(fits, on=["predictor", "n_train"])
    costs["seconds"] = costs["seconds"] / costs["n_runs"]
    costs = costs[costs["seconds"] > 0]
    if costs.empty:
        return None
    some = "; a line joins a predictor’s numbers of labels" if costs["n_train"].nunique() > 1 else ""
    shown = [p for p in largest["predictor"] if p in set(costs["predictor"])]
    return Figure(
        "tau_by_cost",
        "Ranking by what it costs",
        [Panel(figures.tau_by_cost(costs, c.styles))],
        f"One point a number of labels{some}. Seconds: of fitting all runs, which may train together, over "
        f"their number, as this machine took them. {c.learned_text()} {c.seed_text()}",
        c.data("tau_by_cost", costs),
        legend=_legend(c, shown),
    )


def _legend(c: Context, predictors) -> list[Line]:
    shown = [(p, c.styles[p]) for p in predictors]
    return [Line(words.name(p), style.colour, style.dash, MARKS[style.symbol]) for p, style in shown]
