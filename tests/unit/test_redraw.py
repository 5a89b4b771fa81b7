"""Draws that are repeated until they are good."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.spaces import load
from pipeline.spaces.archs import Archs
from pipeline.spaces.redraw import redraw
from tests.unit import toy_space as toy


def start(n: int) -> Archs:
    """Cells with 9 everywhere, which no draw returns."""
    return Archs("toy", np.full((n, toy.SLOTS), 9, np.uint8))


def without(found: Archs) -> np.ndarray:
    """The rows that are as they were at the start, int64 (m,)."""
    return np.flatnonzero((found.ops == 9).all(axis=1))


def numbered(rows: np.ndarray, of: np.ndarray) -> Archs:
    """Results that say in the first slot which row they are for, and in the second `of`."""
    ops = np.zeros((len(rows), toy.SLOTS), np.uint8)
    ops[:, 0], ops[:, 1] = rows, of
    return Archs("toy", ops)


@pytest.mark.parametrize("n", [0, 1, 5, 100, 255])
def test_each_row_has_its_first_good_result(n):
    tries = np.zeros(n, int)
    good_from = np.arange(n) % 7

    def draw(rows):
        count = np.array([np.sum(rows[:i] == row) for i, row in enumerate(rows)], int) + tries[rows]
        np.add.at(tries, rows, 1)
        return numbered(rows, count), count >= good_from[rows]

    found = redraw(draw, start(n))
    assert not len(without(found))
    assert found.ops[:, 0].tolist() == list(range(n)) and found.ops[:, 1].tolist() == good_from.tolist()


@pytest.mark.parametrize("n", [1, 3, 60, 255])
def test_a_row_is_tried_as_often_as_it_may_be(n):
    tries = np.zeros(n, int)

    def draw(rows):
        np.add.at(tries, rows, 1)
        return numbered(rows, np.zeros(len(rows))), rows % 2 == 0

    found = redraw(draw, start(n), most=11)
    assert without(found).tolist() == list(range(1, n, 2)) and (tries[1::2] == 11).all()
    assert (found.ops[1::2] == 9).all() and (found.ops[::2, 0] == np.arange(0, n, 2)).all()


@pytest.mark.parametrize("name", ["nasbench101", "nasbench1shot1_2", "darts"])
def test_neighbours_are_as_likely_one_by_one_as_in_numbers(name):
    """Of one parent: the shares of its most frequent neighbours, drawn singly and 4,000 at once."""
    space, rng = load(name), np.random.default_rng(1)
    parent = space.sample(1, np.random.default_rng(3))
    singly = np.concatenate([space.cell_key(space.mutate(parent, rng)) for _ in range(600)])
    at_once = space.cell_key(space.mutate(parent[np.zeros(4000, int)], rng))
    keys, counts = np.unique(at_once, return_counts=True)
    for k in np.argsort(-counts)[:4]:
        share = counts[k] / len(at_once)
        deviation = np.sqrt(share * (1 - share) * (1 / 600 + 1 / 4000))
        assert abs(np.mean(singly == keys[k]) - share) < 4 * deviation
