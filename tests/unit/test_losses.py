"""Losses and the comparator's quick-sort."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipeline.evaluation.measures import kendall_tau
from pipeline.predictors import gates, losses
from pipeline.predictors.encoders.replicated import Replicated
from pipeline.predictors.quick_sort import mean_places, quick_sort
from pipeline.predictors.replicates import fit_replicates
from tests.unit.predictor_cells import SMALL, made_up_accuracies, some_cells

ALL = ["pairwise_hinge", "pairwise_bce", "pairwise_comparator", "listmle", "mse"]


@pytest.fixture(autouse=True)
def one_deterministic_thread():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def test_listmle_is_the_chance_of_the_true_order():
    score, truth = torch.tensor([[0.3, -1.0, 2.0]]), torch.tensor([[0.8, 0.7, 0.9]])
    loss = losses.listmle(score, truth, gates.Settings(), [])
    order = score[0, [2, 0, 1]].exp()  # best first
    chance = math.prod(float(order[k] / order[k:].sum()) for k in range(3))
    assert loss.item() == pytest.approx(-math.log(chance) / 3, rel=1e-5)


def test_listmle_in_lists_is_the_mean_over_lists():
    rng = np.random.default_rng(0)
    score, truth = (torch.as_tensor(rng.random((2, 11)), dtype=torch.float32) for _ in range(2))
    parts = [slice(0, 4), slice(4, 8)]  # three cells are left over
    each = [losses.listmle(score[:, p], truth[:, p], gates.Settings(), []) for p in parts]
    loss = losses.listmle(score, truth, gates.Settings(list_length=4), [])
    torch.testing.assert_close(loss, sum(each) / 2)
    whole = losses.listmle(score, truth, gates.Settings(list_length=400), [])
    torch.testing.assert_close(whole, losses.listmle(score, truth, gates.Settings(), []))


class Head(Replicated):
    """A comparator's head over embeddings of 3."""

    def __init__(self, mlp=(7,), replicates=2):
        super().__init__()
        generators = [torch.Generator().manual_seed(s) for s in range(replicates)]
        shape = SimpleNamespace(mlp=mlp, dropout=0.0, loss="pairwise_comparator")
        self.build_head(3, shape, generators)


@pytest.mark.parametrize("mlp", [(), (7,), (7, 5)])
def test_a_comparison_is_the_head_of_both_embeddings(mlp):
    head = Head(mlp)
    a, b = torch.randn(2, 2, 9, 3, generator=torch.Generator().manual_seed(1))
    compared = head.compare(head.sides(a)[0], head.sides(b)[1])
    torch.testing.assert_close(compared, head.score(torch.cat([a, b], dim=2)))


@pytest.mark.parametrize(
    ("loss", "phi"),
    [("pairwise_hinge", lambda d: max(0, 0.4 - d)), ("pairwise_bce", lambda d: math.log1p(math.exp(-d)))],
)
def test_pairwise_losses_are_equation_8_over_all_pairs(loss, phi):
    score = torch.tensor([[0.3, -1.0, 2.0, 0.1], [0.0, 0.2, 0.4, 0.1]])
    truth = torch.tensor([[0.8, 0.7, 0.7, 0.9], [0.1, 0.2, 0.3, 0.4]])
    for settings in (gates.Settings(margin=0.4), gates.Settings(margin=0.4, max_compare_ratio=1000)):
        generators = [torch.Generator().manual_seed(s) for s in range(2)]
        got = getattr(losses, loss)(score, truth, settings, generators)
        for r in range(2):
            gaps = [
                float(score[r, j] - score[r, i])
                for i, j in itertools.permutations(range(4), 2)
                if truth[r, i] < truth[r, j]
            ]
            exact = settings.max_compare_ratio is None
            expected = np.mean([phi(gap) for gap in gaps])
            assert got[r].item() == pytest.approx(expected, rel=1e-5 if exact else 0.1)


