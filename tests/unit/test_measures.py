"""Measures against their definitions, and the draw of training subsets."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.evaluation import measures
from pipeline.evaluation.protocols import training_runs

RNG = np.random.default_rng(0)


def tau_b_by_pairs(truth, score) -> float:
    """Kendall's tau-b as its definition says: a sum over all pairs."""
    i, j = np.triu_indices(len(truth), 1)
    a, b = np.sign(truth[i] - truth[j]), np.sign(score[i] - score[j])
    return float((a * b).sum() / math.sqrt((a != 0).sum() * (b != 0).sum()))


@pytest.mark.parametrize("levels", [3, 8, 10_000])
def test_kendall_tau_is_tau_b(levels):
    truth, score = RNG.integers(levels, size=(2, 60)).astype(float)
    assert measures.kendall_tau(truth, score) == pytest.approx(tau_b_by_pairs(truth, score), abs=1e-12)


@pytest.mark.parametrize("digits", [16, 2])
def test_all_measures_of_a_million_cells_take_seconds(digits):
    truth, noise = RNG.normal(size=(2, 1_000_000))
    start = time.process_time()
    found = measures.all_measures(truth.round(digits), (truth + noise).round(digits), [10, 100])
    assert time.process_time() - start < 15  # all 5e11 pairs would take hours
    assert found["kendall_tau"] == pytest.approx(0.5, abs=0.005)  # 2 / pi * arcsin(r)
    assert found["pearson"] == pytest.approx(math.sqrt(0.5), abs=0.005)
    assert found["spearman"] == pytest.approx(6 / math.pi * math.asin(math.sqrt(0.5) / 2), abs=0.005)


def test_spearman_is_pearson_of_mean_ranks():
    truth, score = RNG.integers(6, size=(2, 50)).astype(float)
    ranks = [[np.mean(np.flatnonzero(np.sort(v) == x)) for x in v] for v in (truth, score)]
    assert measures.spearman(truth, score) == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-12)


def test_correlations_and_error():
    truth = np.array([0.1, 0.4, 0.2, 0.9])
    assert measures.spearman(truth, np.exp(9 * truth)) == pytest.approx(1)
    assert measures.pearson(truth, np.exp(9 * truth)) < 0.95
    assert measures.pearson(truth, 3 - 2 * truth) == pytest.approx(-1)
    assert measures.mse(truth, truth + 0.5) == pytest.approx(0.25)


@pytest.mark.parametrize("name", ["kendall_tau", "spearman", "pearson"])
def test_undefined_is_nan(name):
    measure = getattr(measures, name)
    assert math.isnan(measure([1.0, 2.0, 3.0], [5.0, 5.0, 5.0]))
    assert math.isnan(measure([2.0, 2.0], [1.0, 5.0]))
    assert math.isnan(measure([1.0], [1.0]))
    assert math.isnan(measure([], []))


def test_top_k_of_fewer_than_k_is_nan():
    assert math.isnan(measures.precision_at_k([1.0, 2.0], [1.0, 2.0], 3))
    assert math.isnan(measures.n_at_k([1.0, 2.0], [1.0, 2.0], 0))
    assert math.isnan(measures.mse([], []))


