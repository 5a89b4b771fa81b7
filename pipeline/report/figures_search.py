"""Figures of how near searches come to the best cell of a table, and how many of their runs find it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pipeline.report.theme import Style, figure, percent_axis
from pipeline.report.words import name


def regret_along(frames: Mapping[str, pd.DataFrame], best: float) -> pd.DataFrame:
    """Return, by strategy and cost, the regret over runs and how many of them found a cell as good as `best`.

    frames: `results.along`'s of every strategy. best: highest accuracy of the table. Columns: strategy,
    trained, n_runs, regret_mean, regret_std (n - 1), reached (a share).
    """
    parts = []
    for strategy, frame in sorted(frames.items()):
        regret = best - frame["best_val_acc"].astype(float)
        groups = frame.assign(regret=regret, reached=regret <= 0).groupby("trained")
        part = groups.agg(
            n_runs=("run", "nunique"),
            regret_mean=("regret", "mean"),
            regret_std=("regret", "std"),
            reached=("reached", "mean"),
        ).reset_index()
        parts.append(part.assign(strategy=strategy))
    joined = pd.concat(parts, ignore_index=True)
    return joined[["strategy", *(column for column in joined if column != "strategy")]]


def regret(summary: pd.DataFrame, spent: str, styles: Mapping[str, Style]) -> go.Figure:
    """Lines: mean regret by what was spent, on a logarithmic axis, which a regret of zero has no place on."""
    axis = {"title": {"text": "regret (percentage points)"}, "type": "log", **_ticks(summary["regret_mean"])}
    fig = _empty(summary, spent, axis)
    values = (100 * summary["regret_mean"]).where(summary["regret_mean"] > 1e-9)
    texts = [f"{100 * deviation:.2f}" for deviation in summary["regret_std"].fillna(0)]
    _lines(fig, summary.assign(value=values, text=texts), styles, "%{y:.2f} ± %{customdata} points")
    return fig


def optimum(summary: pd.DataFrame, spent: str, styles: Mapping[str, Style]) -> go.Figure:
    """Lines: share of runs that have found a cell as good as the table's best, by what was spent."""
    axis = percent_axis("runs that found the best cell", 0, range=[-0.02, 1.04])
    fig = _empty(summary, spent, axis)
    texts = [str(n) for n in summary["n_runs"]]
    _lines(
        fig, summary.assign(value=summary["reached"], text=texts), styles, "%{y:.0%} of %{customdata} runs"
    )
    return fig


def _empty(summary: pd.DataFrame, spent: str, yaxis: dict) -> go.Figure:
    few = summary["trained"].max() <= 8
    xaxis = {"title": {"text": f"{spent} of one run"}, "dtick": 1 if few else None}
    return figure(360, xaxis=xaxis, yaxis=yaxis, hovermode="x")


def _lines(fig: go.Figure, frame: pd.DataFrame, styles: Mapping[str, Style], hover: str) -> None:
    for strategy in dict.fromkeys(frame["strategy"]):
        part, style = frame[frame["strategy"] == strategy], styles[strategy]
        fig.add_scatter(
            x=part["trained"],
            y=part["value"],
            mode="lines",
            name=name(strategy),
            line={"color": style.colour, "width": 2.4, "dash": style.dash, "shape": "hv"},
            customdata=part["text"],
            hovertemplate=hover,
        )


def _ticks(values: pd.Series) -> dict:
    """Round percentage points over the powers of ten that the values span."""
    known = 100 * values[values > 1e-9]
    if known.empty:
        return {}
    low, high = np.log10(known.min()), np.log10(known.max())
    steps = (1, 1.5, 2, 3, 4, 5, 6, 8) if high - low < 0.9 else (1, 2, 5) if high - low < 2.5 else (1,)
    ticks = [step * 10.0**power for power in range(int(low) - 2, int(high) + 2) for step in steps]
    return {"tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
