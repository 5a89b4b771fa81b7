"""A cell drawn as an inline SVG graph."""

from __future__ import annotations

from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

from pipeline.report.cell_graphs import KINDS, CellGraph, Vertex, cell_graphs
from pipeline.report.layers import Drawing, draw
from pipeline.spaces.archs import Archs

# Okabe and Ito's colours, which the colour-blind tell apart; each with the text colour that reads on it.
# A page changes them by setting the variables --op-<kind> and --op-<kind>-text.
COLOURS = {
    "conv3x3": ("#0072B2", "#ffffff"),
    "conv1x1": ("#E69F00", "#1a1a1a"),
    "conv5x5": ("#D55E00", "#0d0d0d"),
    "dilated3x3": ("#56B4E9", "#0d0d0d"),
    "dilated5x5": ("#CC79A7", "#0d0d0d"),
    "maxpool": ("#009E73", "#0d0d0d"),
    "avgpool": ("#F0E442", "#1a1a1a"),
}
MARGIN = 6.0
TITLE_HEIGHT = 26.0
HEAD = 7.0  # length of an arrow's head


def cell_svg(arch: Archs, title: str | None = None) -> str:
    """Return SVG (text, to be put into HTML as it is) that shows one cell from input to output.

    arch: one cell. Where an architecture is two cells, both are drawn, in a <span class="cells">.
    title: heading of the picture; the cells of an architecture of two have names of their own.
    Where operations are on edges, an operation is a box between two nodes; `none` is left out, and what no
    path from input to output passes is faded.
    Lines and the frames of input and output take the page's text colour, so the picture suits light
    and dark pages. Nodes carry `data-vertex="i"`, arrows `data-edge="i-j"`.
    Raises ValueError for anything but one cell.
    """
    if len(arch) != 1:
        raise ValueError(f"cell_svg: expected one cell, got {len(arch)} of {arch.space}")
    pictures = [_picture(graph, title or graph.title) for graph in cell_graphs(arch)]
    return pictures[0] if len(pictures) == 1 else f'<span class="cells">{"".join(pictures)}</span>'


def _picture(graph: CellGraph, title: str) -> str:
    drawing = draw(list(graph.edges), list(graph.vertices), graph.layer, graph.sizes)
    body = []
    for edge, points in drawing.path.items():
        opacity = 0.3 if edge in graph.faint or graph.faded & set(edge) else 0.75
        body.append(_edge(edge, points, opacity))
    for v, vertex in graph.vertices.items():
        width = graph.sizes.of((v,))
        body.append(_node(v, vertex, *drawing.centre[v], width, graph.sizes.height, v in graph.faded))
    return _frame(drawing, body, title, _in_words(graph))


def _in_words(graph: CellGraph) -> str:
    label = {v: f"{vertex.label.replace('_', ' ')} ({v})" for v, vertex in graph.vertices.items()}
    return "; ".join(f"{label[i]} to {label[j]}" for i, j in graph.edges)


def _frame(drawing: Drawing, body: list[str], title: str, description: str) -> str:
    top = MARGIN + (TITLE_HEIGHT if title else 0.0)
    # A heading wider than the graph widens the picture (8.6 px a character of 14 px bold type).
    width = max(drawing.width, 8.6 * len(title)) + 2 * MARGIN
    height = drawing.height + top + MARGIN
    heading = (
        f'<text class="cell-title" x="{width / 2:.1f}" y="{MARGIN + 12:.1f}" text-anchor="middle" '
        f'font-size="14" font-weight="600" fill="currentColor">{escape(title)}</text>'
        if title
        else ""
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cell" role="img" '
        f"aria-label={quoteattr(title or 'cell')} "
        f'viewBox="0 0 {width:.1f} {height:.1f}" width="{width:.0f}" height="{height:.0f}" '
        f'style="max-width:100%;height:auto;font-family:system-ui,sans-serif">'
        f"<desc>{escape(description)}</desc>{heading}"
        f'<g transform="translate({(width - drawing.width) / 2:.1f} {top:.1f})">{"".join(body)}</g></svg>'
    )


def _node(number: int, vertex: Vertex, x: float, y: float, width: float, height: float, faded: bool) -> str:
    kind = KINDS.get(vertex.op)
    if kind in COLOURS:
        fill, ink = (
            f"var(--op-{kind}{part}, {c})" for part, c in zip(("", "-text"), COLOURS[kind], strict=True)
        )
        box = f'style="fill:{fill}"'
    else:  # input, output, nodes and skips compute nothing: a frame alone
        ink = "currentColor"
        dash = ' stroke-dasharray="4 3"' if kind == "skip" else ""
        box = f'fill="currentColor" fill-opacity="0.08" stroke="currentColor" stroke-width="1.5"{dash}'
    radius = height / 2 if vertex.op in ("input", "output", "node") else 6
    opacity = ' opacity="0.3"' if faded else ""
    text, _, index = escape(vertex.label).partition("_")
    index = f'<tspan font-size="10" dy="4">{index}</tspan>' if index else ""
    return (
        f'<g data-vertex="{number}" data-op={quoteattr(vertex.op)}{opacity} '
        f'transform="translate({x:.1f} {y:.1f})">'
        f'<rect x="{-width / 2:.1f}" y="{-height / 2:.1f}" width="{width:.0f}" '
        f'height="{height:.0f}" rx="{radius:.0f}" {box}/>'
        f'<text text-anchor="middle" dominant-baseline="central" font-size="14" style="fill:{ink}">'
        f"{text}{index}</text></g>"
    )


def _edge(edge: tuple[int, int], points: list[tuple[float, float]], opacity: float) -> str:
    *before, (x, y) = points
    line = [*before, (x, y - HEAD)]
    d = f"M{line[0][0]:.1f} {line[0][1]:.1f}"
    for n, ((x0, y0), (x1, y1)) in enumerate(pairwise(line)):
        if n % 2:  # straight down, beside the nodes of a layer
            d += f"V{y1:.1f}"
        else:  # between two layers; upright at both ends
            bend = (y0 + y1) / 2
            d += f"C{x0:.1f} {bend:.1f} {x1:.1f} {bend:.1f} {x1:.1f} {y1:.1f}"
    half = HEAD / 2
    head = f"M{x:.1f} {y:.1f}l{-half:.1f} {-HEAD:.1f}h{HEAD:.1f}z"
    return (
        f'<g data-edge="{edge[0]}-{edge[1]}" opacity="{opacity}"><path d="{d}" fill="none" '
        f'stroke="currentColor" stroke-width="1.6"/><path d="{head}" fill="currentColor"/></g>'
    )