@pytest.mark.parametrize("name", ["kendall_tau", "spearman", "pearson", "mse"])
def test_bad_input_is_refused(name):
    with pytest.raises(ValueError, match="NaN"):
        getattr(measures, name)([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(ValueError, match="same length"):
        getattr(measures, name)([1.0, 2.0, 3.0], [1.0, 2.0])


def test_top_k_by_hand():
    truth = np.array([0.90, 0.94, 0.92, 0.93, 0.91])
    score = np.array([5.0, 1.0, 4.0, 3.0, 2.0])
    assert measures.precision_at_k(truth, score, 3) == pytest.approx(2 / 3)  # chosen 0, 2, 3; top 1, 3, 2
    assert measures.n_at_k(truth, score, 1) == 5
    assert measures.n_at_k(truth, score, 3) == 2


def test_equally_good_ones_are_all_top_and_share_the_better_rank():
    truth, score = np.array([0.9, 0.9, 0.9, 0.1]), np.array([4.0, 3.0, 2.0, 1.0])
    assert measures.precision_at_k(truth, score, 1) == 1
    assert measures.n_at_k(truth, score[::-1].copy(), 2) == 1


def test_shared_scores_count_as_the_mean_over_all_choices():
    truth = RNG.permutation(8).astype(float)
    score = np.array([3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0])
    top, rank = truth >= 5, 8 - truth
    chosen = [(0, *rest) for rest in itertools.combinations(range(1, 6), 2)]
    precision = np.mean([top[list(c)].mean() for c in chosen])
    best = np.mean([rank[list(c)].min() for c in chosen])
    for order in (np.arange(8), RNG.permutation(8)):  # the order of rows must not matter
        assert measures.precision_at_k(truth[order], score[order], 3) == pytest.approx(precision)
        assert measures.n_at_k(truth[order], score[order], 3) == pytest.approx(best)


def test_all_measures_names_its_columns():
    found = measures.all_measures(RNG.random(20), RNG.random(20), [5, 10])
    assert list(found) == [
        *("kendall_tau", "spearman", "pearson", "mse", "rmse", "r2"),
        *("precision_at_5", "precision_at_10", "n_at_5", "n_at_10"),
    ]


def test_errors_of_scores_that_only_rank_are_nan():
    truth, score = RNG.random((2, 20))
    ranked, known = (
        measures.all_measures(truth, score, [5], regresses=False),
        measures.all_measures(truth, score, [5]),
    )
    for name, value in ranked.items():
        assert math.isnan(value) if name in ("mse", "rmse", "r2") else value == known[name]
    above = measures.measures_above(truth, score, 0.5, regresses=False)
    assert math.isnan(above["rmse_above"]) and not math.isnan(above["pearson_above"])


def test_errors_by_hand():
    truth, score = np.array([0.2, 0.4, 0.9]), np.array([0.2, 0.5, 0.7])
    assert measures.rmse(truth, score) == pytest.approx(math.sqrt(0.05 / 3))
    assert measures.r2(truth, score) == pytest.approx(1 - 0.05 / (0.3**2 + 0.1**2 + 0.4**2))
    assert measures.r2(truth, np.full(3, 0.5)) == pytest.approx(0) and measures.r2(truth, truth) == 1
    assert math.isnan(measures.r2([0.5, 0.5], [0.4, 0.6])) and math.isnan(measures.rmse([], []))


def test_measures_above_leave_the_bar_itself_and_what_is_below_out():
    truth, score = np.array([0.1, 0.8, 0.9, 0.95, 0.85]), np.array([0.9, 0.0, 0.8, 0.9, 0.9])
    found = measures.measures_above(truth, score, 0.8)
    assert found["rmse_above"] == pytest.approx(math.sqrt((0.1**2 + 0.05**2 + 0.05**2) / 3))
    assert found["pearson_above"] == pytest.approx(np.corrcoef(truth[2:], score[2:])[0, 1])
    nothing = measures.measures_above(truth, score, 0.99)
    assert all(math.isnan(value) for value in nothing.values())


def test_training_runs_are_every_subset_with_every_seed():
    subsets, numbers, seeds = training_runs(50, 20, 3, 2, 7, "digits")
    assert subsets.shape == (6, 20) and subsets.dtype == np.int64
    assert numbers.tolist() == [0, 0, 1, 1, 2, 2] and seeds == seeds[:2] * 3 and seeds[0] != seeds[1]
    assert all(len(set(rows)) == 20 and rows.min() >= 0 and rows.max() < 50 for rows in subsets)
    assert np.array_equal(subsets[0], subsets[1]) and set(subsets[0]) != set(subsets[2])


def test_training_runs_of_a_smaller_size_are_part_of_the_larger():
    small, large = (training_runs(50, n, 3, 1, 7, "digits")[0] for n in (10, 30))
    assert np.array_equal(small, large[:, :10])


def test_training_runs_depend_on_seed_and_benchmark():
    same, again = (training_runs(50, 20, 1, 1, 7, "digits")[0] for _ in range(2))
    assert np.array_equal(same, again)
    assert not np.array_equal(same, training_runs(50, 20, 1, 1, 8, "digits")[0])
    assert not np.array_equal(same, training_runs(50, 20, 1, 1, 7, "other")[0])


def test_more_training_cells_than_labels_is_refused():
    with pytest.raises(UserError, match="n_train: 51 .* digits has labels of 50; lower n_train"):
        training_runs(50, 51, 1, 1, 0, "digits")
