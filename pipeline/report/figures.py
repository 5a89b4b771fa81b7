"""Figures of what was measured: learning curves.

One function a figure; each takes frames and returns a plotly figure in the look of `pipeline.report.theme`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pipeline.report.theme import (
    BLUE,
    INK,
    MUTED,
    count_axis,
    figure,
    percent_axis,
    shade,
)


def accuracy_floor(values) -> float:
    """Return where the axis of accuracies starts: a few failures far below would flatten all the rest."""
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values)]
    low, middle, high = np.quantile(values, [0.02, 0.25, 1.0])
    floor = min(low, middle)
    return float(max(floor - 0.08 * max(high - floor, 0.005), 0))


def curve_bands(curves: np.ndarray) -> pd.DataFrame:
    """Return epoch, best, p90, p75, median, p25, p10, worst over networks (rows of `curves`) by epoch.

    best and worst are the curves of the networks that end highest and lowest, not the envelope.
    """
    there = curves[~np.isnan(curves[:, -1])]
    order = np.argsort(there[:, -1], kind="stable")
    p10, p25, p50, p75, p90 = np.quantile(there, [0.1, 0.25, 0.5, 0.75, 0.9], axis=0)
    return pd.DataFrame(
        {
            "epoch": np.arange(1, curves.shape[1] + 1),
            "best": there[order[-1]],
            "p90": p90,
            "p75": p75,
            "median": p50,
            "p25": p25,
            "p10": p10,
            "worst": there[order[0]],
        }
    )


def learning_curves(bands: pd.DataFrame, what: str) -> go.Figure:
    """Bands of all networks by epoch, with the curves of the best and of the worst one."""
    accuracy = not what.endswith("_loss")
    title = {
        "val_acc": "validation accuracy",
        "val_top5": "top-5 validation accuracy",
        "train_acc": "training accuracy",
        "train_loss": "training loss",
    }[what]
    axis = (
        percent_axis(title, 0)
        if accuracy
        else {"title": {"text": f"{title} (cross entropy, nats)"}, "type": "log"}
    )
    if not accuracy:
        ticks = [float(f"{digit}e{power}") for power in range(-4, 2) for digit in (1, 2, 5)]
        axis |= {"tickvals": ticks, "ticktext": [f"{t:g}" for t in ticks]}
    fig = figure(320, xaxis=count_axis("epoch", len(bands)), yaxis=axis, hovermode="x")
    value = "%{y:.1%}" if accuracy else "%{y:.3f}"
    for low, high, alpha, share in (("p10", "p90", 0.16, "middle 80 %"), ("p25", "p75", 0.3, "middle 50 %")):
        fig.add_scatter(
            x=pd.concat([bands["epoch"], bands["epoch"][::-1]]),
            y=pd.concat([bands[high], bands[low][::-1]]),
            fill="toself",
            fillcolor=shade(BLUE, alpha),
            line={"width": 0},
            mode="lines",
            name=share,
            hoverinfo="skip",
        )
    ends = ("best", "worst") if accuracy else ("worst", "best")
    for column, colour, dash in (("median", BLUE, "solid"), (ends[0], INK, "dot"), (ends[1], MUTED, "dash")):
        label = (
            {"best": "best network", "worst": "worst network"}
            if accuracy
            else {"worst": "lowest", "best": "highest"}
        )
        fig.add_scatter(
            x=bands["epoch"],
            y=bands[column],
            mode="lines",
            name=label.get(column, "median"),
            line={"color": colour, "width": 2.4 if column == "median" else 1.5, "dash": dash},
            hovertemplate=value,
        )
    return fig
