"""Figures of generated cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pipeline.report.cell_graphs import LABELS
from pipeline.report.theme import BLUE, GREY, MUTED, figure, percent_axis
from pipeline.spaces.nasbench101.codes import MAX_EDGES

COLOURS = [[0, "#f4f6f8"], [1, "#1f5f99"]]


def bars(part: pd.DataFrame) -> go.Figure:
    """Bars of shares, generated cells beside the benchmark's.

    part: name, generated_mean, generated_std (bars of error; NaN: none) and benchmark (NaN: no bar).
    """
    axis = {"showgrid": False, "type": "category", "title": {"text": ""}}
    fig = figure(260, xaxis=axis, yaxis=percent_axis("share of cells", range=[0, 1.05]), bargap=0.35)
    names = [LABELS.get(name, name) for name in part["name"]]
    error = {"type": "data", "array": part["generated_std"], "color": MUTED, "thickness": 1.2, "width": 3}
    kinds = (("generated", "generated_mean", BLUE, error), ("benchmark", "benchmark", GREY, None))
    for label, column, colour, spread in kinds:
        fig.add_bar(
            x=names,
            y=part[column],
            name=label,
            marker={"color": colour},
            error_y=spread,
            hovertemplate="%{x}: %{y:.1%} " + label + "<extra></extra>",
        )
    return fig


def frequencies(part: pd.DataFrame, column: str) -> go.Figure:
    """Heat map of shares: operations (rows) at places (columns). part: name, detail and `column`.

    The most frequent operation of each place is bold, as it has a cross in the paper's figures 2 and 3.
    """
    table = part.pivot(index="detail", columns="name", values=column)
    table = table.loc[list(dict.fromkeys(part["detail"])), list(dict.fromkeys(part["name"]))]
    marked = (table == table.max()).to_numpy()
    return _map(table.rename(index=lambda op: LABELS.get(op, op)), "%{y} at %{x}", marked)


def edges(part: pd.DataFrame, column: str) -> go.Figure:
    """Heat map of shares: edges from vertices (rows) to vertices (columns). part: name, such as 0-6.

    As many edges as a cell may have are bold: the most frequent ones.
    """
    ends = part["name"].str.split("-", expand=True).astype(int)
    table = part.assign(source=ends[0], target=ends[1]).pivot(index="source", columns="target", values=column)
    last = int(table.columns.max())

    def named(vertex: int) -> str:
        return {0: "input", last: "output"}.get(vertex, str(vertex))

    marked = (table.stack().rank(ascending=False, method="first") <= MAX_EDGES).unstack().fillna(False)
    return _map(table.rename(index=named, columns=named), "%{y} to %{x}", marked.to_numpy(bool))


def _map(table: pd.DataFrame, what: str, marked: np.ndarray) -> go.Figure:
    """Heat map of shares from 0 to 1; NaN stays empty. what: template of a value's name. marked: bold."""
    axis = {"showgrid": False, "showline": False, "ticks": "", "type": "category"}
    few = len(table.columns) <= 8
    fig = figure(
        110 + 30 * len(table),
        xaxis={**axis, "tickangle": 0 if len(table.columns) <= 6 else -60},
        yaxis={**axis, "autorange": "reversed"},
        margin={"l": 20, "r": 4, "t": 8, "b": 20},
    )
    values = table.to_numpy()
    fig.add_heatmap(
        z=values,
        x=list(table.columns),
        y=list(table.index),
        text=[[_text(*of) for of in zip(*row, strict=True)] for row in zip(values, marked, strict=True)],
        zmin=0,
        zmax=1,
        colorscale=COLOURS,
        texttemplate="%{text}" if few else None,
        textfont={"size": 10},
        xgap=2,
        ygap=2,
        showscale=False,
        hoverongaps=False,
        hovertemplate=what + ": %{z:.0%}<extra></extra>",
    )
    return fig


def _text(value: float, marked: bool) -> str:
    if pd.isna(value):
        return ""
    return f"<b>{value:.0%}</b>" if marked else f"{value:.0%}"
