"""Figures of generated cells."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from pipeline.report.cell_graphs import LABELS
from pipeline.report.theme import figure

COLOURS = [[0, "#f4f6f8"], [1, "#1f5f99"]]


def frequencies(part: pd.DataFrame, column: str) -> go.Figure:
    """Heat map of shares: operations (rows) at places (columns). part: name, detail and `column`."""
    table = part.pivot(index="detail", columns="name", values=column)
    table = table.loc[list(dict.fromkeys(part["detail"])), list(dict.fromkeys(part["name"]))]
    return _map(table.rename(index=lambda op: LABELS.get(op, op)), "%{y} at %{x}")


def edges(part: pd.DataFrame, column: str) -> go.Figure:
    """Heat map of shares: edges from vertices (rows) to vertices (columns). part: name, such as 0-6."""
    ends = part["name"].str.split("-", expand=True).astype(int)
    table = part.assign(source=ends[0], target=ends[1]).pivot(index="source", columns="target", values=column)
    last = int(table.columns.max())

    def named(vertex: int) -> str:
        return {0: "input", last: "output"}.get(vertex, str(vertex))

    return _map(table.rename(index=named, columns=named), "%{y} to %{x}")


def _map(table: pd.DataFrame, what: str) -> go.Figure:
    """Heat map of shares from 0 to 1; NaN stays empty. what: template of a value's name."""
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
        text=[["" if pd.isna(v) else f"{v:.0%}" for v in row] for row in values],
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
