"""Figures of zero-shot scores: how metrics agree among themselves, and one metric against accuracy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pipeline.report.figures_labels import accuracy_against
from pipeline.report.theme import DIVERGING, figure

WIDE = 1e3  # ratio of the largest score to the median one from which on an axis is logarithmic
MANY = 16  # metrics in a map from which on numbers no longer fit


def correlation_map(correlations: np.ndarray, names: list[str]) -> go.Figure:
    """Heat map of Spearman's correlation between zero-shot metrics."""
    axis = {"showgrid": False, "showline": False, "ticks": ""}
    fig = figure(
        120 + 30 * len(names),
        xaxis={**axis, "tickangle": -40},
        yaxis={**axis, "autorange": "reversed"},
        margin={"l": 20, "r": 4, "t": 8, "b": 20},
    )
    fig.add_heatmap(
        z=correlations,
        x=names,
        y=names,
        zmin=-1,
        zmax=1,
        colorscale=DIVERGING,
        texttemplate="%{z:.2f}" if len(names) <= MANY else None,
        textfont={"size": 11 if len(names) <= 8 else 9},
        xgap=2,
        ygap=2,
        showscale=False,
        hovertemplate="%{y} and %{x}<br>Spearman %{z:.2f}<extra></extra>",
    )
    return fig


def is_wide(scores: np.ndarray) -> bool:
    """Whether scores need a logarithmic axis: all positive, and some far above most."""
    return bool((scores > 0).all() and scores.max() > WIDE * np.median(scores))


def accuracy_against_score(
    frame: pd.DataFrame, metric: str, name: str, short: Callable[[str], str]
) -> go.Figure:
    """Points: a cell's validation accuracy over its score by `metric`, which people call `name`."""
    axis = {"title": {"text": name}}
    if is_wide(frame[metric].to_numpy()):
        axis |= {"type": "log", "exponentformat": "power", "nticks": 6}
    return accuracy_against(frame, metric, axis, short, name + " %{x:.4g}")
