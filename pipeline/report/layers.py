"""Layered drawing of a small directed acyclic graph: where its nodes go, and which way its edges run.

The steps of Sugiyama et al. 1981: a layer for every node, a placeholder in each layer that an edge
passes, an order within the layers with few crossings, then positions. An edge runs through its own
placeholders, so it never touches a node that is not its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations, pairwise, permutations

import numpy as np

NODE_WIDTH, NODE_HEIGHT = 96.0, 34.0
STARTS, SWEEPS = 12, 6
# how much a link should be upright, by which of its ends are placeholders
WEIGHTS = {(False, False): 1.0, (False, True): 2.0, (True, False): 2.0, (True, True): 1000.0}

Item = tuple  # a node (i,) or the placeholder (i, j, layer) of the edge i -> j


@dataclass(frozen=True)
class Sizes:
    """Measures of a drawing in pixels.

    width: of a node that is not in `widths`. passage: what an edge takes beside nodes. gap_x, gap_y: between
    neighbours in a layer, and between layers. port: between the ends of edges at a node.
    """

    width: float = NODE_WIDTH
    height: float = NODE_HEIGHT
    passage: float = 12.0
    gap_x: float = 16.0
    gap_y: float = 40.0
    port: float = 16.0
    widths: Mapping[int, float] = field(default_factory=dict)

    def of(self, item: Item) -> float:
        """Return how wide an item of a layer is."""
        return self.widths.get(item[0], self.width) if len(item) == 1 else self.passage


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


def draw(
    edges: list[tuple[int, int]],
    nodes: list[int],
    layer: Mapping[int, int] | None = None,
    sizes: Sizes | None = None,
) -> Drawing:
    """Return the drawing of a graph whose edges run from lower to higher numbers.

    layer: node -> its layer, counted from 0 at the top, edges running downwards; by default the length of
    the longest path to it.
    """
    layer, sizes = layer or _layers(edges, nodes), sizes or Sizes()
    rows, links = _with_placeholders(edges, layer)
    rows = _ordered(rows, links)
    port = _ports(rows, links, sizes)
    x = _columns(rows, links, port, sizes)
    left = min(x[item] - sizes.of(item) / 2 for item in x)
    x = {item: value - left for item, value in x.items()}
    pitch = sizes.height + sizes.gap_y
    drawing = Drawing(max(x[item] + sizes.of(item) / 2 for item in x), pitch * len(rows) - sizes.gap_y)
    drawing.centre = {v: (x[(v,)], layer[v] * pitch + sizes.height / 2) for v in nodes}
    for i, j in edges:
        chain = _chain(i, j, layer)
        points = [(x[item], item[2] * pitch + dy) for item in chain[1:-1] for dy in (0.0, sizes.height)]
        start = (x[(i,)] + port[chain[0], chain[1]][0], layer[i] * pitch + sizes.height)
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
        unchanged = 0  # sweeps in a row
        for sweep in range(SWEEPS):
            down, before = sweep % 2 == 0, [list(row) for row in order]
            for k in range(len(order)) if down else range(len(order) - 1, -1, -1):
                order[k] = _best_order(order, k, above if down else below, above, below)
            unchanged = unchanged + 1 if order == before else 0
            if unchanged == 2:  # neither way changes anything: no further sweep would
                break
            if sweep and unchanged:
                continue
            cost = _cost(order, links)
            if best is None or cost < best_cost:
                best, best_cost = [list(row) for row in order], cost
    return best


def _best_order(rows, k, towards, above, below):
    if len(rows[k]) == 1:
        return rows[k]
    nearby = rows[max(k - 1, 0) : k + 2]  # links lead to the next layers only
    place = {item: n - (len(row) - 1) / 2 for row in nearby for n, item in enumerate(row)}
    if len(rows[k]) > 5:
        return sorted(rows[k], key=lambda item: np.mean([place[n] for n in towards[item]] or [place[item]]))
    # What each pair costs in crossings if the first stands left, and each item at each place in distance.
    row, n = rows[k], len(rows[k])
    near = [
        [(True, place[v]) for v in above[item]] + [(False, place[v]) for v in below[item]] for item in row
    ]
    crossings = np.zeros((n, n), dtype=np.int64)
    for p, q in permutations(range(n), 2):
        crossings[p, q] = sum(up == too and b > d for up, b in near[p] for too, d in near[q])
    at = [m - (n - 1) / 2 for m in range(n)]
    steps = np.array([[sum((x - b) ** 2 for _, b in those) for x in at] for those in near])
    orders = _orders(n)
    crossed, moved = np.zeros(len(orders), dtype=np.int64), np.zeros(len(orders))
    for p, q in combinations(range(n), 2):
        crossed += crossings[orders[:, p], orders[:, q]]
    for m in range(n):
        moved += steps[orders[:, m], m]
    least = np.flatnonzero(crossed == crossed.min())
    return [row[m] for m in orders[least[np.argmin(moved[least])]]]


@cache
def _orders(n: int) -> np.ndarray:
    """Every order of n items, (n!, n)."""
    return np.array(list(permutations(range(n))))


def _cost(rows, links) -> tuple[int, float]:
    """Crossings, then squared sideways steps."""
    place = {item: (k, n - (len(row) - 1) / 2) for k, row in enumerate(rows) for n, item in enumerate(row)}
    spans = [(*place[a], place[b][1]) for a, b in links]
    crossings = sum(
        k == m and (a - c) * (b - d) < 0 for n, (k, a, b) in enumerate(spans) for m, c, d in spans[:n]
    )
    return crossings, sum((a - b) ** 2 for _, a, b in spans)


def _columns(rows, links, port, sizes: Sizes) -> dict[Item, float]:
    """Return the middle of every item: lines as upright as the order and the gaps of the layers allow.

    Weighted least squares (as Gansner et al. 1993 place nodes): long edges weigh most, so that they run
    straight. The unknowns are each layer's first item and its gaps, so the only constraints are bounds.
    """
    from scipy.optimize import lsq_linear

    index = {item: n for n, item in enumerate(item for row in rows for item in row)}
    place, least = np.zeros((len(index), len(index))), np.full(len(index), -np.inf)
    for row in rows:
        for n, item in enumerate(row):  # an item stands at the first one's place and the gaps up to its own
            place[index[item], [index[other] for other in row[: n + 1]]] = 1.0
            if n:
                least[index[item]] = (sizes.of(row[n - 1]) + sizes.of(item)) / 2 + sizes.gap_x
    wanted = np.zeros((len(links), len(index)))
    offset = np.zeros(len(links))
    for n, (a, b) in enumerate(links):
        weight = WEIGHTS[len(a) == 3, len(b) == 3] ** 0.5
        wanted[n] = weight * (place[index[a]] - place[index[b]])
        offset[n] = weight * (port[a, b][1] - port[a, b][0])
    system = np.concatenate([wanted, 1e-3 * place])  # the last rows fix the origin
    found = lsq_linear(system, np.r_[offset, np.zeros(len(index))], (least, np.inf), method="bvls")
    x = place @ found.x
    return {item: float(x[n]) for item, n in index.items()}


def _ports(rows, links, sizes: Sizes) -> dict[tuple[Item, Item], tuple[float, float]]:
    """Return for every link how far from the middle of its two items it leaves and arrives, by direction."""
    place = {item: n - (len(row) - 1) / 2 for row in rows for n, item in enumerate(row)}
    port = {}
    for end in (0, 1):
        for item in place:
            mine = sorted(
                (link for link in links if link[end] == item), key=lambda link: place[link[1 - end]]
            )
            spacing = min(sizes.port, 0.75 * sizes.of(item) / max(len(mine) - 1, 1))
            for n, link in enumerate(mine):
                port[end, link] = spacing * (n - (len(mine) - 1) / 2)
    return {link: (port[0, link], port[1, link]) for link in links}
