"""A plotly axis, as matplotlib shows it: titles, ranges, ticks, logarithms."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from matplotlib.ticker import EngFormatter, FuncFormatter, NullLocator


def dress(axes, x: Mapping, y: Mapping) -> None:
    """Give the axes what the layouts of a plotly figure's axes say."""
    for direction, layout in (("x", x), ("y", y)):
        _one(axes, direction, layout)


def _one(axes, direction: str, layout: Mapping) -> None:
    title = layout.get("title", {}).get("text")
    getattr(axes, f"set_{direction}label")(title or "")
    axis = getattr(axes, f"{direction}axis")
    is_log = layout.get("type") == "log"
    if is_log:
        getattr(axes, f"set_{direction}scale")("log")
    limits = getattr(axes, f"set_{direction}lim")
    if layout.get("range") is not None:
        limits(*(10 ** np.asarray(layout["range"], float) if is_log else layout["range"]))
    elif layout.get("rangemode") == "tozero" and not is_log:
        low, high = getattr(axes, f"get_{direction}lim")()
        limits(min(low, 0), high)
    if layout.get("autorange") == "reversed" and not getattr(axes, f"{direction}axis_inverted")():
        getattr(axes, f"invert_{direction}axis")()
    if layout.get("showgrid") is False:
        axes.grid(False, axis=direction)
    if layout.get("showticklabels") is False:
        axis.set_major_locator(NullLocator())
    elif layout.get("tickvals") is not None:
        _given(axes, direction, layout)
    elif (form := _formatter(layout.get("tickformat") or "")) is not None:
        axis.set_major_formatter(form)
    if is_log:
        axis.set_minor_locator(NullLocator())


def _given(axes, direction: str, layout: Mapping) -> None:
    """Ticks at given values; those beyond the ends are left out, as they would widen the axis."""
    low, high = sorted(getattr(axes, f"get_{direction}lim")())
    values = [float(value) for value in layout["tickvals"]]
    texts = layout.get("ticktext") or [f"{value:g}" for value in values]
    kept = [(value, text) for value, text in zip(values, texts, strict=True) if low <= value <= high]
    getattr(axes, f"set_{direction}ticks")([v for v, _ in kept], [str(text) for _, text in kept])


def _formatter(tickformat: str):
    """Return the formatter of a d3 format: percent with its digits, or thousands as k; None for others."""
    if tickformat.endswith("%"):
        digits = re.search(r"\.(\d)", tickformat)
        return FuncFormatter(lambda value, _: f"{value:.{digits[1] if digits else 0}%}")
    return EngFormatter(sep="") if tickformat.endswith("s") else None
