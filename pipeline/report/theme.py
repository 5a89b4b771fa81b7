"""Colours and the look of all figures, in one place.

Every colour is a pair (light, dark). Figures are made with the light ones; the page replaces them by
their partners in dark mode. In both sets any two colours stay apart (CIE76 difference of 18 or more) for
normal sight, protanopia, deuteranopia and tritanopia, and all have a contrast of 3:1 or more to the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

BLUE, VERMILLION, GREEN, PURPLE = "#2b72dd", "#df5a0d", "#1f9f74", "#c05cbb"
NAVY, OLIVE, WINE, GREY = "#0b4a72", "#5f4f10", "#8b0f45", "#69717d"
INK, MUTED, LINE, MIDDLE, PAPER = "#1d2530", "#5b6470", "#dfe3e8", "#f3f4f6", "#fefefe"
DARK = {
    BLUE: "#8fc1fb",
    VERMILLION: "#f6a26b",
    GREEN: "#6fe8bf",
    PURPLE: "#c85fe6",
    NAVY: "#3d8ab0",
    OLIVE: "#9c7f1c",
    WINE: "#f0446f",
    GREY: "#a4acb8",
    INK: "#e6e9ee",
    MUTED: "#a3abb6",
    LINE: "#333a44",
    MIDDLE: "#242a32",
    PAPER: "#171b21",
}
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, NAVY, OLIVE, WINE)
DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star")
FIXED = {  # methods of the default run, so that they look alike in every report
    "random": GREY,
    "predictor_evolution": BLUE,
    "regularized_evolution": VERMILLION,
    "gates": GREEN,
    "random_forest_arch2vec": PURPLE,
    "random_forest_infonas": OLIVE,
    "arch2vec": PURPLE,
    "infonas": OLIVE,
}
DIVERGING = [[0.0, VERMILLION], [0.5, MIDDLE], [1.0, BLUE]]  # of values in [-1, 1]
SEQUENTIAL = "Cividis"  # of accuracies; made for colour-blind eyes
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"


@dataclass(frozen=True)
class Style:
    """How one method is drawn wherever it appears."""

    colour: str
    dash: str
    symbol: str


def styles(names) -> dict[str, Style]:
    """Return a style for each method: fixed colours first, then free ones; dashes when colours run out."""
    names = sorted(dict.fromkeys(names), key=lambda n: (n not in FIXED, n))
    fixed = [n for n in names if n in FIXED]
    free = [c for c in SERIES if c not in {FIXED[n] for n in fixed}] or list(SERIES)
    chosen = {n: Style(FIXED[n], "solid", SYMBOLS[i % len(SYMBOLS)]) for i, n in enumerate(fixed)}
    for i, key in enumerate(names[len(fixed) :]):
        symbol = SYMBOLS[(len(fixed) + i) % len(SYMBOLS)]
        chosen[key] = Style(free[i % len(free)], DASHES[i // len(free) % len(DASHES)], symbol)
    return chosen


def figure(height: int = 340, **layout) -> go.Figure:
    """Return an empty figure in the project's look; `layout` is merged on top."""
    return go.Figure(layout=go.Layout(template=_TEMPLATE, height=height).update(layout))


def percent_axis(title: str, digits: int = 0, **more) -> dict:
    """Return an axis of fractions shown as percent."""
    return {"title": {"text": title}, "tickformat": f".{digits}%", **more}


def count_axis(title: str, highest, **more) -> dict:
    """Return an axis of whole numbers up to `highest`."""
    return {"title": {"text": title}, "rangemode": "tozero", "dtick": 1 if highest <= 8 else None, **more}


def shade(colour: str, alpha: float) -> str:
    """Return a colour with transparency (0 clear, 1 solid), still replaceable in dark mode."""
    return f"{colour}{round(255 * alpha):02x}"


_AXIS = {
    "automargin": True,
    "gridcolor": LINE,
    "gridwidth": 1,
    "linecolor": LINE,
    "showline": False,
    "ticks": "",
    "tickfont": {"color": MUTED, "size": 12},
    "title": {"font": {"color": MUTED, "size": 12.5}, "standoff": 8},
    "zeroline": False,
}
_TEMPLATE = go.layout.Template(
    layout={
        "colorway": list(SERIES),
        "font": {"family": FONT, "size": 13, "color": INK},
        "hoverlabel": {
            "bgcolor": PAPER,
            "bordercolor": LINE,
            "font": {"color": INK, "size": 12.5},
            "align": "left",
        },
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"size": 12.5},
            "itemclick": "toggle",
        },
        "margin": {"l": 48, "r": 12, "t": 12, "b": 40},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "closest",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": MUTED, "activecolor": INK},
        "xaxis": {**_AXIS, "showgrid": False, "showline": True, "ticks": "outside", "tickcolor": LINE},
        "yaxis": _AXIS,
    }
)
