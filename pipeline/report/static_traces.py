"""One trace of a plotly figure, drawn by matplotlib: lines, points, bands, bars, heat maps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgba

from pipeline.report.theme import MUTED, SYMBOLS

DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
MARKERS = dict(zip(SYMBOLS, "osD^PX*", strict=True))
STEPS = {"linear": "default", "hv": "steps-post", "hvh": "steps-mid"}
FILLS = {"linear": None, "hv": "post", "hvh": "mid"}
POINTS = 0.62  # that a pixel of a line or marker takes


def add(canvas, axes, traces: Sequence[Mapping], which: int, layout: Mapping):
    """Draw one of the traces of a pair of axes; return what a legend may show of it, or None."""
    trace = traces[which]
    kind = trace.get("type", "scatter")
    if kind == "bar":
        return _bars(axes, traces, which, layout)
    if kind == "heatmap":
        return _heat_map(canvas, axes, trace, layout)
    return _scatter(canvas, axes, trace, traces[which - 1])


def colours_of(value):
    """Return colours as matplotlib takes them; hexadecimal ones may have a transparency."""
    return to_rgba(value) if isinstance(value, str) else value


def _floats(values) -> np.ndarray:
    return np.asarray([np.nan if value is None else value for value in values], float)


def _scatter(canvas, axes, trace: Mapping, previous: Mapping):
    """Lines, points and bands; a band is filled up to the trace before it."""
    x, y = _floats(trace["x"]), _floats(trace["y"])
    line, marker = trace.get("line", {}), trace.get("marker", {})
    shape = line.get("shape", "linear")
    if trace.get("fill") == "tonexty":
        fill = {"color": colours_of(trace["fillcolor"]), "linewidth": 0, "step": FILLS[shape]}
        axes.fill_between(x, _floats(previous["y"]), y, **fill)
    elif trace.get("fill") == "tozeroy":
        axes.fill_between(x, y, color=colours_of(trace["fillcolor"]), linewidth=0, step=FILLS[shape])
    elif trace.get("fill") == "toself":
        return axes.fill(x, y, color=colours_of(trace["fillcolor"]), linewidth=0)[0]
    if line.get("width", 2) == 0:
        return None
    if isinstance(marker.get("color"), (np.ndarray, list, tuple)):
        return _coloured(canvas, axes, x, y, marker)
    mode = trace.get("mode", "lines")
    look = {"linestyle": "", "color": colours_of(line.get("color") or marker.get("color"))}
    if "lines" in mode:
        look |= {"linestyle": DASHES[line.get("dash", "solid")], "linewidth": POINTS * line.get("width", 2)}
        look["drawstyle"] = STEPS[shape]
    if "markers" in mode:
        size = POINTS * np.max(marker.get("size", 6))
        look |= {"marker": MARKERS[marker.get("symbol", "circle")], "markersize": size, "markeredgewidth": 0}
        look["markerfacecolor"] = colours_of(marker.get("color") or line.get("color"))
    if trace.get("error_y", {}).get("array") is not None:
        bars = {"yerr": _floats(trace["error_y"]["array"]), "elinewidth": 0.8, "capsize": 1.5}
        return axes.errorbar(x, y, **bars, **look)
    return axes.plot(x, y, **look)[0]


def _coloured(canvas, axes, x, y, marker: Mapping):
    """Points in the colours of a scale, which stands beside them."""
    ends = {"vmin": marker.get("cmin"), "vmax": marker.get("cmax")}
    size = (POINTS * marker.get("size", 6)) ** 2
    points = axes.scatter(x, y, c=_floats(marker["color"]), cmap=_scale(marker["colorscale"]), s=size, **ends)
    if "colorbar" in marker:
        bar = canvas.colorbar(points, ax=axes, pad=0.02, aspect=30)
        bar.outline.set_visible(False)
        if marker["colorbar"].get("tickformat", "").endswith("%"):
            bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    return None


def _bars(axes, traces: Sequence[Mapping], which: int, layout: Mapping):
    trace = traces[which]
    colour = colours_of(trace["marker"]["color"])
    if trace.get("orientation") == "h":
        drawn = axes.barh([str(name) for name in trace["y"]], _floats(trace["x"]), color=colour, height=0.65)
        axes.bar_label(drawn, [str(text) for text in trace.get("text", ())], color=MUTED, fontsize=7)
        axes.grid(False, axis="y")
        return drawn
    y, below = _floats(trace["y"]), np.zeros(len(trace["y"]))
    if isinstance(trace["x"][0], str):  # side by side
        width = 0.7 / len(traces)
        x = np.arange(len(y)) + (which - (len(traces) - 1) / 2) * width
        axes.set_xticks(range(len(y)), trace["x"])
    else:
        x = _floats(trace["x"])
        width = trace.get("width", 0.9)
        if layout.get("barmode") == "stack":
            below = np.sum([_floats(each["y"]) for each in traces[:which]], axis=0) + below
    spread = trace.get("error_y", {}).get("array")
    errors = {"yerr": None if spread is None else _floats(spread), "ecolor": MUTED}
    return axes.bar(x, y, width=width, bottom=below, color=colour, **errors)


def _heat_map(canvas, axes, trace: Mapping, layout: Mapping):
    shared = layout.get("coloraxis", {}) if trace.get("coloraxis") else {}
    values = np.array([_floats(row) for row in trace["z"]])
    scale = _scale(shared.get("colorscale") or trace["colorscale"])
    ends = {"vmin": shared.get("cmin", trace.get("zmin")), "vmax": shared.get("cmax", trace.get("zmax"))}
    picture = axes.imshow(values, cmap=scale, aspect="auto", interpolation="nearest", **ends)
    axes.grid(False)
    for direction, names in (("x", trace["x"]), ("y", trace["y"])):
        turned = {"rotation": 90} if direction == "x" and max(len(str(n)) for n in names) > 3 else {}
        getattr(axes, f"set_{direction}ticks")(range(len(names)), [str(n) for n in names], **turned)
    if trace.get("texttemplate"):
        texts = trace["text"] if "text" in trace else [[f"{v:.2f}" for v in row] for row in values]
        for (row, column), value in np.ndenumerate(values):
            red, green, blue, _ = picture.cmap(picture.norm(value))
            ink = "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.5 else "black"
            place = {"ha": "center", "va": "center", "fontsize": 5.5, "color": ink}
            axes.text(column, row, _unmarked(texts[row][column]) if not np.isnan(value) else "", **place)
    return None


def _unmarked(text: str) -> str:
    return re.sub("<[^>]+>", "", text)


def _scale(colours) -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("scale", [(place, to_rgba(colour)) for place, colour in colours])
