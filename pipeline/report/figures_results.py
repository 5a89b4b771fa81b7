"""Figures of what was learned and found: predictors, searches, time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pipeline.report.theme import BLUE, LINE, MUTED, Style, figure, percent_axis, shade
from pipeline.report.words import STAGES, duration, name

MAX_LINES = 8  # predictors drawn at first; the others on a click in the legend


def tau_by_labels(summary: pd.DataFrame, styles: Mapping[str, Style]) -> go.Figure:
    """Lines: mean Kendall tau by number of labels, with one standard deviation; one line a predictor."""
    sizes = sorted(summary["n_train"].unique())
    wide = max(sizes) >= 8 * min(sizes)
    fig = figure(
        360 + 12 * max(summary["predictor"].nunique() - MAX_LINES, 0),  # room for the legend
        xaxis={
            "title": {"text": "labelled cells for training"},
            "tickvals": sizes,
            "type": "log" if wide else "linear",
        },
        yaxis={"title": {"text": "Kendall’s tau on held-out cells"}},
    )
    ends = summary.sort_values("n_train", kind="stable").groupby("predictor")["kendall_tau_mean"].last()
    predictors = list(ends.sort_values(ascending=False, kind="stable").index)
    step = 0.012 * (max(sizes) - min(sizes) or max(sizes))
    for position, predictor in enumerate(predictors):
        part, style = summary[summary["predictor"] == predictor], styles[predictor]
        shown = position < MAX_LINES
        aside = (position - (len(predictors) - 1) / 2) * step if len(predictors) <= 6 else 0.0
        aside = 0.0 if wide else aside
        fig.add_scatter(
            x=part["n_train"] + aside,
            y=part["kendall_tau_mean"],
            mode="lines+markers",
            name=name(predictor),
            visible=True if shown else "legendonly",
            line={"color": style.colour, "width": 2.2, "dash": style.dash},
            marker={"symbol": style.symbol, "size": 8},
            error_y={
                "array": part["kendall_tau_std"].fillna(0),
                "width": 3,
                "thickness": 1.3,
                "color": style.colour,
            },
            customdata=np.column_stack([part["n_train"], part["kendall_tau_std"], part["n_runs"]]),
            hovertemplate="%{customdata[0]} labels: %{y:.3f} ± %{customdata[1]:.3f} (%{customdata[2]} runs)"
            f"<extra>{name(predictor)}</extra>",
        )
    return fig


def ranks(part: pd.DataFrame, style: Style, n: int, short: Callable[[str], str]) -> go.Figure:
    """Points: predicted over true rank of held-out cells, one predictor; 1 is the best of `n`."""
    step = max(round(n / 3), 1)
    axis = {
        "range": [1.03 * n + 0.5, 0.5 - 0.03 * n],
        "showgrid": False,
        "tickvals": [1, *range(step, n + 1, step)],
    }
    fig = figure(
        300,
        margin={"l": 44, "r": 6, "t": 8, "b": 38},
        xaxis={"title": {"text": "true rank (right: best)"}, **axis},
        yaxis={"title": {"text": "predicted rank (top: best)"}, **axis},
    )
    fig.add_scatter(x=[1, n], y=[1, n], mode="lines", line={"color": LINE, "width": 1.5}, hoverinfo="skip")
    fig.add_scatter(
        x=part["true_rank"],
        y=part["predicted_rank"],
        mode="markers",
        marker={
            "color": shade(style.colour, 0.75 if len(part) <= 300 else 0.4),
            "size": 8 if len(part) <= 300 else 4,
            "symbol": style.symbol,
        },
        customdata=np.column_stack([[short(c) for c in part["cell"]], [f"{v:.1%}" for v in part["truth"]]]),
        hovertemplate="%{customdata[0]}, validation %{customdata[1]}<br>true rank %{x:.1f}<br>"
        "predicted %{y:.1f}<extra></extra>",
    )
    return fig.update_layout(showlegend=False)


def search_curves(
    summary: pd.DataFrame, measure: str, title: str, spent: str, styles: Mapping[str, Style], start: int
) -> go.Figure:
    """Lines: mean accuracy by what was spent, with a band of one standard deviation; one a strategy.

    summary: strategy, trained, <measure>_mean, <measure>_std. spent: what `trained` counts. start: the
    first number of it that is shown.
    """
    few = summary["trained"].max() - start <= 8
    fig = figure(
        360,
        xaxis={"title": {"text": f"{spent} of one run"}, "dtick": 1 if few else None},
        yaxis=percent_axis(title, 1),
        hovermode="x",
    )
    shown = summary[summary["trained"] >= start]
    faint = min(0.13, 0.65 / shown["strategy"].nunique())  # many bands lie on one another
    for strategy in dict.fromkeys(shown["strategy"]):
        part, style = shown[shown["strategy"] == strategy], styles[strategy]
        mean, deviation = part[f"{measure}_mean"], part[f"{measure}_std"].fillna(0)
        rim = {"mode": "lines", "hoverinfo": "skip", "showlegend": False, "legendgroup": strategy}
        rim["line"] = {"width": 0, "shape": "hv"}
        fig.add_scatter(x=part["trained"], y=mean - deviation, **rim)
        band = {"fill": "tonexty", "fillcolor": shade(style.colour, faint)}
        fig.add_scatter(x=part["trained"], y=mean + deviation, **band, **rim)
        fig.add_scatter(
            x=part["trained"],
            y=mean,
            mode="lines",
            name=name(strategy),
            legendgroup=strategy,
            line={"color": style.colour, "width": 2.4, "dash": style.dash, "shape": "hv"},
            customdata=deviation,
            hovertemplate="%{y:.2%} ± %{customdata:.2%}",
        )
    return fig


def time_bars(times: pd.DataFrame) -> go.Figure:
    """Bars: computing time by stage."""
    texts = [
        f" {duration(row.seconds)}" + (f" in {row.jobs} jobs" if row.jobs > 1 and row.timed else "")
        for row in times.itertuples()
    ]
    longest = float(times["seconds"].max()) if times["seconds"].notna().any() else 0.0
    unit, scale = ("minutes", 60) if longest >= 120 else ("seconds", 1)
    fig = figure(
        60 + 30 * len(times),
        margin={"l": 20, "r": 8, "t": 4, "b": 36},
        xaxis={"title": {"text": f"computing time ({unit})"}, "range": [0, 1.5 * longest / scale or 1]},
        yaxis={"autorange": "reversed", "showgrid": False, "tickfont": {"color": MUTED}},
        bargap=0.35,
    )
    fig.add_bar(
        x=times["seconds"].fillna(0) / scale,
        y=[STAGES.get(stage, stage) for stage in times["stage"]],
        orientation="h",
        marker={"color": BLUE},
        text=texts,
        textposition="outside",
        cliponaxis=False,
        textfont={"color": MUTED, "size": 12},
        hovertemplate="%{y}:%{text}<extra></extra>",
    )
    return fig
