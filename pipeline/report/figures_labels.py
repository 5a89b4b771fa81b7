"""Figures of a benchmark table: how accuracies are distributed, and how far they can be trusted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pipeline.report.figures import accuracy_floor
from pipeline.report.theme import BLUE, GREY, LINE, VERMILLION, count_axis, figure, percent_axis, shade

ROLES = {
    "labelled": ("labelled cells", BLUE, "circle"),
    "held_out": ("held-out cells", VERMILLION, "diamond"),
    "unused": ("other cells", GREY, "circle"),
}
BINS = 24


def histogram(frame: pd.DataFrame) -> pd.DataFrame:
    """Return from, to and the number of cells of each role; the first bin also holds all that is lower."""
    values = frame["val_acc"].dropna()
    floor, top = accuracy_floor(values), float(values.max())
    edges = np.linspace(floor, max(top, floor + 1e-3), BINS + 1)
    table = pd.DataFrame({"from": edges[:-1], "to": edges[1:]})
    for role in ROLES:
        accuracies = frame.loc[frame["role"] == role, "val_acc"].dropna()
        table[role] = np.histogram(accuracies.clip(lower=floor), edges)[0]
    return table


def label_histogram(bins: pd.DataFrame) -> go.Figure:
    """Bars: how many cells reach which validation accuracy; `bins` is `histogram(frame)`.

    Where most cells have no role, bars would hide those that have one: then lines, each role's share.
    """
    if bins["unused"].any():
        return _shares(bins)
    fig = figure(
        320,
        barmode="stack",
        legend={"traceorder": "normal"},
        bargap=0.06,
        xaxis=percent_axis("validation accuracy", 0),
        yaxis=count_axis("cells", bins[list(ROLES)].sum(axis=1).max()),
    )
    for role, (label, colour, _) in ROLES.items():
        if bins[role].any():
            fig.add_bar(
                x=(bins["from"] + bins["to"]) / 2,
                y=bins[role],
                width=(bins["to"] - bins["from"]) * 0.94,
                name=label,
                marker={"color": colour, "line": {"width": 0}},
                customdata=_ranges(bins),
                hovertemplate="%{customdata}<br>%{y} " + label + "<extra></extra>",
            )
    return fig


def _shares(bins: pd.DataFrame) -> go.Figure:
    fig = figure(
        320,
        legend={"traceorder": "reversed"},
        xaxis=percent_axis("validation accuracy", 0),
        yaxis=percent_axis("share of cells", 0, rangemode="tozero"),
    )
    for role, (label, colour, _) in reversed(ROLES.items()):
        if bins[role].any():
            fig.add_scatter(
                x=(bins["from"] + bins["to"]) / 2,
                y=bins[role] / bins[role].sum(),
                mode="lines",
                name=label,
                line={"color": colour, "width": 2, "shape": "hvh"},
                fill="tozeroy" if role == "unused" else None,
                fillcolor=shade(colour, 0.2),
                customdata=np.column_stack([_ranges(bins), bins[role]]),
                hovertemplate="%{customdata[0]}<br>%{customdata[1]} " + label + " (%{y:.1%})<extra></extra>",
            )
    return fig


def _ranges(bins: pd.DataFrame) -> list[str]:
    return [f"{a:.1%} to {b:.1%}" for a, b in zip(bins["from"], bins["to"], strict=True)]


def validation_against_test(frame: pd.DataFrame, short: Callable[[str], str]) -> go.Figure:
    """Points: a cell's test accuracy over its validation accuracy, with the diagonal."""
    low = min(accuracy_floor(frame["val_acc"]), accuracy_floor(frame["test_acc"]))
    high = float(np.nanmax(frame[["val_acc", "test_acc"]].to_numpy()))
    edge = 0.03 * (high - low)
    span = [low - edge, high + edge]
    fig = figure(
        320,
        xaxis=percent_axis("validation accuracy", 0, range=span),
        yaxis=percent_axis("test accuracy", 0, range=span),
    )
    line = {"color": LINE, "width": 1.5}
    fig.add_scatter(x=span, y=span, mode="lines", line=line, hoverinfo="skip", showlegend=False)
    return _points(fig, frame, "val_acc", "test_acc", short, "validation %{x:.2%}<br>test %{y:.2%}")


def accuracy_against_params(frame: pd.DataFrame, short: Callable[[str], str]) -> go.Figure:
    """Points: a cell's validation accuracy over its number of parameters."""
    axis = {"title": {"text": "trainable parameters"}, "type": "log", "dtick": "D2", "tickformat": "~s"}
    return accuracy_against(frame, "params", axis, short, "%{x:.3s} parameters")


def accuracy_against(
    frame: pd.DataFrame, column: str, axis: dict, short: Callable[[str], str], hover: str
) -> go.Figure:
    """Points: a cell's validation accuracy over another column. axis: its axis. hover: how it is shown."""
    low, high = accuracy_floor(frame["val_acc"]), float(frame["val_acc"].max())
    edge = 0.03 * (high - low)
    yaxis = percent_axis("validation accuracy", 0, range=[low - edge, high + edge])
    fig = figure(320, xaxis=axis, yaxis=yaxis)
    return _points(fig, frame, column, "val_acc", short, hover + "<br>validation %{y:.2%}")


def _points(fig: go.Figure, frame: pd.DataFrame, x: str, y: str, short, hover: str) -> go.Figure:
    """Add one point a cell, in the colour and shape of its role; the more points, the smaller."""
    size = 7 if len(frame) <= 500 else 4
    for role, (label, colour, symbol) in reversed(ROLES.items()):
        part = frame[frame["role"] == role]
        if len(part):
            fig.add_scatter(
                x=part[x],
                y=part[y],
                mode="markers",
                name=label,
                marker={"color": shade(colour, 0.7 if size > 4 else 0.45), "size": size, "symbol": symbol},
                customdata=[short(c) for c in part["cell"]],
                hovertemplate="%{customdata}<br>" + hover + f"<extra>{label}</extra>",
            )
    return fig.update_layout(legend={"traceorder": "reversed", "itemsizing": "constant"})