def test_comparator_loss_is_equation_9():
    head, z = Head(), torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(1))
    truth = torch.tensor([[0.1, 0.2, 0.2, 0.5, 0.4, 0.3]] * 2)
    settings = gates.Settings(max_compare_ratio=500, margin=0.3)
    generators = [torch.Generator().manual_seed(s) for s in range(2)]
    loss = losses.pairwise_comparator(head, z, truth, settings, generators)
    for r in range(2):
        total = []
        for i, j in itertools.permutations(range(6), 2):
            if truth[r, j] > truth[r, i]:
                pair = torch.stack([torch.cat([z[r, j], z[r, i]]), torch.cat([z[r, i], z[r, j]])])
                right, wrong = head.only(r).score(pair[None])[0].tolist()
                total.append(max(0, 0.3 - right) + max(0, 0.3 + wrong))
        assert loss[r].item() == pytest.approx(np.mean(total), rel=0.1)


def test_auxiliary_loss_leaves_out_what_is_unknown():
    model = SimpleNamespace(describe=lambda z: z)
    z = torch.tensor([[[1.0, 2.0], [3.0, 5.0]]])
    targets = torch.tensor([[[0.0, float("nan")], [3.0, 1.0]]])
    assert losses.auxiliary_loss(model, z, targets).item() == pytest.approx((1 + 0 + 16) / 3)
    assert losses.auxiliary_loss(model, z, targets * float("nan")).item() == 0


@pytest.mark.parametrize("n", [0, 1, 2, 57, 1000])
def test_quick_sort_sorts_by_a_total_order(n):
    value = np.random.default_rng(1).permutation(n)
    asked = []

    def better(a, b):
        asked.append(len(a))
        return value[a] > value[b]

    assert quick_sort(n, better, np.random.default_rng(0)).tolist() == value.tolist()
    assert sum(asked) <= 3 * n * max(1, math.log2(max(n, 2)))


def test_quick_sorts_of_no_total_order_differ_and_are_averaged():
    def better(a, b):
        return (a - b) % 3 == 1  # stone, scissors, paper

    one, two = (mean_places(90, better, 1, seed) for seed in (0, 1))
    assert sorted(one) == list(range(90)) == sorted(two) and (one != two).any()
    many = mean_places(90, better, 5, 0)
    assert many.std() < one.std() and (mean_places(90, better, 5, 0) == many).all()


@pytest.fixture(scope="module")
def cells():
    archs = some_cells(300)
    return archs, made_up_accuracies(archs)


def trained(cells, seeds, subsets, **changes):
    archs, truth = cells
    settings = gates.Settings(**{**SMALL, "lr": 3e-3, "dropout": 0.05, **changes})
    return [
        p.predict(archs[200:]) for p in fit_replicates("gates", settings, None, archs, truth, subsets, seeds)
    ]


@pytest.mark.parametrize("loss", ALL)
def test_every_loss_learns(cells, loss):
    rows = np.random.default_rng(0).permutation(200)[None, :80]
    (score,) = trained(cells, [1], rows, epochs=60, loss=loss)
    assert kendall_tau(cells[1][200:], score) > (0.3 if loss == "mse" else 0.55)


@pytest.mark.parametrize("loss", ALL)
def test_a_replicate_is_the_same_alone(cells, loss):
    """After a few steps; rounding grows with every one."""
    subsets = np.stack([np.random.default_rng(i).permutation(200)[:80] for i in range(2)])
    settings = {"epochs": 4, "loss": loss}
    together = trained(cells, [1, 2], subsets, **settings)
    (alone,) = trained(cells, [2], subsets[1:], **settings)
    if loss == "pairwise_comparator":  # places: a pair that is almost equal may change them by some
        assert kendall_tau(alone, together[1]) > 0.99 > kendall_tau(*together)
    else:
        # ranking losses do not see a shift of all scores, so rounding alone decides what it is
        shift = 0 if loss == "mse" else (alone - together[1]).mean()
        np.testing.assert_allclose(alone - shift, together[1], atol=1e-4)
        assert np.abs(together[0] - together[1]).max() > 0.02
