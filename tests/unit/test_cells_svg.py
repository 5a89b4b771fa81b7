"""Cells drawn as SVG."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest

from pipeline.report.cell_graphs import cell_graphs
from pipeline.report.cells import cell_svg
from pipeline.report.layers import NODE_HEIGHT, NODE_WIDTH, draw
from pipeline.spaces import darts, nasbench201
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101 import CONV1X1, CONV3X3, INPUT, MAXPOOL3X3, NONE, OUTPUT

SVG = "{http://www.w3.org/2000/svg}"
SKIPS = [(0, 1), (0, 3), (0, 6), (1, 2), (1, 6), (2, 3), (3, 4), (4, 5), (5, 6)]  # long ways past many layers
CELLS = {
    "smallest": ([INPUT, NONE, NONE, NONE, NONE, NONE, OUTPUT], [(0, 6)]),
    "skips": ([INPUT, CONV3X3, CONV1X1, MAXPOOL3X3, CONV3X3, CONV3X3, OUTPUT], SKIPS),
    "wide": (
        [INPUT, CONV3X3, CONV1X1, MAXPOOL3X3, CONV3X3, NONE, OUTPUT],
        [(0, v) for v in (1, 2, 3, 4)] + [(v, 6) for v in (1, 2, 3, 4)] + [(0, 6)],
    ),
    "crossed": (
        [INPUT, CONV3X3, CONV1X1, MAXPOOL3X3, CONV3X3, CONV1X1, OUTPUT],
        [(0, 1), (0, 2), (1, 3), (1, 4), (2, 3), (2, 5), (3, 6), (4, 6), (5, 6)],
    ),
}


def cell(name: str) -> Archs:
    ops, edges = CELLS[name]
    adj = np.zeros((1, 7, 7), dtype=np.uint8)
    adj[0][tuple(zip(*edges, strict=True))] = 1
    return Archs("nasbench101", np.array([ops], dtype=np.uint8), adj)


@pytest.mark.parametrize("name", CELLS)
def test_all_vertices_and_edges_are_there(name):
    ops, edges = CELLS[name]
    root = ET.fromstring(cell_svg(cell(name)))
    vertices = {int(g.get("data-vertex")): g for g in root.iter(SVG + "g") if g.get("data-vertex")}
    assert sorted(vertices) == [v for v, op in enumerate(ops) if op != NONE]
    labels = {
        INPUT: "input",
        CONV3X3: "conv 3×3",
        CONV1X1: "conv 1×1",
        MAXPOOL3X3: "max pool",
        OUTPUT: "output",
    }
    assert {v: g.find(SVG + "text").text for v, g in vertices.items()} == {
        v: labels[ops[v]] for v in vertices
    }
    drawn = [g.get("data-edge") for g in root.iter(SVG + "g") if g.get("data-edge")]
    assert sorted(drawn) == sorted(f"{i}-{j}" for i, j in edges)


@pytest.mark.parametrize("name", CELLS)
def test_nodes_lie_apart_and_edges_pass_beside_them(name):
    ops, edges = CELLS[name]
    drawing = draw(edges, [v for v, op in enumerate(ops) if op != NONE])
    for v, (x, y) in drawing.centre.items():
        assert -1e-6 <= x - NODE_WIDTH / 2 <= drawing.width - NODE_WIDTH + 1e-6
        for w, (x2, y2) in drawing.centre.items():
            assert v == w or abs(x - x2) >= NODE_WIDTH or abs(y - y2) >= NODE_HEIGHT
    for (i, j), points in drawing.path.items():
        assert drawing.centre[i][1] < drawing.centre[j][1]
        assert all(y1 >= y0 for (_, y0), (_, y1) in pairwise(points))
        beside = points[1:-1]  # in pairs, each beside the nodes of one layer
        for (x0, y0), (x1, y1) in zip(beside[::2], beside[1::2], strict=True):
            assert x0 == x1 and y1 - y0 == NODE_HEIGHT
            for x, y in drawing.centre.values():
                assert not (y0 < y < y1) or abs(x - x0) > NODE_WIDTH / 2


def test_every_coordinate_is_inside_the_picture():
    root = ET.fromstring(cell_svg(cell("skips"), title="best of 500 cells, test accuracy 97.2 %"))
    _, _, width, height = map(float, root.get("viewBox").split())
    shift_x, shift_y = map(float, re.findall(r"[-\d.]+", root.find(SVG + "g").get("transform")))
    for edge in root.iter(SVG + "path"):
        x, y = map(float, re.match(r"M(\S+) ([-\d.]+)", edge.get("d")).groups())
        assert 0 <= x + shift_x <= width and 0 <= y + shift_y <= height


def test_title_is_escaped_and_spoken():
    root = ET.fromstring(cell_svg(cell("wide"), title='A < B & "C"'))
    assert root.get("aria-label") == 'A < B & "C"'
    assert root.find(SVG + "text").text == 'A < B & "C"'
    assert "conv 3×3 (1) to output (6)" in root.find(SVG + "desc").text


def test_same_picture_twice_and_no_ids_that_could_clash():
    assert cell_svg(cell("crossed")) == cell_svg(cell("crossed"))
    assert " id=" not in cell_svg(cell("crossed")) and "currentColor" in cell_svg(cell("crossed"))


@pytest.mark.parametrize(
    "edges",
    [
        [(0, 1), (0, 2), (1, 3), (2, 4), (3, 6), (4, 6)],
        [(0, 1), (1, 2), (1, 5), (1, 6), (2, 3), (2, 4), (3, 4), (4, 5), (5, 6)],
        [(0, 1), (0, 3), (0, 4), (0, 5), (1, 2), (2, 5), (3, 6), (4, 5), (5, 6)],
    ],
)
def test_planar_cells_are_drawn_without_crossings(edges):
    drawing = draw(edges, sorted({v for edge in edges for v in edge}))
    steps = [
        (round(y0), x0, x1)
        for points in drawing.path.values()
        for (x0, y0), (x1, _) in zip(points[::2], points[1::2], strict=True)
    ]
    for y, left, right in steps:
        for y2, left2, right2 in steps:
            assert y != y2 or (left - left2) * (right - right2) >= 0


def test_one_cell_only():
    two = Archs.concatenate([cell("wide"), cell("skips")])
    with pytest.raises(ValueError, match="one cell"):
        cell_svg(two)


def boxes(svg: ET.Element) -> list[tuple[str, bool]]:
    """Label of every vertex and whether it is faded, in order."""
    groups = [g for g in svg.iter(SVG + "g") if g.get("data-vertex")]
    return [("".join(g.find(SVG + "text").itertext()), g.get("opacity") is not None) for g in groups]


@pytest.mark.parametrize(
    ("string", "solid", "faded", "arrows"),
    [
        (
            "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|",
            ["input", "conv 3×3", "1", "conv 1×1", "avg pool", "2", "skip", "conv 3×3", "output"],
            [],
            10,
        ),
        (  # node 1 gets nothing, so what it gives is idle
            "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|none~0|none~1|skip_connect~2|",
            ["input", "conv 3×3", "2", "skip", "output"],
            ["1", "conv 1×1"],
            6,
        ),
        (  # node 2 leads nowhere
            "|avg_pool_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|skip_connect~1|none~2|",
            ["input", "avg pool", "1", "skip", "output"],
            ["conv 3×3", "2"],
            6,
        ),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", ["input", "output"], [], 0),
    ],
)
def test_operations_on_edges_are_boxes_between_nodes(string, solid, faded, arrows):
    root = ET.fromstring(cell_svg(nasbench201.from_official([string])))
    found = boxes(root)
    assert [label for label, idle in found if not idle] == solid
    assert [label for label, idle in found if idle] == faded
    assert len([g for g in root.iter(SVG + "g") if g.get("data-edge")]) == arrows


def test_both_cells_of_darts_are_drawn(n=8):
    archs = darts.sample(n, np.random.default_rng(0))
    for row in range(n):
        span = ET.fromstring(cell_svg(archs[row]))
        assert span.get("class") == "cells" and [svg.get("aria-label") for svg in span] == [
            "normal cell",
            "reduction cell",
        ]
        for svg, ops in zip(span, archs.ops[row], strict=True):
            labels = [label for label, idle in boxes(svg) if not idle]
            assert labels[:2] == ["ck−2", "ck−1"] and labels[-1] == "output"
            nodes = [label for label in labels if label.isdigit()]
            assert nodes == ["0", "1", "2", "3"] and len(labels) == 2 + 4 + 8 + 1
            kinds = [g.get("data-op") for g in svg.iter(SVG + "g") if g.get("data-op")]
            assert sorted(k for k in kinds if "_" in k) == sorted(darts.OP_NAMES[c] for c in ops if c)


@pytest.mark.parametrize("space", [nasbench201, darts], ids=lambda space: space.NAME)
def test_boxes_lie_apart_and_arrows_pass_beside_them(space):
    archs = space.sample(15, np.random.default_rng(1))
    for row in range(len(archs)):
        for graph in cell_graphs(archs[row]):
            drawing = draw(list(graph.edges), list(graph.vertices), graph.layer, graph.sizes)
            size = graph.sizes
            for v, (x, y) in drawing.centre.items():
                for w, (x2, y2) in drawing.centre.items():
                    apart = (size.of((v,)) + size.of((w,))) / 2
                    assert v == w or abs(x - x2) >= apart or abs(y - y2) >= size.height
            for (i, j), points in drawing.path.items():
                assert drawing.centre[i][1] < drawing.centre[j][1]
                for (x0, y0), (x1, y1) in zip(points[1:-1:2], points[2:-1:2], strict=True):
                    assert x0 == x1 and y1 - y0 == size.height
                    for v, (x, y) in drawing.centre.items():
                        assert not (y0 < y < y1) or abs(x - x0) > size.of((v,)) / 2


def test_the_same_kind_of_operation_has_one_colour_in_all_spaces():
    bench101 = cell_svg(cell("skips"))
    bench201 = cell_svg(
        nasbench201.from_official(["|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|nor_conv_3x3~2|"])
    )
    for colour in ("var(--op-conv3x3, #0072B2)", "var(--op-conv1x1, #E69F00)"):
        assert colour in bench101 and colour in bench201
