"""Sets of architectures: selecting, joining, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.spaces.archs import Archs


@pytest.fixture
def three():
    return Archs("nasbench101", np.arange(21, dtype=np.uint8).reshape(3, 7), np.zeros((3, 7, 7), np.uint8))


def test_an_integer_selects_a_set_of_one_and_iteration_ends(three):
    assert [len(one) for one in three] == [1, 1, 1]
    assert three[-1].ops[0, 0] == 14 and three[np.array([2, 0])].ops[:, 0].tolist() == [14, 0]
    with pytest.raises(IndexError, match="index 3 of 3"):
        three[3]


def test_joining_keeps_the_order_and_refuses_other_spaces(three):
    assert Archs.concatenate([three[1], three]).ops[:, 0].tolist() == [7, 0, 7, 14]
    with pytest.raises(ValueError, match="cannot join"):
        Archs.concatenate([three, Archs("other", three.ops)])


def test_what_is_no_set_is_refused(three):
    with pytest.raises(TypeError, match="uint8"):
        Archs("nasbench101", three.ops.astype(np.int64))
    with pytest.raises(ValueError, match="3 rows of ops but 2 of adj"):
        Archs("nasbench101", three.ops, three.adj[:2])
    with pytest.raises(TypeError, match="several arrays"):
        np.asarray(three)
