"""Layered drawing of a small directed acyclic graph: where its nodes go, and which way its edges run.

The steps of Sugiyama et al. 1981: a layer for every node, a placeholder in each layer that an edge
passes, an order within the layers with few crossings, then positions. An edge runs through its own
placeholders, so it never touches a node that is not its end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise, permutations

import numpy as np

NODE_WIDTH, NODE_HEIGHT = 96.0, 34.0
PASSAGE = 12.0  # width that an edge takes beside nodes
GAP_X, GAP_Y = 16.0, 40.0
PORT = 16.0  # between the ends of edges at a node
STARTS, SWEEPS = 12, 6
# how much a link should be upright, by which of its ends are placeholders
WEIGHTS = {(False, False): 1.0, (False, True): 2.0, (True, False): 2.0, (True, True): 50.0}

Item = tuple  # a node (i,) or the placeholder (i, j, layer) of the edge i -> j


@dataclass
class Drawing:
    """Positions in pixels, y downwards.

    centre: node -> (x, y). path: edge -> its points, from the lower rim of the source to the upper rim of
    the target, in pairs: between the points of a pair the edge runs straight down, beside nodes.
    """

    width: float
    height: float
    centre: dict[int, tuple[float, float]] = field(default_factory=dict)
    path: dict[tuple[int, int], list[tuple[float, float]]] = field(default_factory=dict)


def draw(edges: list[tuple[int, int]], nodes: list[int]) -> Drawing:
    """Return the drawing of a graph whose edges run from lower to higher numbers, all nodes on edges."""
    layer = _layers(edges, nodes)
    rows, links = _with_placeholders(edges, layer)
    rows = _ordered(rows, links)
    port = _ports(rows, links)
    x = _columns(rows, links, port)
    left = min(x[item] - _width(item) / 2 for item in x)
    x = {item: value - left for item, value in x.items()}
    pitch = NODE_HEIGHT + GAP_Y
    drawing = Drawing(max(x[item] + _width(item) / 2 for item in x), pitch * len(rows) - GAP_Y)
    drawing.centre = {v: (x[(v,)], layer[v] * pitch + NODE_HEIGHT / 2) for v in nodes}
    for i, j in edges:
        chain = _chain(i, j, layer)
        points = [(x[item], item[2] * pitch + dy) for item in chain[1:-1] for dy in (0.0, NODE_HEIGHT)]
        start = (x[(i,)] + port[chain[0], chain[1]][0], layer[i] * pitch + NODE_HEIGHT)
        end = (x[(j,)] + port[chain[-2], chain[-1]][1], layer[j] * pitch)
        drawing.path[i, j] = [start, *points, end]
    return drawing


def _layers(edges, nodes) -> dict[int, int]:
    """Longest path from the source; nodes that fan out more than in wait until they are needed."""
    layer = dict.fromkeys(nodes, 0)
    for j in nodes:
        layer[j] = max((layer[i] + 1 for i, k in edges if k == j), default=0)
    for i in reversed(nodes):
        after = [layer[k] for j, k in edges if j == i]
        before = [j for j, k in edges if k == i]
        if after and len(after) > len(before) > 0:
            layer[i] = min(after) - 1
    return layer


def _with_placeholders(edges, layer) -> tuple[list[list[Item]], list[tuple[Item, Item]]]:
    rows: list[list[Item]] = [[] for _ in range(max(layer.values()) + 1)]
    for v, k in layer.items():
        rows[k].append((v,))
    links = []
    for i, j in edges:
        chain = _chain(i, j, layer)
        links += pairwise(chain)
        for item in chain[1:-1]:
            rows[item[2]].append(item)
    return rows, links


def _chain(i: int, j: int, layer) -> list[Item]:
    """The edge i -> j as the items that it links, one a layer."""
    return [(i,), *((i, j, k) for k in range(layer[i] + 1, layer[j])), (j,)]


def _ordered(rows, links):
    """Sort each layer by where its neighbours are, downwards and upwards; keep the order that crosses least.

    Layers of up to five items are tried in every order, which settles what sorting alone leaves crossed.
    Sorting finds the nearest optimum only, so it starts from several orders (the same ones every time).
    """
    above = {item: [a for a, b in links if b == item] for row in rows for item in row}
    below = {item: [b for a, b in links if a == item] for row in rows for item in row}
    shuffle = np.random.default_rng(0)
    best = best_cost = None
    for start in range(STARTS):
        order = [[row[n] for n in shuffle.permutation(len(row))] if start else list(row) for row in rows]
        for sweep in range(SWEEPS):
            down = sweep % 2 == 0
            for k in range(len(order)) if down else range(len(order) - 1, -1, -1):
                order[k] = _best_order(order, k, above if down else below, above, below)
            cost = _cost(order, links)
            if best is None or cost < best_cost:
                best, best_cost = [list(row) for row in order], cost
    return best


def _best_order(rows, k, towards, above, below):
    place = {item: n - (len(row) - 1) / 2 for row in rows for n, item in enumerate(row)}
    if len(rows[k]) > 5:
        return sorted(rows[k], key=lambda item: np.mean([place[n] for n in towards[item]] or [place[item]]))
    near = [(item, n) for item in rows[k] for n in above[item] + below[item]]

    def cost(order):
        at = {item: n - (len(order) - 1) / 2 for n, item in enumerate(order)}
        crossings = sum(
            (at[a] - at[c]) * (place[b] - place[d]) < 0
            for n, (a, b) in enumerate(near)
            for c, d in near[:n]
            if (b in above[a]) == (d in above[c])
        )
        return crossings, sum((at[a] - place[b]) ** 2 for a, b in near)

    return list(min(permutations(rows[k]), key=cost))


def _cost(rows, links) -> tuple[int, float]:
    """Crossings, then squared sideways steps."""
    place = {item: (k, n - (len(row) - 1) / 2) for k, row in enumerate(rows) for n, item in enumerate(row)}
    spans = [(*place[a], place[b][1]) for a, b in links]
    crossings = sum(
        k == m and (a - c) * (b - d) < 0 for n, (k, a, b) in enumerate(spans) for m, c, d in spans[:n]
    )
    return crossings, sum((a - b) ** 2 for _, a, b in spans)


def _columns(rows, links, port) -> dict[Item, float]:
    """Return the middle of every item: lines as upright as the order and the gaps of the layers allow.

    Weighted least squares under linear constraints (as Gansner et al. 1993 place nodes): long edges weigh
    most, so that they run straight.
    """
    from scipy.optimize import minimize

    index = {item: n for n, item in enumerate(item for row in rows for item in row)}
    a, b = (np.array([index[link[end]] for link in links]) for end in (0, 1))
    shift = np.array([port[link][0] - port[link][1] for link in links])
    weight = np.array([WEIGHTS[len(link[0]) == 3, len(link[1]) == 3] for link in links])
    gaps = [
        (index[p], index[q], (_width(p) + _width(q)) / 2 + GAP_X) for row in rows for p, q in pairwise(row)
    ]
    bounds = np.zeros((len(gaps), len(index)))
    for n, (p, q, _) in enumerate(gaps):
        bounds[n, [p, q]] = -1.0, 1.0
    least = np.array([gap for *_, gap in gaps])

    def gradient(x):
        pull = 2.0 * weight * (x[a] - x[b] + shift)
        return (
            np.bincount(a, pull, len(x)) - np.bincount(b, pull, len(x)) + 2e-6 * x
        )  # 1e-6: fixes the origin

    start = np.array(
        [(NODE_WIDTH + GAP_X) * (n - (len(row) - 1) / 2) for row in rows for n in range(len(row))]
    )
    found = minimize(
        lambda x: np.sum(weight * (x[a] - x[b] + shift) ** 2) + 1e-6 * np.sum(x**2),
        start,
        jac=gradient,
        method="SLSQP",
        constraints={"type": "ineq", "fun": lambda x: bounds @ x - least, "jac": lambda x: bounds}
        if gaps
        else (),
        options={"maxiter": 500, "ftol": 1e-9},
    )
    return {item: float(found.x[n]) for item, n in index.items()}


def _ports(rows, links) -> dict[tuple[Item, Item], tuple[float, float]]:
    """Return for every link how far from the middle of its two items it leaves and arrives, by direction."""
    place = {item: n - (len(row) - 1) / 2 for row in rows for n, item in enumerate(row)}
    port = {}
    for end in (0, 1):
        for item in place:
            mine = sorted(
                (link for link in links if link[end] == item), key=lambda link: place[link[1 - end]]
            )
            spacing = min(PORT, (NODE_WIDTH - 2 * PASSAGE) / max(len(mine) - 1, 1))
            for n, link in enumerate(mine):
                port[end, link] = spacing * (n - (len(mine) - 1) / 2)
    return {link: (port[0, link], port[1, link]) for link in links}


def _width(item: Item) -> float:
    return NODE_WIDTH if len(item) == 1 else PASSAGE
