"""Cells drawn as SVG."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest

from pipeline.report.cells import cell_svg
from pipeline.report.layers import NODE_HEIGHT, NODE_WIDTH, draw
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
