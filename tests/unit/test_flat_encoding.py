"""The flat encoding: what each feature is, and that it belongs to the isomorphism class."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import spaces
from pipeline.encodings.flat import feature_names, flat_features

SPACES = ("nasbench101", "nasbench201", "darts")


def value(row: np.ndarray, space: str, name: str) -> float:
    return float(row[feature_names(space).index(name)])


@pytest.mark.parametrize("space", SPACES)
def test_features_of_the_class(space):
    module = spaces.load(space)
    archs = module.sample(400, np.random.default_rng(0))
    features = flat_features(archs)
    names = feature_names(space)
    assert features.shape == (400, len(names)) and features.dtype == np.float32
    assert len(set(names)) == len(names) and np.isfinite(features).all()
    np.testing.assert_array_equal(features, flat_features(module.from_key(module.canonical_key(archs))))
    _, classes = np.unique(module.canonical_key(archs), return_index=True)
    # isomorphic cells are equal, all others differ
    assert len(np.unique(features, axis=0)) == len(classes)
    assert flat_features(archs[:0]).shape == (0, len(names))


def test_isomorphic_darts_cells():
    darts = spaces.load("darts")
    text = (
        "Genotype(normal=[{}, ('skip_connect', 0), ('sep_conv_3x3', {}), ('skip_connect', 0), "
        "('skip_connect', 1)], normal_concat=range(2, 6), reduce=[{}], reduce_concat=range(2, 6))"
    )
    convs = "('sep_conv_3x3', 0), ('sep_conv_3x3', 1)"
    pools = "('max_pool_3x3', 0), ('max_pool_3x3', 1)"
    same = ", ".join([pools] * 4)
    pair = darts.from_official(
        [text.format(f"{convs}, {pools}", 2, same), text.format(f"{pools}, {convs}", 3, same)]
    )
    assert (pair.ops[0] != pair.ops[1]).any()
    one, other = flat_features(pair)
    np.testing.assert_array_equal(one, other)
    assert value(one, "darts", "cell0:n:sep_conv_3x3") == 3
    assert value(one, "darts", "cell0:n:skip_connect") == 3
    assert value(one, "darts", "cell1:n:max_pool_3x3") == 8
    assert value(one, "darts", "cell1:uses of node 0") == 4
    assert {value(one, "darts", f"cell1:longest path to node {node}") for node in range(2, 6)} == {1}
    assert max(value(one, "darts", f"cell0:longest path to node {node}") for node in range(2, 6)) == 2


def test_nasbench101_paths_and_counts():
    space = spaces.load("nasbench101")
    # input -> conv3x3 -> maxpool -> output, and input -> output
    cell = space.from_official(["0101001000010000"], ["input,conv3x3-bn-relu,maxpool3x3,output"])
    row = flat_features(cell)[0]
    expected = {"n:conv3x3": 1, "n:maxpool3x3": 1, "n:conv1x1": 0, "n:vertices": 4, "n:edges": 4}
    expected |= {"shortest path": 1, "longest path": 3, "edge0-1": 1, "edge0-6": 1, "edge1-6": 0}
    expected |= {"vertex1:conv3x3": 1, "vertex1:conv1x1": 0, "vertex6:output": 1}
    assert {name: value(row, "nasbench101", name) for name in expected} == expected


def test_nasbench201_edges():
    space = spaces.load("nasbench201")
    text = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
    row = flat_features(space.from_official([text]))[0]
    counts = {op: value(row, "nasbench201", f"cell0:n:{op}") for op in space.OP_NAMES if op != "none"}
    assert counts == {"skip_connect": 1, "nor_conv_1x1": 1, "nor_conv_3x3": 1, "avg_pool_3x3": 1}
    assert value(row, "nasbench201", "cell0:longest path to node 3") == 3
    nothing = space.from_official(["|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"])
    row = flat_features(nothing)[0]
    assert value(row, "nasbench201", "cell0:longest path to node 3") == -1 and row.max() == 0
