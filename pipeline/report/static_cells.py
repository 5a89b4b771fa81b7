"""Cells for print: the drawings of the page, as matplotlib draws them."""

from __future__ import annotations

from itertools import pairwise

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path as Curve

from pipeline.report.blocks import Gallery
from pipeline.report.cell_graphs import KINDS, CellGraph, cell_graphs
from pipeline.report.cells import COLOURS
from pipeline.report.layers import draw
from pipeline.report.static import LOOK
from pipeline.report.theme import INK, MUTED

PIXEL = 1 / 130  # inches that a pixel of a drawing takes
GAP = 30.0  # pixels between cells, and above and below them
LINE_HEIGHT = 20.0  # pixels of a line below a cell


def draw_cells(gallery: Gallery) -> Canvas:
    """Return a drawing of a gallery's cells side by side, what is said of each below it."""
    groups = [[(graph, _drawing(graph)) for graph in cell_graphs(cell.arch)] for cell in gallery.cells]
    widths = [max(sum(d.width + GAP for _, d in group), 235.0) for group in groups]
    texts = max(len(cell.lines) + 1 for cell in gallery.cells) * LINE_HEIGHT
    tallest = max(d.height for group in groups for _, d in group)
    width, height = sum(widths) + GAP, tallest + texts + 2 * GAP
    with mpl.rc_context(LOOK):
        canvas = Canvas(figsize=(width * PIXEL, height * PIXEL))
        axes = canvas.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        left = GAP
        for cell, group, room in zip(gallery.cells, groups, widths, strict=True):
            x = left
            for graph, drawing in group:
                _cell(axes, graph, drawing, x, GAP)
                x += drawing.width + GAP
            for number, line in enumerate([cell.short, *cell.lines]):
                y = tallest + 1.5 * GAP + (number + 0.5) * LINE_HEIGHT
                axes.text(left, y, line, fontsize=6, color=INK if number else MUTED, va="center")
            left += room
    return canvas


def _drawing(graph: CellGraph):
    return draw(list(graph.edges), list(graph.vertices), graph.layer, graph.sizes)


def _cell(axes, graph: CellGraph, drawing, left: float, top: float) -> None:
    for edge, points in drawing.path.items():
        alpha = 0.3 if edge in graph.faint or graph.faded & set(edge) else 0.75
        _edge(axes, [(left + x, top + y) for x, y in points], alpha)
    for v, vertex in graph.vertices.items():
        x, y = drawing.centre[v]
        wide, high = graph.sizes.of((v,)), graph.sizes.height
        fill, ink = COLOURS.get(KINDS.get(vertex.op, ""), ("#f0f1f3", INK))
        corner = high / 2 if vertex.op in ("input", "output", "node") else 6
        alpha = 0.3 if v in graph.faded else 1.0
        axes.add_patch(
            FancyBboxPatch(
                (left + x - wide / 2 + corner, top + y - high / 2 + corner),
                max(wide - 2 * corner, 0.1),
                high - 2 * corner,
                boxstyle=f"round,pad={corner}",
                facecolor=fill,
                edgecolor=INK if fill == "#f0f1f3" else "none",
                linewidth=0.6,
                alpha=alpha,
            )
        )
        text, _, index = vertex.label.partition("_")
        said = f"{text}$_{{{index}}}$" if index else text
        axes.text(left + x, top + y, said, fontsize=6, color=ink, ha="center", va="center", alpha=alpha)


def _edge(axes, points: list[tuple[float, float]], alpha: float) -> None:
    """A line that is upright at both ends of what lies between two layers; see `cells._edge`."""
    steps, codes = [points[0]], [Curve.MOVETO]
    for n, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        bend = (y0 + y1) / 2
        steps += [(x1, y1)] if n % 2 else [(x0, bend), (x1, bend), (x1, y1)]
        codes += [Curve.LINETO] if n % 2 else [Curve.CURVE4] * 3
    line = Curve(steps, codes)
    axes.add_patch(PathPatch(line, fill=False, edgecolor=INK, linewidth=0.7, alpha=alpha))
    x, y = points[-1]
    axes.fill([x, x - 3.5, x + 3.5], [y, y - 7, y - 7], color=INK, alpha=alpha, linewidth=0)
