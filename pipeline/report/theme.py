"""Colours and the look of all figures, in one place.

Every colour is a pair (light, dark). Figures are made with the light ones; the page replaces them by
their partners in dark mode. In both sets any two colours stay apart (CIE76 difference of 18 or more) for
normal sight, protanopia, deuteranopia and tritanopia, and all have a contrast of 3:1 or more to the paper.
"""

from __future__ import annotations

from collections.abc import Iterable
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
MARKS = dict(zip(SYMBOLS, "●■◆▲✚✖★", strict=True))  # in legends that are text
FIXED = {  # methods that look alike in every report: colours by family, dashes within
    "random": (GREY, "solid"),
    "predictor_evolution": (BLUE, "solid"),
    "regularized_evolution": (VERMILLION, "solid"),
    "local_search": (GREEN, "solid"),
    "reinforce": (PURPLE, "solid"),
    "semigan_nad": (WINE, "solid"),
    "gates": (GREEN, "solid"),
    "gates_large": (GREEN, "dash"),
    "gates_bce": (GREEN, "dot"),
    "gates_listmle": (GREEN, "dashdot"),
    "gates_plus": (BLUE, "solid"),
    "gates_ees": (BLUE, "dash"),
    "gates_ets": (BLUE, "dot"),
    "gates_comparator": (BLUE, "dashdot"),
    "gcn": (VERMILLION, "solid"),
    "gcn_global": (VERMILLION, "dash"),
    "line_gcn": (VERMILLION, "dot"),
    "gcn_mse": (VERMILLION, "dashdot"),
    "lstm": (NAVY, "solid"),
    "xgboost": (NAVY, "dash"),
    "peephole": (NAVY, "dot"),
    "mlp": (WINE, "solid"),
    "renas": (WINE, "dash"),
    "e2epp": (WINE, "dot"),
    "gates_mse": (WINE, "dashdot"),
    "random_forest_arch2vec": (PURPLE, "solid"),
    "ssa": (PURPLE, "dash"),
    "random_forest_infonas": (OLIVE, "solid"),
    "semigan": (OLIVE, "dash"),
    "preference_gp": (OLIVE, "dot"),
    "bayesian": (OLIVE, "solid"),
    "predictor_search": (BLUE, "dash"),
    "arch2vec": (PURPLE, "solid"),
    "infonas": (OLIVE, "solid"),
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


def styles(names: Iterable[str]) -> dict[str, Style]:
    """Return a style for each method: fixed ones, then colours that are free, then other dashes of all.

    A symbol goes with a dash, so that points alone tell as much as lines. Equal names give equal styles.
    """
    names = sorted(dict.fromkeys(names))
    chosen = {n: Style(*FIXED[n], SYMBOLS[DASHES.index(FIXED[n][1])]) for n in names if n in FIXED}
    taken = {(style.colour, style.dash) for style in chosen.values()}
    used = {colour for colour, _ in taken}
    free = [(colour, dash) for dash in DASHES for colour in SERIES if (colour, dash) not in taken]
    free.sort(key=lambda look: (look[1] != "solid", look[1] == "solid" and look[0] in used))  # stable
    free = free or [(colour, dash) for dash in DASHES for colour in SERIES]
    for i, key in enumerate(n for n in names if n not in FIXED):
        colour, dash = free[i % len(free)]
        symbol = DASHES.index(dash) + len(DASHES) * (i // len(free))
        chosen[key] = Style(colour, dash, SYMBOLS[symbol % len(SYMBOLS)])
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
