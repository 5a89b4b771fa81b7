"""The numbers of operations in cells that are written as matrices of numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.encodings.matrices import matrix_shape, numbers_of_codes, operation_matrices
from pipeline.encodings.op_numbers import FEWEST_WEIGHTS_FIRST, op_numbers
from pipeline.encodings.renas_tensor import renas_tensor
from pipeline.errors import ConfigError
from pipeline.predictors import e2epp, renas, ssa
from pipeline.predictors.ssa_cells import Cells
from pipeline.spaces import base, darts, load, nasbench101, nasbench201
from pipeline.spaces.archs import Archs
from tests.unit.predictor_cells import some_cells

REVERSED = ["conv3x3", "conv1x1", "maxpool3x3"]


def test_operations_with_more_weights_have_larger_numbers():
    number = dict(zip(nasbench101.OP_NAMES, op_numbers("nasbench101").tolist(), strict=True))
    assert number == {"none": 0, "input": 1, "maxpool3x3": 2, "conv1x1": 3, "conv3x3": 4, "output": 5}
    number = dict(zip(nasbench201.OP_NAMES, op_numbers("nasbench201").tolist(), strict=True))
    expected = {"avg_pool_3x3": 1, "skip_connect": 2, "nor_conv_1x1": 3, "nor_conv_3x3": 4}
    assert number == {"none": 0, **expected}


@pytest.mark.parametrize("name", ["nasbench101", "nasbench101_skip", "nasbench201", "darts"])
def test_each_operation_has_a_number_of_its_own(name):
    numbers = op_numbers(name)
    assert sorted(numbers) == list(range(load(name).N_OPS))
    assert (numbers == op_numbers(name, FEWEST_WEIGHTS_FIRST[base(name)])).all()


@pytest.mark.parametrize("name", ["nasbench201", "darts"])
def test_the_order_is_that_of_the_weights_of_a_network(name):
    """Weights of each operation, by regression over random networks."""
    space, rng = load(name), np.random.default_rng(0)
    archs = space.sample(400, rng)
    ones = (archs.ops.reshape(400, -1, 1) == np.arange(1, space.N_OPS)).sum(axis=1)
    weights, *_ = np.linalg.lstsq(np.c_[ones, np.ones(400)], space.params(archs), rcond=None)
    number = op_numbers(name)[1:].astype(int)
    by_number = np.round(weights[:-1][np.argsort(number)] / weights[:-1].max(), 3)
    assert (np.diff(by_number) >= -0.03).all() and by_number[-1] == 1


def test_an_order_is_the_users():
    numbers = op_numbers("nasbench101", REVERSED)
    assert numbers[nasbench101.CONV3X3] == 2 and numbers[nasbench101.OP_NAMES.index("maxpool3x3")] == 4


@pytest.mark.parametrize("order", [[], ["conv3x3"], [*REVERSED, "conv1x1"], ["conv3x3", "conv1x1", "pool"]])
def test_an_order_has_every_operation_once(order):
    with pytest.raises(ConfigError, match="op_order: .*each operation of nasbench101 once.*conv3x3, conv1x1"):
        op_numbers("nasbench101", order)


def test_codes_of_dartss_inputs_and_output_stay():
    numbers = numbers_of_codes("darts")
    assert sorted(numbers) == list(range(matrix_shape("darts").codes))
    assert (numbers[darts.N_OPS :] == np.arange(darts.N_OPS, len(numbers))).all()


def test_the_tensors_types_and_the_assessors_matrices_follow_the_order():
    cells = some_cells(60)
    canonical = nasbench101.from_key(nasbench101.cell_key(cells))
    for order in (None, REVERSED):
        number = op_numbers("nasbench101", order)
        shown = renas.Predictor.views(renas.Settings(op_order=order), cells, None)[0]
        np.testing.assert_array_equal(shown[:, 0], cells.adj * number[cells.ops][:, None])
        np.testing.assert_array_equal(shown[:, 1:], renas_tensor(cells)[:, 1:])
        rows = e2epp.Predictor.features_of(e2epp.Settings(op_order=order), None, "cpu").of(cells)
        np.testing.assert_array_equal(rows.reshape(shown.shape), shown)
        known = Cells(cells, ssa.Settings(op_order=order), "cpu")
        entries = known.features(torch.arange(60)) * known.scale[1]
        np.testing.assert_allclose(entries[:, 0], canonical.adj * number[canonical.ops][:, None], atol=1e-5)
        tensors = Cells(cells, ssa.Settings(matrix="tensor", op_order=order), "cpu")
        types = tensors.features(torch.arange(60))[:, 0] * tensors.scale[1][0] + tensors.scale[0][0]
        np.testing.assert_allclose(types, canonical.adj * number[canonical.ops][:, None], atol=1e-5)


def test_channels_have_no_order():
    cells = some_cells(20)
    shown = [
        Cells(cells, ssa.Settings(matrix="one_hot", op_order=order), "cpu").features(torch.arange(20))
        for order in (None, REVERSED)
    ]
    assert torch.equal(*shown) and operation_matrices(cells).max() == 5


def test_a_wrong_order_is_told_by_the_predictors():
    cells, labels = some_cells(40), np.linspace(0.8, 0.9, 40)
    for method in (renas, ssa, e2epp):
        with pytest.raises(ConfigError, match="op_order"):
            method.Predictor(method.Settings(op_order=["conv3x3"])).fit(cells, labels)
    with pytest.raises(ConfigError, match="op_order"):
        ssa.Predictor(ssa.Settings(matrix="one_hot", op_order=["conv3x3"])).fit(cells, labels)
    with pytest.raises(ConfigError, match="nasbench201"):
        renas_tensor(Archs("nasbench201", np.zeros((1, 6), np.uint8)), op_order=REVERSED)
