"""Figures that compare predictors: how many of the best cells they find, and what their ranking costs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pipeline.report.theme import Style, figure, shade
from pipeline.report.words import duration, name


def precision_by_k(summary: pd.DataFrame, styles: Mapping[str, Style]) -> go.Figure:
    """Lines: mean share of the true top K among the predicted top K, by K; one line a predictor.

    summary: predictor, k, precision_mean, precision_std.
    """
    ks = sorted(summary["k"].unique())
    fig = figure(
        380,
        xaxis={"title": {"text": "K"}, "type": "log", "tickvals": ks, "ticktext": [f"{k:,}" for k in ks]},
        yaxis={"title": {"text": "Precision@K"}, "tickformat": ".0%", "rangemode": "tozero"},
    )
    for predictor in dict.fromkeys(summary["predictor"]):
        part, style = summary[summary["predictor"] == predictor], styles[predictor]
        fig.add_scatter(
            x=part["k"],
            y=part["precision_mean"],
            mode="lines+markers",
            name=name(predictor),
            line={"color": style.colour, "width": 2.2, "dash": style.dash},
            marker={"symbol": style.symbol, "size": 7},
            customdata=part["precision_std"],
            hovertemplate="K = %{x}: %{y:.1%} ± %{customdata:.1%}" + f"<extra>{name(predictor)}</extra>",
        )
    return fig.update_layout(showlegend=False)


def tau_by_cost(costs: pd.DataFrame, styles: Mapping[str, Style]) -> go.Figure:
    """Points: mean Kendall tau by the seconds that one fit took, one line a predictor through its sizes.

    costs: predictor, n_train, seconds (of one run), kendall_tau_mean, kendall_tau_std.
    """
    fig = figure(
        380,
        xaxis={"title": {"text": "seconds to fit one run"}, "type": "log", **_seconds_axis(costs["seconds"])},
        yaxis={"title": {"text": "Kendall’s tau on held-out cells"}},
    )
    for predictor in dict.fromkeys(costs["predictor"]):
        part, style = costs[costs["predictor"] == predictor], styles[predictor]
        texts = [duration(s) for s in part["seconds"]]
        fig.add_scatter(
            x=part["seconds"],
            y=part["kendall_tau_mean"],
            mode="lines+markers",
            name=name(predictor),
            line={"color": shade(style.colour, 0.55), "width": 1.5, "dash": style.dash},
            marker={"symbol": style.symbol, "size": 9, "color": style.colour},
            customdata=np.column_stack([part["n_train"], part["kendall_tau_std"], texts]),
            hovertemplate="%{customdata[0]} labels: %{y:.3f} ± %{customdata[1]:.3f}, %{customdata[2]} a fit"
            f"<extra>{name(predictor)}</extra>",
        )
    return fig.update_layout(showlegend=False)


def _seconds_axis(seconds: pd.Series) -> dict:
    """Ticks at round numbers over the powers of ten that the values span, the closer the fewer these are."""
    low, high = np.log10(seconds.min()), np.log10(seconds.max())
    steps = (1, 1.5, 2, 3, 4, 5, 6, 8) if high - low < 0.9 else (1, 2, 5) if high - low < 2 else (1,)
    ticks = [step * 10.0**power for power in range(int(low) - 2, int(high) + 2) for step in steps]
    return {"tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
