"""Counted properties and random data flow: right numbers, the same for cells that compute the same."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import spaces
from pipeline.encodings.graph_features import graph_feature_names, graph_features
from pipeline.encodings.random_flow import AXES, flow_features
from pipeline.encodings.reference import N_CELLS, reference_cells
from pipeline.spaces import darts, nasbench101, nasbench201
from tests.unit.predictor_cells import some_cells

SPACES = {"nasbench101": nasbench101, "nasbench201": nasbench201, "darts": darts}


def cells_of(name: str, n: int = 60):
    return some_cells(n) if name == "nasbench101" else SPACES[name].sample(n, np.random.default_rng(0))


def counted(archs, name: str) -> np.ndarray:
    return graph_features(archs)[:, graph_feature_names(archs.space).index(name)]


def test_counts_of_a_cell_of_nasbench201():
    # 0 -conv3x3-> 1 -skip-> 3, 0 -pool-> 2 that leads nowhere, 0 -conv1x1-> 3
    text = "|nor_conv_3x3~0|+|avg_pool_3x3~0|none~1|+|nor_conv_1x1~0|skip_connect~1|none~2|"
    archs = nasbench201.from_official([text])
    found = dict(zip(graph_feature_names("nasbench201"), graph_features(archs)[0], strict=True))
    assert found["n:nor_conv_3x3"] == 1 and found["n:avg_pool_3x3"] == 0
    assert found["n:skip_connect+nor_conv_3x3"] == 2
    assert found["shortest path:nor_conv_1x1"] == 1
    assert found["shortest path:nor_conv_3x3"] == 9  # the skip is in its way: none, 8 vertices and one
    assert found["shortest path:skip_connect+nor_conv_3x3"] == 2
    assert found["most on a path:nor_conv_1x1+nor_conv_3x3"] == 1
    assert found["after input:nor_conv_1x1+nor_conv_3x3"] == 2
    assert found["to output:nor_conv_3x3"] == 0 and found["to output:skip_connect"] == 1
    assert found["edges"] == 5 and found["input to output"] == 0


def test_counts_of_nasbench101_and_darts():
    archs = some_cells(200)
    direct = counted(archs, "input to output")
    np.testing.assert_array_equal(direct, archs.adj[:, 0, -1])
    np.testing.assert_array_equal(counted(archs, "edges"), archs.adj.sum(axis=(1, 2)))
    np.testing.assert_array_equal(counted(archs, "n:conv3x3"), (archs.ops == nasbench101.CONV3X3).sum(axis=1))
    archs = cells_of("darts")
    _, codes = darts.chosen_edges(archs)
    pools = np.isin(codes[:, 1], [darts.MAX_POOL_3X3, darts.AVG_POOL_3X3]).sum(axis=(1, 2))
    np.testing.assert_array_equal(counted(archs, "cell1:n:max_pool_3x3+avg_pool_3x3"), pools)


@pytest.mark.parametrize("name", SPACES)
def test_features_have_one_shape_and_no_cell_depends_on_others(name):
    archs = cells_of(name)
    for features, width in ((graph_features, len(graph_feature_names(name))), (flow_features, AXES)):
        found = features(archs)
        assert found.shape == (len(archs), width) and found.dtype == np.float32
        np.testing.assert_allclose(features(archs[7:9]), found[7:9], atol=1e-4)
        assert features(archs[:0]).shape == (0, width)
        assert len(np.unique(found, axis=0)) > len(archs) / 2


@pytest.mark.parametrize("name", SPACES)
def test_isomorphic_cells_have_the_same_flow(name):
    space, archs = SPACES[name], cells_of(name)
    same = space.from_key(space.canonical_key(archs))
    assert (same.ops != archs.ops).any()
    np.testing.assert_allclose(flow_features(same), flow_features(archs), atol=1e-4)


def test_what_leads_nowhere_leaves_no_trace_in_the_flow():
    archs = nasbench201.sample(300, np.random.default_rng(1))
    pruned = nasbench201.prune(archs)
    assert (pruned.ops != archs.ops).any()
    np.testing.assert_allclose(flow_features(pruned), flow_features(archs), atol=1e-4)
    np.testing.assert_array_equal(graph_features(pruned), graph_features(archs))


@pytest.mark.parametrize("name", SPACES)
def test_scales_are_those_of_reference_cells(name):
    archs = reference_cells(name)
    assert len(archs) == N_CELLS and spaces.load(name).validate(archs).all()
    np.testing.assert_array_equal(archs.ops, reference_cells(name).ops)
    flow = flow_features(archs)
    np.testing.assert_allclose(flow.mean(axis=0), 0, atol=1e-2)
    np.testing.assert_allclose((flow**2).mean(), 1, atol=0.1)
