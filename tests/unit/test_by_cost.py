"""Training cells and first cells at even distances by cost; the sub-space of ReNAS' table 5."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import spaces
from pipeline.encodings.flat import flat_features
from pipeline.errors import ConfigError
from pipeline.evaluation.protocols import training_runs
from pipeline.search.context import draw_first, draw_initial
from pipeline.search.domain import Domain
from pipeline.search.settings import SearchSettings
from pipeline.spaces import darts, nasbench101, nasbench101_skip
from pipeline.spaces.by_cost import drawn, network_costs


def gaps(rows, costs) -> np.ndarray:
    """Distances of rows in the order of their costs."""
    return np.diff(np.sort(np.argsort(np.argsort(costs, kind="stable"))[rows]))


@pytest.mark.parametrize("n", [1, 7, 100, 333, 1000])
def test_cells_are_at_even_distances(n):
    costs = np.random.default_rng(1).permutation(1000)
    rows = drawn(1000, n, costs, np.random.default_rng(0))
    assert len(set(rows.tolist())) == n
    assert n == 1 or set(gaps(rows, costs)) <= {1000 // n, -(-1000 // n)}


def test_the_start_and_equal_cells_are_left_to_chance():
    costs = np.repeat(np.arange(10), 100)
    several = [drawn(1000, 10, costs, np.random.default_rng(seed)) for seed in range(3)]
    assert all(sorted(costs[rows]) == list(range(10)) for rows in several)
    assert not set(several[0]) & set(several[1]) & set(several[2])


def test_at_random_it_is_the_beginning_of_a_permutation():
    assert (
        drawn(50, 9, None, np.random.default_rng(4)) == np.random.default_rng(4).permutation(50)[:9]
    ).all()


def test_costs_are_those_of_the_networks():
    cells = nasbench101_skip.enumerate_cells()[:20]
    assert network_costs(cells, "random") is None
    assert (network_costs(cells, "params") == nasbench101.params(cells)).all()
    assert (network_costs(cells, "flops") == nasbench101.flops(cells)).all()


def test_training_runs_by_cost():
    costs = np.random.default_rng(0).permutation(500)
    subsets, numbers, seeds = training_runs(500, 20, 3, 2, 7, "mine", costs=costs)
    assert subsets.shape == (6, 20) and numbers.tolist() == [0, 0, 1, 1, 2, 2] and len(seeds) == 6
    assert (subsets[0] == subsets[1]).all() and set(subsets[0]) != set(subsets[2])
    assert all((gaps(rows, costs) == 25).all() for rows in subsets)


def test_labelled_cells_of_a_search_by_cost():
    costs = np.random.default_rng(0).permutation(100)
    first, rest = draw_initial(100, 10, 2, 0, "mine", costs)
    assert first.shape == (2, 10) and rest.shape == (2, 90)
    assert all((gaps(rows, costs) == 10).all() for rows in first)
    assert all(sorted([*a, *b]) == list(range(100)) for a, b in zip(first, rest, strict=True))


def test_first_cells_of_a_search_by_cost():
    cells = nasbench101_skip.enumerate_cells()[:400]
    domain = Domain(nasbench101, cells, restricted=True)
    search = SearchSettings(budget=30, n_initial=20, n_runs=2, sampling="params")
    first, reserve = draw_first(domain, search, 0, "mine")
    costs, keys = nasbench101.params(cells), domain.cell_key(cells)
    for run in range(2):
        chosen = domain.cell_key(first[run * 20 : run * 20 + 20])
        places = np.sort(np.searchsorted(np.sort(costs), costs[np.isin(keys, chosen)]))
        assert len(set(chosen.tolist())) == 20 and (np.abs(places - np.arange(10, 400, 20)) < 40).all()
        assert len(reserve[run]) == 10 and not np.isin(domain.cell_key(reserve[run]), chosen).any()


def test_a_space_that_cannot_be_sorted_is_refused():
    search = SearchSettings(budget=5, n_initial=2, sampling="flops")
    with pytest.raises(ConfigError, match="search.sampling: the cells of mine's space are too many") as error:
        draw_first(Domain(darts, None), search, 0, "mine")
    assert "\n" not in str(error.value)


def test_cells_by_distance_and_convolution_are_counted_as_in_the_paper():
    """ReNAS, table 5: cells with (without) a 3x3 convolution, by the distance of input and output."""
    cells = nasbench101.enumerate_cells()
    shortest = flat_features(cells)[:, -2]
    used = (cells.ops == nasbench101.CONV3X3).any(axis=1)
    counted = [[int(((used == u) & (shortest == d)).sum()) for d in range(1, 7)] for u in (True, False)]
    assert counted[0] == [68_552, 153_056, 110_863, 27_227, 2516, 211]
    assert counted[1] == [12_468, 26_282, 17_735, 4282, 400, 32]
    inside = nasbench101_skip.validate(cells)
    assert (inside == (used & (shortest == 1))).all() and inside.sum() == nasbench101_skip.SIZE


def test_the_subspace_is_a_space_that_is_not_left():
    space, rng = spaces.load("nasbench101_skip"), np.random.default_rng(0)
    cells = space.enumerate_cells()
    keys = space.canonical_key(cells)
    assert len(np.unique(keys)) == len(cells) == space.SIZE
    a, b = space.sample(500, rng), space.sample(500, rng)
    near = space.mutate(a, rng)
    assert space.validate(near).all() and (space.canonical_key(near) != space.canonical_key(a)).all()
    assert space.validate(space.crossover(a, b, rng)).all()
    with pytest.raises(ConfigError, match="70000 cells were asked for, but the space has 68552"):
        space.sample(70_000, rng)
    with pytest.raises(ValueError, match="2 and 3 parents"):
        space.crossover(a[:2], b[:3], rng)
