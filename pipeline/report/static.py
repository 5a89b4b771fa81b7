"""Figures for print, as matplotlib draws them: the page's own, trace by trace, so that both show the same.

plotly writes files through a browser alone; matplotlib needs none and gives the same bytes again.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from pipeline.report.blocks import Figure
from pipeline.report.plain import plain
from pipeline.report.static_axes import dress
from pipeline.report.static_traces import DASHES, MARKERS, add, colours_of
from pipeline.report.theme import INK, LINE, MARKS, MUTED
from pipeline.storage.files import replacing

FULL, HALF = 7.0, 3.4  # inches: two columns of a paper, and one
PIXEL = 1 / 115  # inches that a pixel of the page takes
COLUMNS = 3  # panels side by side
LOOK = {
    "axes.edgecolor": LINE,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 8,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8,
    "axes.titlecolor": MUTED,
    "axes.titlelocation": "left",
    "figure.dpi": 100,
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 8,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # text that can be searched and edited
    "svg.hashsalt": "nasflow",  # the same bytes again
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelsize": 7.5,
    "ytick.color": MUTED,
    "ytick.labelsize": 7.5,
    "ytick.major.size": 0,
}


def save(canvas: Canvas, file: Path) -> None:
    """Write a drawing; the end of the file's name says in which format (.pdf or .svg)."""
    extension = Path(file).suffix[1:]
    when = {"pdf": "CreationDate", "svg": "Date"}[extension]
    with mpl.rc_context(LOOK), replacing(file) as temporary:
        canvas.savefig(temporary, format=extension, metadata={when: None})


def draw(block: Figure) -> Canvas:
    """Return the drawing of a figure of the page, its panels side by side."""
    n = len(block.panels)
    columns = min(n, 2 if n == 4 else COLUMNS)
    rows = -(-n // columns)
    layouts = [plain(panel.figure)["layout"] for panel in block.panels]
    height = max(layout.get("height", 340) for layout in layouts) * PIXEL
    with mpl.rc_context(LOOK):
        size = (HALF if block.half else FULL, rows * height + 0.2 * bool(block.legend))
        canvas = Canvas(figsize=size, layout="constrained")
        grid = canvas.add_gridspec(rows, columns)
        handles: dict[str, object] = {}
        for place, panel in enumerate(block.panels):
            handles |= _panel(canvas, grid[place // columns, place % columns], panel)
        if block.legend:
            handles = {line.text: _line(line) for line in block.legend}
        if len(handles) > 1:
            across = max(1, int(size[0] / (0.45 + 0.065 * max(map(len, handles)))))
            canvas.legend(handles.values(), handles.keys(), loc="outside upper left", ncols=across)
    return canvas


def _panel(canvas: Canvas, place, panel) -> dict[str, object]:
    """Draw one panel, which may have several pairs of axes; return what its legend shows."""
    figure = plain(panel.figure)
    layout = figure["layout"]
    pairs = list(dict.fromkeys((t.get("xaxis", "x"), t.get("yaxis", "y")) for t in figure["data"]))
    grid = place.subgridspec(-(-len(pairs) // 2), min(len(pairs), 2))
    titles = [note["text"] for note in layout.get("annotations", ())]
    handles: dict[str, object] = {}
    for number, (x, y) in enumerate(pairs):
        axes = canvas.add_subplot(grid[number // 2, number % 2])
        traces = [t for t in figure["data"] if (t.get("xaxis", "x"), t.get("yaxis", "y")) == (x, y)]
        shown = [t for t in traces if t.get("visible", True) is True]
        for which, trace in enumerate(shown):
            handle = add(canvas, axes, shown, which, layout)
            if handle is not None and trace.get("name") and trace.get("showlegend", True):
                handles.setdefault(trace["name"], handle)
        dress(axes, layout.get(f"xaxis{x[1:]}", {}), layout.get(f"yaxis{y[1:]}", {}))
        for shape in layout.get("shapes", ()):
            style = {"color": shape["line"]["color"], "linestyle": DASHES[shape["line"].get("dash", "solid")]}
            axes.axhline(shape["y0"], linewidth=1.0, **style)
        if panel.label or len(titles) == len(pairs):
            axes.set_title(panel.label or titles[number])
    return handles if layout.get("showlegend", True) else {}


def _line(line) -> Line2D:
    """An entry of a legend above all panels."""
    marker = next((symbol for symbol, mark in MARKS.items() if mark == line.mark), None)
    look = {"marker": MARKERS.get(marker, ""), "markersize": 4, "linestyle": DASHES[line.dash]}
    return Line2D([], [], color=colours_of(line.colour), **look)
