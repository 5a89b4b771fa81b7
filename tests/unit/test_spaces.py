"""What every search space has to offer, for each of them alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline import spaces
from pipeline.children.settings import NetworkSettings
from pipeline.errors import ConfigError
from pipeline.spaces.archs import Archs

N = 300
SHAPE = {"stem_channels": 8, "stacks": 2, "cells_per_stack": 2}
FACTS = ("NAME", "SIZE", "OP_NAMES", "N_OPS", "NONE", "OPERATIONS_ON", "COLUMNS")
CELLS = (
    "enumerate_cells",
    "validate",
    "canonical_key",
    "cell_key",
    "from_key",
    "cell_ids",
    "short",
    "sample",
)
WORK = ("from_columns", "from_official", "to_official", "mutate", "crossover")
COSTS = ("params", "flops", "op_params", "op_flops")
ON_EDGES = ("EDGES", "N_NODES", "INPUT_NODES", "N_CELLS", "edge_view")

pytestmark = pytest.mark.parametrize("space", [spaces.load(name) for name in spaces.NAMES], ids=spaces.NAMES)


def cells_of(space, n: int = N, seed: int = 0) -> Archs:
    return space.sample(n, np.random.default_rng(seed))


def same(a: Archs, b: Archs) -> bool:
    adj = np.array_equal(a.adj, b.adj) if a.adj is not None else b.adj is None
    return a.space == b.space and np.array_equal(a.ops, b.ops) and adj


def test_the_interface_is_complete(space):
    more = ON_EDGES if space.OPERATIONS_ON == "edges" else ("node_view", "V")
    assert [name for name in (*FACTS, *CELLS, *WORK, *COSTS, *more) if not hasattr(space, name)] == []
    assert space.NAME in spaces.NAMES and spaces.load(space.NAME) is space
    assert len(space.OP_NAMES) == space.N_OPS and 0 <= space.NONE < space.N_OPS
    assert cells_of(space).space == spaces.base(space.NAME)


def test_all_cells_or_a_refusal(space):
    if space.NAME in spaces.UNLISTED:
        with pytest.raises(ConfigError, match="too many to be enumerated"):
            space.enumerate_cells()
        return
    cells = space.enumerate_cells()
    assert len(cells) == space.SIZE and space.enumerate_cells() is cells
    assert not cells.ops.flags.writeable and (cells.adj is None or not cells.adj.flags.writeable)
    assert len(np.unique(space.cell_key(cells))) == space.SIZE


def test_samples_are_different_cells_and_depend_on_the_stream_alone(space):
    cells = cells_of(space)
    assert space.validate(cells).all() and len(np.unique(space.cell_key(cells))) == N
    assert same(cells, cells_of(space)) and not same(cells, cells_of(space, seed=1))
    assert len(cells_of(space, 0)) == 0


def test_nonsense_is_not_valid(space):
    cells = cells_of(space)
    ops = cells.ops.copy()
    ops.reshape(N, -1)[:, 2] = 77
    assert not space.validate(Archs(cells.space, ops, cells.adj)).any()


def test_keys_can_be_read_back(space):
    cells = cells_of(space)
    keys, classes = space.cell_key(cells), space.canonical_key(cells)
    assert keys.dtype == classes.dtype == np.uint64
    back, first = space.from_key(keys), space.from_key(classes)
    assert space.validate(back).all() and space.validate(first).all()
    np.testing.assert_array_equal(space.cell_key(back), keys)
    np.testing.assert_array_equal(space.canonical_key(back), classes)
    np.testing.assert_array_equal(space.canonical_key(first), classes)
    np.testing.assert_array_equal(space.cell_key(first), classes)
    assert same(space.from_key(space.cell_key(first)), first)


def test_names_and_official_spellings_go_both_ways(space):
    cells = cells_of(space)
    names = space.cell_ids(cells)
    assert len(set(names)) == N and all(space.short(name) for name in names)
    official = space.to_official(cells)
    back = space.from_official(*official) if isinstance(official, tuple) else space.from_official(official)
    assert same(back, cells)
    columns = {
        "nasbench101": lambda: dict(zip(space.COLUMNS, (*official, names), strict=True)),
        "nasbench201": lambda: {"arch_str": official},
        "darts": lambda: {"cell": names},
    }[cells.space]()
    assert set(columns) <= set(space.COLUMNS) and same(space.from_columns(columns), cells)


def test_neighbours_and_children_stay_in_the_space(space):
    a, b, rng = cells_of(space), cells_of(space, seed=1), np.random.default_rng(2)
    for _ in range(3):
        near = space.mutate(a, rng)
        assert space.validate(near).all() and (space.cell_key(near) != space.cell_key(a)).all()
        child = space.crossover(a, b, rng)
        assert space.validate(child).all() and len(child) == N
        a = near
    twins = space.crossover(b, b, np.random.default_rng(3))
    assert (space.canonical_key(twins) == space.canonical_key(b)).mean() > 0.5
    drawn = [space.mutate(b, np.random.default_rng(4)) for _ in range(2)]
    assert same(*drawn)
    none = cells_of(space, 0)
    assert len(space.mutate(none, rng)) == len(space.crossover(none, none, rng)) == 0


def test_costs_of_operations_are_part_of_the_whole(space):
    cells, shape = cells_of(space), tuple(SHAPE.values())
    for whole, part in ((space.params, space.op_params), (space.flops, space.op_flops)):
        total, each = whole(cells, *shape), part(cells, *shape)
        assert each.shape == cells.ops.shape and each.dtype == total.dtype == np.int64
        assert (each >= 0).all() and (each.reshape(N, -1).sum(axis=1) < total).all()
    wide = space.params(cells, 16, 2, 2)
    assert (wide > space.params(cells, *shape)).all()


@pytest.mark.parametrize(
    ("network", "channels", "classes", "side"),
    [
        ({"stem_channels": 8, "stacks": 1, "cells_per_stack": 1}, 1, 10, 8),
        ({"stem_channels": 8, "stacks": 3, "cells_per_stack": 2}, 3, 100, 9),
        ({"stem_channels": 12, "stacks": 2, "cells_per_stack": 1}, 3, 2, 16),
    ],
)
def test_networks_of_any_size_are_as_large_as_counted_and_learn(space, network, channels, classes, side):
    build = spaces.network(space.NAME).build_network
    cells = cells_of(space, 3, seed=5)
    counted = space.params(cells, *network.values(), in_channels=channels, classes=classes)
    by_op = space.op_params(cells, *network.values()).reshape(3, -1)
    for n in range(3):
        torch.manual_seed(n)
        net = build(cells[n], NetworkSettings(**network), channels, classes)
        assert sum(p.numel() for p in net.parameters()) == counted[n]
        owned = net.vertex_parameters()
        assert len(owned) == cells.ops[0].size and net.rectified()
        if space.OPERATIONS_ON == "edges":  # on nodes, projections of the input belong to a vertex, too
            assert [sum(p.numel() for _, p in own) for own in owned] == by_op[n].tolist()
        x, y = torch.randn(8, channels, side, side), torch.arange(8) % classes
        assert net.features(x).shape == (8, net.classifier.in_features)
        step = torch.optim.SGD(net.parameters(), lr=0.01)
        before = torch.cat([p.detach().flatten() for p in net.parameters()])
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        step.step()
        after = torch.cat([p.detach().flatten() for p in net.parameters()])
        assert torch.isfinite(loss) and torch.isfinite(after).all() and not torch.equal(before, after)
