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
    axis = {"showgrid": False, "showline": False, "ticks": "", "type": "category"}
    fig = figure(
        110 + 30 * len(table),
        xaxis={**axis, "tickangle": 0 if len(table.columns) <= 6 else -60},
        yaxis={**axis, "autorange": "reversed"},
        margin={"l": 20, "r": 4, "t": 8, "b": 20},
    )
    few = len(table.columns) <= 8
    fig.add_heatmap(
        z=table.to_numpy(),
        x=list(table.columns),
        y=[LABELS.get(op, op) for op in table.index],
        zmin=0,
        zmax=1,
        colorscale=COLOURS,
        texttemplate="%{z:.0%}" if few else None,
        textfont={"size": 10},
        xgap=2,
        ygap=2,
        showscale=False,
        hovertemplate="%{y} at %{x}: %{z:.0%}<extra></extra>",
    )
    return fig
