"""The cells that a search may ask for."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.search.domain import Domain
from pipeline.spaces.archs import Archs
from tests.unit import toy_space as toy


@pytest.fixture(scope="module")
def half() -> Domain:
    """Half of the toy space's cells."""
    every = toy.unique_cells()
    return Domain(toy, every[np.random.default_rng(0).permutation(len(every))[::2]], restricted=True)


def test_a_whole_space_passes_everything_through():
    whole, rng = Domain(toy, toy.unique_cells()), np.random.default_rng
    cells = toy.unique_cells()[:50]
    assert whole.size == len(toy.unique_cells()) and whole.validate(cells).all()
    mutated, crossed = whole.mutate(cells, rng(1)), whole.crossover(cells, cells[::-1], rng(2))
    key = toy.cell_key
    np.testing.assert_array_equal(key(mutated), key(toy.mutate(cells, rng(1))))
    np.testing.assert_array_equal(key(crossed), key(toy.crossover(cells, cells[::-1], rng(2))))


@pytest.mark.parametrize("share", [1, 2])
def test_children_are_spelt_as_in_the_list(share):
    """Of a cell and its mirror image the list has either, as a table has one spelling of a graph."""
    every = toy.unique_cells()
    mirrored = np.random.default_rng(1).integers(2, size=len(every)).astype(bool)
    listed = Archs("toy", np.where(mirrored[:, None], every.ops[:, ::-1], every.ops))[::share]
    domain, rng = Domain(toy, listed, restricted=share > 1), np.random.default_rng(2)
    spelt = {tuple(ops) for ops in listed.ops.tolist()}
    cells = listed[:500]
    for found in (domain.mutate(cells, rng), domain.crossover(cells, cells[::-1], rng)):
        assert {tuple(ops) for ops in found.ops.tolist()} <= spelt


def test_a_part_of_a_space_is_not_left(half):
    rng = np.random.default_rng(3)
    inside, outside = half.cells[:400], toy.unique_cells()
    assert half.validate(inside).all()
    assert half.validate(outside).sum() == half.size == -(-len(outside) // 2)
    assert half.validate(half.mutate(inside, rng)).all()
    assert half.validate(half.crossover(inside, inside[::-1], rng)).all()
    bad = type(inside)("toy", np.full((3, toy.SLOTS), 9, np.uint8))
    assert not half.validate(bad).any()


def test_neighbours_in_a_part_are_neighbours_in_the_space(half):
    parents = half.cells[:300]
    children = half.mutate(parents, np.random.default_rng(4))
    differ = [(parents.ops != ops).sum(axis=1) for ops in (children.ops, children.ops[:, ::-1])]
    assert (np.minimum(*differ) == 1).all()


def test_a_cell_without_neighbours_gets_a_random_cell_of_the_part():
    every = toy.unique_cells()
    apart = (every.ops == every.ops[:, :1]).all(axis=1)  # all slots alike: no two are neighbours
    few = Domain(toy, every[apart], restricted=True)
    assert few.size == toy.N_OPS
    children = few.mutate(few.cells, np.random.default_rng(5))
    assert few.validate(children).all()


def test_draws_are_different_cells_of_the_domain(half):
    drawn = half.draw(500, np.random.default_rng(6))
    assert half.validate(drawn).all() and len(np.unique(half.cell_key(drawn))) == 500


def test_a_space_too_large_to_be_listed_is_sampled():
    from pipeline.spaces import darts

    whole = Domain(darts, None)
    drawn = whole.draw(20, np.random.default_rng(7))
    assert whole.size == darts.SIZE and whole.validate(whole.mutate(drawn, np.random.default_rng(8))).all()
