"""Regressors on latents: what they share, each one's settings, and threads that change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.encodings.flat import flat_features
from pipeline.errors import UserError
from pipeline.evaluation.measures import kendall_tau, pearson
from pipeline.predictors import gates, gaussian_process, on_latents, random_forest, ridge, svr, xgboost
from pipeline.predictors.replicates import fit_replicates, load, regresses_accuracy
from pipeline.predictors.resources import Resources
from pipeline.predictors.targets import Ranks, mean_and_deviation
from pipeline.spaces.archs import Archs
from tests.unit.predictor_cells import made_up_accuracies, some_cells

SETTINGS = {
    "random_forest": {"n_estimators": 30},
    "gradient_boosting": {"n_estimators": 30},
    "gaussian_process": {"targets": "standardised", "length_scale": 4.0, "noise": 0.1},
    "svr": {"targets": "standardised"},
    "ridge": {},
    "xgboost": {"n_estimators": 60, "flat_encoding": False, "targets": "accuracy"},
}
FILES = {"a2v": "operations", "infonas/2": "edges"}


class MadeUpEncoder:
    """Latents that say which operation, or which edge, is where; it counts how often they are computed."""

    calls = 0

    def __init__(self, path):
        self.of_edges = str(path) == "edges"

    def embed(self, archs: Archs) -> np.ndarray:
        type(self).calls += 1
        views = archs.adj.astype(np.float32) if self.of_edges else np.eye(6, dtype=np.float32)[archs.ops]
        return views.reshape(len(archs), -1)


@pytest.fixture(autouse=True)
def encoder(monkeypatch):
    import pipeline.autoencoders.reading as reading

    monkeypatch.setattr(MadeUpEncoder, "calls", 0)
    monkeypatch.setattr(reading, "load_latents", lambda name, path, device: MadeUpEncoder(path))
    return MadeUpEncoder


@pytest.fixture(scope="module")
def cells() -> Archs:
    return some_cells()


@pytest.fixture(scope="module")
def truth(cells) -> np.ndarray:
    return made_up_accuracies(cells)


def settings_of(method: str, **changes):
    return load(method).Settings(**{"latents": "a2v", **SETTINGS[method], **changes})


def fit_three(method, cells, truth, threads=1, **changes):
    subsets = np.stack([np.random.default_rng(i).permutation(300)[:150] for i in range(3)])
    resources = Resources(FILES, threads=threads)
    return subsets, fit_replicates(
        method, settings_of(method, **changes), resources, cells[:300], truth[:300], subsets, [1, 2, 3]
    )


@pytest.mark.parametrize("method", SETTINGS)
def test_replicates_learn_from_latents_that_are_computed_once(cells, truth, encoder, method):
    subsets, fitted = fit_three(method, cells, truth)
    test = cells[300:]
    scores = [predictor.predict(test) for predictor in fitted]
    assert encoder.calls == 2  # the pool, and the cells that all three score
    assert all(s.dtype == np.float32 and kendall_tau(truth[300:], s) > 0.5 for s in scores)
    errors = [np.sqrt(np.mean((s - truth[300:]) ** 2)) for s in scores]
    assert max(errors) < 0.8 * truth[300:].std()  # they are accuracies, as a fraction
    alone = load(method).Predictor(settings_of(method), Resources(FILES), 2)
    alone.fit(cells[subsets[1]], truth[subsets[1]])
    assert alone.predict(test).tobytes() == scores[1].tobytes() != scores[0].tobytes()
    assert regresses_accuracy(method, settings_of(method))
    assert alone.predict(test[:0]).shape == (0,)


@pytest.mark.parametrize("method", SETTINGS)
def test_threads_change_nothing(cells, truth, method):
    few = [p.predict(cells[300:]) for p in fit_three(method, cells, truth)[1]]
    for threads in (2, 7):  # more than there are replicates: what is left goes to the estimators
        many = [p.predict(cells[300:]) for p in fit_three(method, cells, truth, threads)[1]]
        assert [s.tobytes() for s in many] == [s.tobytes() for s in few]


def test_rows_that_are_predicted_in_parts_are_the_same(cells, truth, monkeypatch):
    predictor = fit_three("svr", cells, truth)[1][0]
    whole = predictor.predict(cells[300:])
    monkeypatch.setattr(on_latents, "ROWS_AT_ONCE", 11)
    np.testing.assert_allclose(predictor.predict(cells[300:]), whole, rtol=1e-6)


def test_latents_of_several_autoencoders_are_joined(cells, truth):
    latents = on_latents.Latents(["infonas/2", "a2v"], Resources(FILES), "cpu")
    x = latents.of(cells)
    assert x.dtype == np.float32 and x.shape == (len(cells), 49 + 42)
    assert np.array_equal(x[:, :49].reshape(-1, 7, 7), cells.adj)
    assert np.array_equal(x[:, 49:].reshape(-1, 7, 6).argmax(axis=2), cells.ops)
    taus = {}
    for names in ("a2v", ["a2v", "infonas/2"]):
        fitted = fit_three("ridge", cells, truth, latents=names)[1]
        taus[len(names)] = np.mean([kendall_tau(truth[300:], p.predict(cells[300:])) for p in fitted])
    assert taus[2] > taus[3] + 0.05  # an edge counts in these accuracies


def test_missing_latents_are_named_at_once():
    for method in SETTINGS:
        with pytest.raises(UserError, match="latents of 'a2v', but --latents gave infonas"):
            load(method).Predictor(settings_of(method), Resources({"infonas": "x.h5"}))
    with pytest.raises(UserError, match="latents of 'a2v/3'"):
        ridge.Predictor(
            ridge.Settings(latents=["infonas", "a2v/3"]), Resources({"infonas": "x.h5", "a2v": "y"})
        )


@pytest.mark.parametrize("method", ["gaussian_process", "svr", "ridge"])
def test_standardised_targets_do_not_depend_on_the_unit(cells, truth, method):
    settings = settings_of(method, targets="standardised")
    fraction, percent = (
        load(method)
        .Predictor(settings, Resources(FILES))
        .fit(cells[:200], unit * truth[:200])
        .predict(cells[300:])
        for unit in (1, 100)
    )
    np.testing.assert_allclose(percent, 100 * fraction, rtol=1e-4)


def test_ranks_come_back_as_accuracies():
    y = np.array([0.9, 0.1, 0.94, 0.93, 0.93])
    ranks = Ranks(y)
    np.testing.assert_allclose(ranks.of(y), [-0.4, -0.8, 0.8, 0.2, 0.2])
    np.testing.assert_allclose(ranks.back(ranks.of(y)), np.maximum(y, 0.81))  # 0.9 - 3 (0.93 - 0.9)
    np.testing.assert_allclose(ranks.back(np.array([-0.6, -0.1])), [0.855, 0.915])
    beyond = ranks.back(np.array([-0.9, 0.9, 1.0]))  # a unit is 0.03
    np.testing.assert_allclose(beyond, [0.81 - 0.1 * 0.03, 0.94 + 0.1 * 0.03, 0.94 + 0.2 * 0.03])


@pytest.mark.parametrize("method", ["random_forest", "gradient_boosting"])
def test_ranks_withstand_a_training_that_diverged(cells, truth, method):
    labels, rs = truth.copy(), {}
    labels[[3, 50]] = 0.1
    for targets in ("accuracy", "ranks"):
        settings = settings_of(method, targets=targets)
        predictor = load(method).Predictor(settings, Resources(FILES), seed=1).fit(cells[:120], labels[:120])
        score = predictor.predict(cells[300:])
        rs[targets] = pearson(truth[300:], score)
        assert targets == "accuracy" or np.sqrt(np.mean((score - truth[300:]) ** 2)) < truth[300:].std()
    assert rs["accuracy"] < 0.3 and rs["ranks"] > 0.7


def test_features_without_variation_do_not_count():
    x = np.array([[1.0, 5.0], [3.0, 5.0 + 1e-9]])
    mean, deviation = mean_and_deviation(x)
    np.testing.assert_allclose((np.array([[2.0, 1000.0]]) - mean) / deviation, [[0.0, 0.0]])
    assert deviation[0] == 1


def test_standardised_latents_do_not_depend_on_the_unit(cells, truth, monkeypatch):
    settings = settings_of("svr", standardise_latents=True, gamma=0.01)
    first = svr.Predictor(settings, Resources(FILES)).fit(cells[:200], truth[:200]).predict(cells[300:])
    plain = MadeUpEncoder.embed
    monkeypatch.setattr(MadeUpEncoder, "embed", lambda self, archs: 1000 * plain(self, archs) + 5)
    other = svr.Predictor(settings, Resources(FILES)).fit(cells[:200], truth[:200]).predict(cells[300:])
    np.testing.assert_allclose(other, first, atol=1e-4)


def test_defaults_are_those_of_scikit_learn(cells, truth):
    """Thesis, section 4.4: the regressors as they come."""
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel
    from sklearn.svm import SVR
    from threadpoolctl import threadpool_limits

    x = MadeUpEncoder("operations").embed(cells)
    # cells with equal latents would make the process' equations singular: what comes out would be rounding
    rows = np.sort(np.unique(x[:200], axis=0, return_index=True)[1])
    plain = {
        "random_forest": RandomForestRegressor(random_state=3),
        "gradient_boosting": GradientBoostingRegressor(random_state=3),
        # the kernel that scikit-learn had as its default; since 1.9 it fits one
        "gaussian_process": GaussianProcessRegressor(
            ConstantKernel(1.0, "fixed") * RBF(1.0, "fixed"), random_state=3
        ),
        "svr": SVR(),
    }
    for method, estimator in plain.items():
        changes = {"n_estimators": 100} if method == "random_forest" else {}
        module = load(method)
        predictor = module.Predictor(module.Settings(latents="a2v", **changes), Resources(FILES), seed=3)
        found = predictor.fit(cells[rows], truth[rows]).predict(cells[300:])
        with threadpool_limits(limits=1):
            expected = estimator.fit(x[rows], truth[rows]).predict(x[300:])
        np.testing.assert_allclose(found, expected, rtol=1e-5, err_msg=method)


def test_an_optimised_gaussian_process_finds_its_scales(cells, truth):
    options = {"latents": "a2v", "targets": "standardised", "length_scale": 100.0, "noise": 0.5}
    rs = {}
    for optimise in (False, True):
        settings = gaussian_process.Settings(**options, optimise=optimise)
        predictor = gaussian_process.Predictor(settings, Resources(FILES), seed=1).fit(
            cells[:120], truth[:120]
        )
        rs[optimise] = pearson(truth[300:], predictor.predict(cells[300:]))
    assert rs[True] > rs[False] + 0.02


def test_a_forest_takes_a_share_or_a_number_of_features(cells, truth):
    def split_features(max_features):
        settings = settings_of("random_forest", max_features=max_features)
        return random_forest.Predictor(settings, Resources(FILES)).estimator(1).forest.max_features

    assert split_features(4) == 4 and isinstance(split_features(4), int)
    assert split_features(1) == 1.0 and isinstance(split_features(1), float)
    assert split_features(0.25) == 0.25


def test_boosted_trees_take_both_views(cells, truth):
    resources = Resources(FILES)
    flat, both, alone = (
        xgboost.Predictor(xgboost.Settings(**given), resources).features.of(cells)
        for given in ({}, {"latents": "a2v"}, {"latents": "a2v", "flat_encoding": False})
    )
    assert np.array_equal(flat, flat_features(cells))
    assert np.array_equal(both, np.hstack([flat, alone])) and alone.shape[1] == 42
    with pytest.raises(ValidationError, match="there are no features"):
        xgboost.Settings(flat_encoding=False)


def test_who_regresses_accuracy():
    assert not regresses_accuracy("gates", gates.Settings())
    assert regresses_accuracy("gates", gates.Settings(loss="mse"))
    assert not regresses_accuracy("xgboost", xgboost.Settings())
    assert regresses_accuracy("svr", svr.Settings(latents="a2v"))


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        ("random_forest", {"max_features": 0}),
        ("gradient_boosting", {"learning_rate": 0}),
        ("gaussian_process", {"noise": 0}),
        ("gaussian_process", {"kernel": "cosine"}),
        ("svr", {"C": 0}),
        ("ridge", {"alpha": -1}),
        ("ridge", {"latents": []}),
        ("ridge", {"latents": ["a2v", "a2v"]}),
        ("svr", {"n_layer": 3}),
    ],
)
def test_settings_refuse_what_cannot_be(method, wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        load(method).Settings(**{"latents": "a2v", **wrong})


def test_labels_without_a_ranking_are_refused(cells):
    with pytest.raises(UserError, match="all equal"):
        ridge.Predictor(ridge.Settings(latents="a2v"), Resources(FILES)).fit(cells[:3], [0.9, 0.9, 0.9])
    with pytest.raises(ValueError, match="svr: predict before fit"):
        svr.Predictor(svr.Settings(latents="a2v"), Resources(FILES)).predict(cells)
