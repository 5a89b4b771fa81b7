"""Our own predictor: learns from comparisons, uses smoothed zero-shot scores, says how sure it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.errors import DataError, UserError
from pipeline.evaluation.measures import kendall_tau
from pipeline.job import Job
from pipeline.predictors import preference_gp
from pipeline.predictors.arc_cosine import arc_cosine
from pipeline.predictors.preference import PreferenceProcess
from pipeline.predictors.preference_gp import Predictor, Settings
from pipeline.predictors.replicates import fit_replicates
from pipeline.predictors.resources import Resources
from pipeline.predictors.smooth_scores import SmoothScores
from pipeline.spaces import darts, nasbench201
from pipeline.staleness.fingerprint import closure
from pipeline.storage.artifacts import put, put_archs, write_h5
from pipeline.zeroshot.reading import ZeroShot
from tests.unit.predictor_cells import made_up_accuracies, some_cells


def made_up(archs) -> np.ndarray:
    """The worth of a cell of NAS-Bench-201: convolutions near the output, a skip from the input."""
    worth = np.array([0, 1, 2, 3, 0.5])[archs.ops]
    return worth @ np.array([1, 1, 1, 2, 3, 3]) + 4 * (archs.ops[:, 3] == nasbench201.SKIP_CONNECT)


@pytest.fixture(scope="module")
def cells():
    return nasbench201.sample(700, np.random.default_rng(0))


@pytest.fixture(scope="module")
def scores_file(cells, tmp_path_factory) -> Path:
    """Scores of all but the last 100 cells; those of synflow are noisy, over orders of magnitude."""
    scored, generator = cells[:600], np.random.default_rng(1)
    path = tmp_path_factory.mktemp("scores") / "scores.h5"
    worth = made_up(scored) + generator.normal(size=600) * 4
    synflow = np.where(np.arange(600) % 50 == 0, np.nan, np.exp(worth))
    with write_h5(path, "zeroshot", Job("zeroshot_collect", {}), inputs=[]) as handle:
        put_archs(handle, scored)
        put(handle.require_group("arch"), "synflow", synflow)
        put(handle.require_group("arch"), "zen", np.full(600, np.nan))
    return path


def tau_of(predictor, archs, truth) -> float:
    return kendall_tau(truth, predictor.predict(archs))


def test_it_learns_in_every_space(cells):
    archs = some_cells(300)
    truth = made_up_accuracies(archs)
    assert tau_of(Predictor(Settings()).fit(archs[:60], truth[:60]), archs[60:], truth[60:]) > 0.75
    assert tau_of(Predictor(Settings()).fit(cells[:60], made_up(cells[:60])), cells, made_up(cells)) > 0.6
    archs = darts.sample(200, np.random.default_rng(2))
    truth = (archs.ops == darts.SEP_CONV_3X3).sum(axis=(1, 2)) - (archs.ops == darts.SKIP_CONNECT).sum(
        axis=(1, 2)
    )
    assert tau_of(Predictor(Settings()).fit(archs[:60], truth[:60]), archs[60:], truth[60:]) > 0.5


def test_scores_help_and_cells_need_not_be_scored(cells, scores_file):
    truth, few = made_up(cells), np.random.default_rng(3).permutation(600)[:20]
    alone = Predictor(Settings()).fit(cells[few], truth[few])
    helped = Predictor(Settings(zeroshot=["synflow"]), Resources(zeroshot=scores_file)).fit(
        cells[few], truth[few]
    )
    unscored = cells[600:], truth[600:]
    assert tau_of(helped, *unscored) > tau_of(alone, *unscored) + 0.03


def test_only_the_order_of_accuracies_counts(cells):
    truth = made_up(cells[:50])
    one = Predictor(Settings()).fit(cells[:50], truth).predict(cells)
    other = Predictor(Settings()).fit(cells[:50], np.exp(truth / 3) - 7).predict(cells)
    np.testing.assert_array_equal(one, other)


def test_replicates_are_the_same_alone_and_again(cells):
    truth = made_up(cells)
    subsets = np.stack([np.random.default_rng(k).permutation(600)[:40] for k in range(3)])
    fitted = fit_replicates("preference_gp", Settings(), Resources(), cells, truth, subsets, [1, 2, 3])
    alone = Predictor(Settings(), seed=2).fit(cells[subsets[1]], truth[subsets[1]])
    np.testing.assert_allclose(alone.predict(cells), fitted[1].predict(cells), atol=1e-3)
    again = Predictor(Settings(), seed=2).fit(cells[subsets[1]], truth[subsets[1]])
    np.testing.assert_array_equal(alone.predict(cells), again.predict(cells))
    assert alone.predict(cells[:0]).shape == (0,)


def test_the_deviation_grows_away_from_training_cells(cells):
    truth = made_up(cells)
    predictor = Predictor(Settings()).fit(cells[:80], truth[:80])
    deviation = predictor.predict_std(cells)
    assert deviation.shape == (700,) and (deviation >= 0).all()
    assert deviation[:80].mean() < 0.8 * deviation[80:].mean()
    few = Predictor(Settings()).fit(cells[:20], truth[:20]).predict_std(cells[80:])
    assert few.mean() > deviation[80:].mean()
    with pytest.raises(ValueError, match="predict_std before fit"):
        Predictor(Settings()).predict_std(cells)


def test_many_cells_are_learned_through_some_of_them(monkeypatch):
    monkeypatch.setattr("pipeline.predictors.preference.INDUCING_CELLS", 80)
    monkeypatch.setattr("pipeline.predictors.preference.COMPARED_WITH", 50)
    x = np.random.default_rng(0).normal(size=(400, 5))
    y = x[:, 0] + np.abs(x[:, 1])
    process = PreferenceProcess().fit(x[:200], np.zeros((200, 0)), y[:200], np.random.default_rng(0))
    assert kendall_tau(y[200:], process.predict(x[200:], np.zeros((200, 0)))) > 0.8


def test_the_kernel_is_that_of_random_networks():
    """Two layers of 4,000 ReLUs, seeded: what they send for two rows has the kernel's inner products."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(3, 4))
    rows, width = np.hstack([x / 2, np.ones((3, 1))]), 4000  # divided by the root of 4 features; the bias
    for _ in range(2):
        weight = generator.normal(size=(rows.shape[1], width))
        rows = np.maximum(rows @ weight, 0) * np.sqrt(2 / width)
    np.testing.assert_allclose(arc_cosine([(1.0, x)], [(1.0, x)]), rows @ rows.T, rtol=0.06)


