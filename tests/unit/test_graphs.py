"""Graphs of architectures: each space's view of them, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline import spaces
from pipeline.autoencoders.vae import Graphs
from pipeline.encodings.graphs import from_graphs, graph_fingerprints, graph_keys, graph_shape, to_graphs
from pipeline.spaces import darts, nasbench101, nasbench201
from pipeline.spaces.archs import Archs
from tests.unit.darts_cells import from_cells, to_cells
from tests.unit.nasbench101_cells import cell
from tests.unit.predictor_cells import some_cells

SHAPES = {"nasbench101": (1, 7, 6), "nasbench201": (1, 8, 7), "darts": (2, 11, 11)}


def sample(name: str, n: int) -> Archs:
    return spaces.load(name).sample(n, np.random.default_rng(5))


@pytest.mark.parametrize("name", SHAPES)
def test_graphs_and_back(name):
    archs, space = sample(name, 300), spaces.load(name)
    ops, adj = to_graphs(archs)
    shape = graph_shape(name)
    assert (shape.cells, shape.n_vertices, shape.n_ops) == SHAPES[name]
    assert ops.shape == (300 * shape.cells, shape.n_vertices) and ops.dtype == adj.dtype == np.uint8
    assert adj.shape == (*ops.shape, shape.n_vertices) and ops.max() == shape.n_ops - 1
    assert not np.tril(adj).any() and adj.max() == 1
    back, valid = from_graphs(name, ops, adj)
    assert valid.all() and back.space == archs.space
    np.testing.assert_array_equal(space.cell_key(back), space.cell_key(archs))
    again = to_graphs(back)
    assert all(np.array_equal(a, b) for a, b in zip(again, (ops, adj), strict=True))


def test_isomorphic_cells_get_one_graph():
    one = cell([nasbench101.CONV3X3, nasbench101.CONV1X1], [(0, 1), (0, 2), (1, 6), (2, 6)])
    other = cell([nasbench101.CONV1X1, nasbench101.CONV3X3], [(0, 1), (0, 2), (1, 6), (2, 6)])
    assert not np.array_equal(one.ops, other.ops)
    assert all(np.array_equal(a, b) for a, b in zip(to_graphs(one), to_graphs(other), strict=True))


CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|"


def test_nasbench201_graph_of_a_cell():
    ops, adj = to_graphs(nasbench201.from_official([CELL]))
    # vertices: input, edges (0,1), (0,2), (1,2), (0,3), (1,3), (2,3), output
    edges = {(0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 6), (3, 6), (4, 7), (5, 7), (6, 7)}
    assert {tuple(edge) for edge in np.argwhere(adj[0]).tolist()} == edges
    assert ops.tolist() == [[5, 3, 0, 1, 4, 0, 2, 6]]


def test_nasbench201_graph_is_judged_by_its_operations():
    ops, adj = to_graphs(nasbench201.from_official([CELL]))

    def valid(vertex: int, code: int) -> bool:
        changed = ops.copy()
        changed[0, vertex] = code
        return bool(from_graphs("nasbench201", changed, adj)[1][0])

    assert valid(1, 0) and valid(6, 4)
    assert not valid(0, 6) and not valid(7, 5) and not valid(4, 5) and not valid(3, 6)
    other, found = from_graphs("nasbench201", ops, np.zeros_like(adj))
    assert found.all() and nasbench201.to_official(other) == [CELL]


def test_darts_graph_against_a_plain_version():
    archs = sample("darts", 40)
    archs = darts.from_key(darts.cell_key(archs))
    ops, adj = to_graphs(archs)
    for row, cells in enumerate(to_cells(archs)):
        for kind, wiring in enumerate(cells):
            edges, codes = set(), [8, 9]
            for node in (2, 3, 4, 5):
                for place, source in enumerate(sorted(wiring[node])):
                    vertex = 2 + 2 * (node - 2) + place
                    codes.append(wiring[node][source])
                    feeding = (source,) if source < 2 else (2 * source - 2, 2 * source - 1)
                    edges |= {(s, vertex) for s in feeding} | {(vertex, 10)}
            graph = 2 * row + kind
            assert ops[graph].tolist() == [*codes, 10]
            assert {tuple(e) for e in np.argwhere(adj[graph]).tolist()} == edges


@pytest.mark.parametrize(
    "flip",
    [
        pytest.param([(0, 2)], id="an operation without a source"),
        pytest.param([(1, 2)], id="an operation with two inputs"),
        pytest.param([(0, 5), (2, 5), (3, 5)], id="both edges of a node from one source"),
        pytest.param([(2, 4), (0, 4)], id="half of a node"),
        pytest.param([(9, 10)], id="an operation that does not feed the output"),
        pytest.param([(0, 10)], id="an input that feeds the output"),
    ],
)
def test_darts_graphs_that_are_no_cells(flip):
    wiring = {2: {0: 3, 1: 4}, 3: {0: 5, 2: 5}, 4: {1: 6, 3: 7}, 5: {2: 1, 4: 2}}
    ops, adj = to_graphs(from_cells((wiring, wiring)))
    ops, adj = np.concatenate([ops, ops]), np.concatenate([adj, adj])
    for edge in flip:
        adj[1, *edge] ^= 1  # the first architecture's reduction cell
    archs, valid = from_graphs("darts", ops, adj)
    assert valid.tolist() == [False, True] and darts.validate(archs).all()
    for vertex, code in ((0, 9), (10, 9), (4, 0), (4, 8)):
        wrong = ops.copy()
        wrong[2, vertex] = code
        assert from_graphs("darts", wrong, adj)[1].tolist() == [False, False]


def test_a_subspace_has_fewer_cells():
    cells = some_cells(400)
    ops, adj = to_graphs(cells)
    _, valid = from_graphs("nasbench1shot1_3", ops, adj)
    np.testing.assert_array_equal(valid, spaces.load("nasbench1shot1_3").validate(cells))
    assert graph_shape("nasbench1shot1_3") == graph_shape("nasbench101")


def test_fingerprints_are_those_of_isomorphic_graphs():
    rng = np.random.default_rng(0)
    ops, adj = rng.integers(0, 3, (400, 6)).astype(np.uint8), np.triu(rng.random((400, 6, 6)) < 0.4, 1)
    adj = adj.astype(np.uint8)
    order = rng.permuted(np.tile(np.arange(6), (400, 1)), axis=1)
    rows = np.arange(400)[:, None]
    moved = adj[rows[:, :, None], order[:, :, None], order[:, None, :]]
    found = graph_fingerprints(ops, adj)
    np.testing.assert_array_equal(graph_fingerprints(ops[rows, order], moved), found)
    cells = some_cells(600)
    assert len(np.unique(graph_fingerprints(*to_graphs(cells)))) == 600
    turned = adj.transpose(0, 2, 1)
    same = graph_fingerprints(ops, turned) == found
    assert same.mean() < 0.1  # directions count; the rest are isomorphic to their reverse


def test_keys_of_graphs_do_not_tell_normal_from_reduction_cells():
    archs = sample("darts", 20)
    keys = graph_keys(archs).reshape(-1, 2)
    swapped = graph_keys(Archs("darts", archs.ops[:, ::-1].copy())).reshape(-1, 2)
    np.testing.assert_array_equal(swapped, keys[:, ::-1])
    assert len(np.unique(keys)) == 40
    np.testing.assert_array_equal(
        graph_keys(sample("nasbench201", 9)), nasbench201.cell_key(sample("nasbench201", 9))
    )


def test_architectures_of_two_graphs_are_taken_and_joined_together():
    archs = sample("darts", 6)
    graphs = Graphs.of(archs, "cpu")
    assert graphs.n_archs == 6 and graphs.joined_vertices == 22 and len(graphs.ops) == 12
    part, expected = graphs.take(torch.tensor([4, 1])), Graphs.of(archs[[4, 1]], "cpu")
    assert part.cells == 2 and all(torch.equal(a, b) for a, b in zip(part[:2], expected[:2], strict=True))
    assert torch.equal(graphs.take(slice(2, 4)).adj, graphs.adj[4:8])
    z = torch.arange(12 * 11 * 3).reshape(12, 11, 3)
    joined = graphs.joined(z)
    assert joined.shape == (6, 22, 3) and torch.equal(joined[2, 11:], z[5])
    assert graphs.apart().n_archs == 12
