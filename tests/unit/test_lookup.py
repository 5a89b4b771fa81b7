"""Finding cells by key."""

from __future__ import annotations

import numpy as np

from pipeline.spaces.lookup import KeyIndex


def test_rows_of_keys_and_minus_one_for_those_that_are_not_there():
    keys = np.array([7, 3, 2**63 + 1, 3, 0], np.uint64)
    asked = np.array([3, 2**63 + 1, 2**63, 0, 9, 1, 7], np.uint64)
    found = KeyIndex(keys).rows(asked)
    assert found.tolist() == [1, 2, -1, 4, -1, -1, 0] and found.dtype == np.int64


def test_rows_may_be_given_with_keys_that_ascend():
    index = KeyIndex(np.array([2, 5, 9], np.uint64), np.array([8, 0, 4], np.uint32))
    assert index.rows(np.array([9, 2, 3], np.uint64)).tolist() == [4, 8, -1] and len(index) == 3


def test_nothing_is_in_an_empty_index():
    assert KeyIndex(np.zeros(0, np.uint64)).rows(np.array([0, 1], np.uint64)).tolist() == [-1, -1]
    assert KeyIndex(np.array([1], np.uint64)).rows(np.zeros(0, np.uint64)).shape == (0,)