def test_smoothed_scores_have_less_noise(cells, scores_file):
    stored, truth = ZeroShot.load(scores_file), made_up(cells)
    smooth = SmoothScores(stored, ["synflow"], preference_gp.structures_of).of(cells)[:, 0]
    raw = stored.column("synflow")
    known = np.flatnonzero(~np.isnan(raw))
    assert kendall_tau(truth[known], smooth[known]) > kendall_tau(truth[known], raw[known]) + 0.03
    assert kendall_tau(truth[600:], smooth[600:]) > 0.6  # cells that were not scored
    _, first = np.unique(nasbench201.canonical_key(cells[:600]), return_index=True)
    np.testing.assert_allclose([smooth[first].mean(), smooth[first].std()], [0, 1], atol=1e-3)


def test_bad_scores_are_refused_in_one_line(cells, scores_file):
    def predictor(metric, file=scores_file):
        return Predictor(Settings(zeroshot=[metric]), Resources(zeroshot=file))

    with pytest.raises(UserError, match="takes zero-shot scores; give their file"):
        predictor("synflow", None)
    with pytest.raises(DataError, match="no zero-shot metric 'snip'"):
        predictor("snip")
    with pytest.raises(DataError, match="no cell has a zen score"):
        predictor("zen")
    with pytest.raises(DataError, match="holds scores of nasbench201 cells, expected nasbench101"):
        predictor("synflow").fit(some_cells(20), np.arange(20.0))
    with pytest.raises(ValidationError, match="flow and counts are both false"):
        Settings(flow=False, counts=False)
    with pytest.raises(UserError, match="all equal"):
        Predictor(Settings()).fit(cells[:5], np.ones(5))


def test_its_recipe_has_the_code_that_it_runs():
    modules = set(closure(("pipeline.predictors.preference_gp",)))
    for name in ("encodings.random_flow", "encodings.graph_features", "predictors.smooth_scores"):
        assert f"pipeline.{name}" in modules
