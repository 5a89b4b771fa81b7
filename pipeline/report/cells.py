"""A cell drawn as an inline SVG graph."""

from __future__ import annotations

from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from pipeline import spaces
from pipeline.report.layers import NODE_HEIGHT, NODE_WIDTH, Drawing, draw
from pipeline.spaces.archs import Archs

LABELS = {
    "input": "input",
    "output": "output",
    "conv3x3": "conv 3×3",
    "conv1x1": "conv 1×1",
    "maxpool3x3": "max pool",
}
# Okabe and Ito's colours, which the colour-blind tell apart; each with the text colour that reads on it.
# A page changes them by setting the variables --op-<name> and --op-<name>-text.
COLOURS = {
    "conv3x3": ("#0072B2", "#ffffff"),
    "conv1x1": ("#E69F00", "#1a1a1a"),
    "maxpool3x3": ("#009E73", "#0d0d0d"),
}
MARGIN = 6.0
TITLE_HEIGHT = 26.0
HEAD = 7.0  # length of an arrow's head


def cell_svg(arch: Archs, title: str | None = None) -> str:
    """Return an SVG element (text, to be put into HTML as it is) that shows one cell from input to output.

    arch: one cell of a space whose graph is in `adj`. title: heading of the picture.
    Lines and the frames of input and output take the page's text colour, so the picture suits light
    and dark pages. Nodes carry `data-vertex="i"`, edges `data-edge="i-j"` (slots of the cell).
    Raises ValueError for anything but one cell with a graph.
    """
    if len(arch) != 1 or arch.adj is None:
        raise ValueError(f"cell_svg: expected one cell with a graph, got {len(arch)} of {arch.space}")
    names = [spaces.load(arch.space).OP_NAMES[code] for code in arch.ops[0]]
    nodes = [v for v, name in enumerate(names) if name != "none"]
    edges = [(int(i), int(j)) for i, j in zip(*np.nonzero(arch.adj[0]), strict=True)]
    drawing = draw(edges, nodes)
    body = [_edge(edge, points) for edge, points in drawing.path.items()]
    body += [_node(v, names[v], *drawing.centre[v]) for v in nodes]
    return _frame(drawing, body, title, _in_words(names, edges))


def _in_words(names: list[str], edges) -> str:
    label = {v: f"{LABELS.get(name, name)} ({v})" for v, name in enumerate(names)}
    return "; ".join(f"{label[i]} to {label[j]}" for i, j in edges)


def _frame(drawing: Drawing, body: list[str], title: str | None, description: str) -> str:
    top = MARGIN + (TITLE_HEIGHT if title else 0.0)
    # A heading wider than the graph widens the picture (8.6 px a character of 14 px bold type).
    width = max(drawing.width, 8.6 * len(title or "")) + 2 * MARGIN
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


def _node(vertex: int, name: str, x: float, y: float) -> str:
    if name in COLOURS:
        fill, ink = (
            f"var(--op-{name}{part}, {c})" for part, c in zip(("", "-text"), COLOURS[name], strict=True)
        )
        box = f'style="fill:{fill}"'
    else:  # input and output do nothing: a frame alone
        ink = "currentColor"
        box = 'fill="currentColor" fill-opacity="0.08" stroke="currentColor" stroke-width="1.5"'
    radius = NODE_HEIGHT / 2 if name in ("input", "output") else 6
    return (
        f'<g data-vertex="{vertex}" data-op={quoteattr(name)} transform="translate({x:.1f} {y:.1f})">'
        f'<rect x="{-NODE_WIDTH / 2:.1f}" y="{-NODE_HEIGHT / 2:.1f}" width="{NODE_WIDTH:.0f}" '
        f'height="{NODE_HEIGHT:.0f}" rx="{radius:.0f}" {box}/>'
        f'<text text-anchor="middle" dominant-baseline="central" font-size="14" style="fill:{ink}">'
        f"{escape(LABELS.get(name, name))}</text></g>"
    )


def _edge(edge: tuple[int, int], points: list[tuple[float, float]]) -> str:
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
        f'<g data-edge="{edge[0]}-{edge[1]}" opacity="0.75"><path d="{d}" fill="none" stroke="currentColor" '
        f'stroke-width="1.6"/><path d="{head}" fill="currentColor"/></g>'
    )
