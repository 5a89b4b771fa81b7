"""Evolution on arrays: whole generations bred under a fitness."""

from __future__ import annotations

import numpy as np

from pipeline.search.evolution import evolve, rank, sort
from pipeline.search.found import best_found, rank_shares
from pipeline.spaces.archs import Archs
from tests.unit import toy_space as toy


def some(n: int, seed: int) -> Archs:
    return toy.unique_cells()[np.random.default_rng(seed).integers(7000, size=n)]


def test_evolution_finds_the_optimum_and_scores_no_cell_twice():
    asked = []

    def fitness(archs):
        asked.extend(toy.canonical_key(archs).tolist())
        return toy.quality(archs)

    rng = np.random.default_rng(0)
    measured = rank(toy, some(30, 1), toy.quality)
    ranking = evolve(toy, measured, some(50, 2), fitness, rng, 15, 50, tournament=5, crossover=0.5)
    assert len(asked) == len(set(asked)) == len(ranking.keys) < 50 * 16
    assert (np.diff(ranking.fitness) <= 0).all()
    np.testing.assert_array_equal(ranking.keys, toy.canonical_key(ranking.archs))
    assert ranking.archs.ops[0].tolist() == [2] * 6


def test_measured_cells_are_the_first_parents_and_the_fittest_the_next():
    measured = sort(some(9, 1), toy.canonical_key(some(9, 1)), np.arange(9) / 10)  # the last is best
    drawn = some(5, 2)
    best = some(9, 1).ops[8]
    once = evolve(toy, measured, drawn, toy.quality, np.random.default_rng(0), 1, 40, 500, 0.0)
    bred = once.archs.ops[~np.isin(once.keys, toy.canonical_key(drawn))]
    assert len(bred) > 10
    assert ((bred != best).sum(axis=1) == 1).all()
    twice = evolve(toy, measured, drawn, toy.quality, np.random.default_rng(0), 2, 40, 500, 0.0)
    bred = twice.archs.ops[~np.isin(twice.keys, once.keys)]
    assert len(bred) > 10
    assert ((bred != once.archs.ops[0]).sum(axis=1) == 1).all()


def test_children_of_two_parents_mix_them():
    ops = np.array([[0] * 6, [1, 2, 3, 4, 1, 2]], dtype=np.uint8)
    parents = sort(Archs(toy.NAME, ops), np.arange(2, dtype=np.uint64), np.ones(2))
    drawn = Archs(toy.NAME, np.full((1, 6), 4, dtype=np.uint8))
    bred = evolve(toy, parents, drawn, toy.quality, np.random.default_rng(0), 1, 100, 1, 1.0).archs.ops
    bred = bred[(bred != 4).any(axis=1)]
    assert len(bred) > 20
    assert ((bred == ops[0]) | (bred == ops[1])).all()


def test_parents_may_be_the_fittest_of_the_drawn_ones_and_children_fewer():
    measured = sort(some(9, 1), toy.canonical_key(some(9, 1)), np.arange(9) / 10)
    drawn = some(40, 2)
    best = rank(toy, drawn, toy.quality).archs.ops[0]
    how = (1, 40, 500, 0.0, 7, False)
    once = evolve(toy, measured, drawn, toy.quality, np.random.default_rng(0), *how)
    bred = once.archs.ops[~np.isin(once.keys, toy.canonical_key(drawn))]
    assert 0 < len(bred) <= 7 and ((bred != best).sum(axis=1) == 1).all()


def test_ranks_are_shares_of_the_table():
    known = np.array([0.1, 0.4, np.nan, 0.4, 0.9])
    shares = rank_shares(np.array([0.9, 0.4, 0.1, np.nan]), known)
    np.testing.assert_array_equal(shares, [1 / 4, 2 / 4, 4 / 4, np.nan])


def test_found_cells_are_those_after_the_first():
    accuracy = np.array([[0.9, 0.2, np.nan, 0.5, 0.4], [0.1, 0.1, 0.3, 0.2, 0.8]])
    rank_ = 1 - accuracy
    best, lowest = best_found(accuracy, rank_, 2)
    nan = np.nan
    np.testing.assert_array_equal(best, [[nan, nan, nan, 0.5, 0.5], [nan, nan, 0.3, 0.3, 0.8]])
    np.testing.assert_allclose(lowest, 1 - best)


def test_the_unknown_fitness_is_the_lowest():
    archs = some(3, 4)
    ranking = sort(archs, np.arange(3, dtype=np.uint64), np.array([np.nan, 0.1, 0.2]))
    assert ranking.keys.tolist() == [2, 1, 0]
    np.testing.assert_array_equal(ranking.archs.ops, archs.ops[::-1])
