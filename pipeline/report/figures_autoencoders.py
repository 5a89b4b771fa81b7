"""Figures of autoencoders: losses over epochs, predicted feature maps, latent spaces.

One function a figure; each takes frames and returns a plotly figure in the look of `pipeline.report.theme`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pipeline.report.theme import (
    DIVERGING,
    GREY,
    MUTED,
    SEQUENTIAL,
    Style,
    count_axis,
    figure,
    percent_axis,
    shade,
)
from pipeline.report.words import name

MAX_LINES = 14  # autoencoders drawn in one figure: as many as colours and two kinds of dashes


def by_epoch(bands: pd.DataFrame, unit: str, styles: Mapping[str, Style], mean_of=None) -> go.Figure:
    """Lines: a loss or an accuracy by epoch, mean over runs with its interval; one an autoencoder.

    bands: autoencoder, epoch, mean, low, high (NaN with one run), median (NaN: not drawn). mean_of: (mean,
    low, high) of the loss of predicting the mean, or None.
    """
    axis = {"title": {"text": unit}} | ({"rangemode": "tozero"} if mean_of else {})
    axis |= {"tickformat": ".1~%"} if unit == "share" else {}
    fig = figure(240, xaxis=count_axis("epoch", bands["epoch"].max()), yaxis=axis, hovermode="x")
    if mean_of:
        _mean_baseline(fig, mean_of, bands["epoch"])
    for key in drawn(bands):
        part, style = bands[bands["autoencoder"] == key], styles[key]
        if part["low"].notna().any():
            _band(fig, part, style.colour)
        if part["median"].notna().any():
            fig.add_scatter(
                x=part["epoch"],
                y=part["median"],
                mode="lines",
                line={"color": style.colour, "width": 1, "dash": "dot"},
                hovertemplate="median %{y:.4f}",
                name=f"{name(key)}, median",
            )
        ends = part[["low", "high"]].to_numpy()
        text = ["" if np.isnan(low) else f" ({low:.4f} to {high:.4f})" for low, high in ends]
        fig.add_scatter(
            x=part["epoch"],
            y=part["mean"],
            mode="lines+markers" if len(part) < 12 else "lines",
            name=name(key),
            line={"color": style.colour, "width": 2.4, "dash": style.dash},
            marker={"size": 6, "symbol": style.symbol},
            customdata=text,
            hovertemplate="%{y:.4f}%{customdata}",
        )
    return fig.update_layout(showlegend=False)


def drawn(bands: pd.DataFrame) -> list[str]:
    """Return the autoencoders of a frame that are drawn: the first `MAX_LINES`."""
    return list(dict.fromkeys(bands["autoencoder"]))[:MAX_LINES]


def _band(fig: go.Figure, part: pd.DataFrame, colour: str) -> None:
    rim = {"mode": "lines", "hoverinfo": "skip", "line": {"width": 0}}
    fig.add_scatter(x=part["epoch"], y=part["low"], **rim)
    fig.add_scatter(x=part["epoch"], y=part["high"], fill="tonexty", fillcolor=shade(colour, 0.18), **rim)


def _mean_baseline(fig: go.Figure, mean_of, epochs: pd.Series) -> None:
    ends = pd.DataFrame({"epoch": [0, epochs.max()]})  # all along the axis: a line even of one epoch
    ends["mean"], ends["low"], ends["high"] = mean_of
    if ends["low"].notna().all():
        _band(fig, ends, GREY)
    fig.add_scatter(
        x=ends["epoch"],
        y=ends["mean"],
        mode="lines",
        name="predicting the mean",
        line={"color": MUTED, "width": 1.5, "dash": "dash"},
        hoverinfo="skip",
    )


def feature_maps(maps: Mapping[str, tuple], features: list[str]) -> go.Figure:
    """Heat maps of outputs: true ones on the left, predicted ones on the right; a pair of maps a set.

    maps: heading -> (true, predicted, names), both maps float (rows, columns). names: of the rows, different
    ones. features: names of the columns.
    """
    row, gap, bottom = 14, 44, 62  # pixels
    limit = float(np.quantile(np.abs(np.concatenate([true.ravel() for true, *_ in maps.values()])), 0.99))
    height = top = bottom + sum(row * len(true) + gap for true, *_ in maps.values())
    fig = figure(height, margin={"l": 4, "r": 4, "t": 0, "b": 0})
    free = {"showgrid": False, "showline": False, "ticks": "", "showticklabels": False}
    for heading, (true, predicted, names) in maps.items():
        upper, top = (top - gap) / height, top - gap - row * len(true)
        for values, what, left in ((true, "true", 0.0), (predicted, "predicted", 0.515)):
            number = str(len(fig.data) + 1) if fig.data else ""
            x, y = f"x{number}", f"y{number}"
            across = {**free, "type": "category", "domain": [left, left + 0.485], "anchor": y}
            down = {**free, "domain": [top / height, upper], "anchor": x, "autorange": "reversed"}
            fig.update_layout({f"xaxis{number}": across, f"yaxis{number}": down})
            fig.add_heatmap(
                z=np.round(values, 2).tolist(),
                x=features,
                y=names,
                xaxis=x,
                yaxis=y,
                coloraxis="coloraxis",
                hovertemplate="%{y}<br>features %{x}: %{z:.2f}" + f"<extra>{what}</extra>",
            )
            place = {"x": left, "y": upper, "xref": "paper", "yref": "paper", "xanchor": "left"}
            font, text = {"color": MUTED, "size": 12.5}, what if left else f"{heading}: {what}"
            fig.add_annotation(text=text, yanchor="bottom", showarrow=False, font=font, **place)
    bar = {"orientation": "h", "thickness": 9, "len": 0.6, "outlinewidth": 0, "y": 0, "yanchor": "bottom"}
    bar["tickfont"] = {"color": MUTED, "size": 11}
    bar["title"] = {"text": "output (scaled)", "side": "top", "font": {"color": MUTED, "size": 12}}
    colours = {"colorscale": DIVERGING, "cmin": -limit or -1, "cmax": limit or 1, "colorbar": bar}
    return fig.update_layout(coloraxis=colours, showlegend=False)


def distances(shares: pd.DataFrame, styles: Mapping[str, Style]) -> go.Figure:
    """Lines: share of pairs of cells by the distance of their latents; solid: one edit apart, dotted: any.

    shares: autoencoder, pairs ("any" or "one edit apart"), from, to, share.
    """
    fig = figure(
        250,
        xaxis={"title": {"text": "distance of latents (L2)"}, "rangemode": "tozero"},
        yaxis={"title": {"text": "share of pairs"}, "tickformat": ".0%", "rangemode": "tozero"},
    )
    shares = shares[shares["autoencoder"].isin(drawn(shares))]
    for (key, pairs), part in shares.groupby(["autoencoder", "pairs"], sort=False):
        style, near = styles[key], pairs != "any"
        there = np.flatnonzero(part["n"])
        part = part.iloc[max(there[0] - 1, 0) : there[-1] + 2]
        fig.add_scatter(
            x=(part["from"] + part["to"]) / 2,
            y=part["share"],
            mode="lines",
            name=f"{name(key)}, {pairs}",
            line={"color": style.colour, "width": 2.2, "shape": "hvh", "dash": "solid" if near else "dot"},
            customdata=[f"{a:.2f} to {b:.2f}" for a, b in zip(part["from"], part["to"], strict=True)],
            hovertemplate="%{customdata}: %{y:.1%}",
        )
    return fig.update_layout(showlegend=False)


def neighbours(frame: pd.DataFrame, any_two: float, styles: Mapping[str, Style]) -> go.Figure:
    """Lines: difference of accuracy to the k-th nearest neighbour, one an autoencoder; dashed: of any two.

    frame: autoencoder, neighbour (from 1), difference (a fraction).
    """
    fig = figure(
        240,
        xaxis=count_axis("nearest neighbours, by distance", 8),
        yaxis=percent_axis("difference of accuracy", 1, rangemode="tozero"),
        hovermode="x",
    )
    for key in drawn(frame):
        part, style = frame[frame["autoencoder"] == key], styles[key]
        fig.add_scatter(
            x=part["neighbour"],
            y=part["difference"],
            mode="lines+markers",
            name=name(key),
            line={"color": style.colour, "width": 2.2, "dash": style.dash},
            marker={"size": 6, "symbol": style.symbol},
            hovertemplate="%{y:.2%}",
        )
    fig.add_hline(any_two, line={"color": MUTED, "width": 1.5, "dash": "dash"})
    return fig.update_layout(showlegend=False)


def pearson_by_labels(summary: pd.DataFrame, styles: Mapping[str, Style]) -> go.Figure:
    """Lines: mean Pearson's r by number of training cells, with one standard deviation; one a predictor.

    summary: predictor, n_train, pearson_mean, pearson_std, n_runs.
    """
    sizes = sorted(summary["n_train"].unique())
    fig = figure(
        320,
        xaxis={"title": {"text": "labelled cells for training"}, "tickvals": sizes, "type": "log"},
        yaxis={"title": {"text": "Pearson’s r"}},
    )
    for predictor, part in summary.groupby("predictor", sort=False):
        style = styles[predictor]
        fig.add_scatter(
            x=part["n_train"],
            y=part["pearson_mean"],
            mode="lines+markers",
            name=name(predictor),
            line={"color": style.colour, "width": 2.2, "dash": style.dash},
            marker={"symbol": style.symbol, "size": 8},
            error_y={
                "array": part["pearson_std"].fillna(0),
                "width": 3,
                "thickness": 1.3,
                "color": style.colour,
            },
            customdata=part["n_runs"],
            hovertemplate="%{x} cells: %{y:.3f} ± %{error_y.array:.3f} (%{customdata} runs)",
        )
    return fig.update_layout(showlegend=True)


def latents(points: pd.DataFrame, shares, floor: float, top: float, short: Callable[[str], str]) -> go.Figure:
    """Points: cells in the first two principal components, coloured by validation accuracy.

    short: cell -> what it is called.
    """
    axis = {"showgrid": False, "showticklabels": False, "showline": False, "ticks": ""}
    fig = figure(
        330,
        margin={"l": 30, "r": 4, "t": 8, "b": 34},
        xaxis={"title": {"text": f"component 1 ({shares[0]:.0%} of variance)"}, **axis},
        yaxis={"title": {"text": f"component 2 ({shares[1]:.0%})"}, **axis},
    )
    bar = {
        "tickformat": ".0%",
        "thickness": 9,
        "len": 0.9,
        "outlinewidth": 0,
        "tickfont": {"color": MUTED, "size": 11},
    }
    fig.add_scatter(
        x=points["component_1"],
        y=points["component_2"],
        mode="markers",
        marker={
            "color": points["val_acc"],
            "colorscale": SEQUENTIAL,
            "cmin": floor,
            "cmax": top,
            "size": 8,
            "line": {"color": shade(GREY, 0.6), "width": 0.6},
            "colorbar": bar,
        },
        customdata=[short(c) for c in points["cell"]],
        hovertemplate="%{customdata}<br>validation %{marker.color:.1%}<extra></extra>",
        showlegend=False,
    )
    return fig
