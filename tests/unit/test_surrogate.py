"""The surrogate of a benchmark, and the predictor of boosted trees."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline import spaces
from pipeline.benchmarks.readers import csv
from pipeline.benchmarks.surrogate import cross_validate, fit_surrogate, load_surrogate
from pipeline.benchmarks.surrogate_settings import SurrogateSettings
from pipeline.encodings import flat
from pipeline.encodings.flat import feature_names, flat_features
from pipeline.errors import ArtifactError, UserError
from pipeline.evaluation.measures import kendall_tau
from pipeline.predictors import xgboost as plug_in
from pipeline.predictors.replicates import fit_replicates

SMALL = SurrogateSettings(n_estimators=200, learning_rate=0.1, folds=4)
METRIC = "cifar10/val_acc@100"


def labelled(space: str, n: int, seed: int = 0):
    """Cells, and accuracies that follow from how often each operation occurs, with a little noise."""
    archs = spaces.load(space).sample(n, np.random.default_rng(seed))
    counts = [k for k, name in enumerate(feature_names(space)) if name.split(":")[-2:][0] == "n"]
    weights = np.random.default_rng(7).normal(size=len(counts))
    noise = np.random.default_rng(seed + 1).normal(size=n) * 1e-4
    return archs, 0.93 + 0.002 * flat_features(archs)[:, counts] @ weights + noise


@pytest.fixture(scope="module")
def surrogate():
    return fit_surrogate(*labelled("darts", 400), SMALL, seed=3, metric=METRIC)


def test_predicts_cells_it_has_not_seen(surrogate):
    archs, values = labelled("darts", 300, seed=5)
    predicted = surrogate.predict(archs)
    assert predicted.shape == (300,) and predicted.dtype == np.float64
    assert kendall_tau(values, predicted) > 0.75
    assert np.abs(predicted - values).mean() < 0.5 * values.std()
    assert surrogate.predict(archs[:0]).shape == (0,)


def test_saved_in_xgboosts_own_format(surrogate, tmp_path):
    import xgboost

    path, archs = tmp_path / "surrogate.ubj", labelled("darts", 50, seed=5)[0]
    surrogate.save(path)
    loaded = load_surrogate(path)
    assert (loaded.space, loaded.metric, loaded.about) == ("darts", METRIC, surrogate.about)
    np.testing.assert_array_equal(loaded.predict(archs), surrogate.predict(archs))
    model = xgboost.Booster(model_file=path)
    percent = model.predict(xgboost.DMatrix(flat_features(archs)))
    np.testing.assert_allclose(percent / 100, surrogate.predict(archs), atol=1e-6)
    about = json.loads(model.attr("nasflow"))
    assert about["settings"]["n_estimators"] == 200 and about["unit"] == "percent"


def test_same_bytes_for_any_number_of_threads(tmp_path):
    archs, values = labelled("darts", 400)
    contents = set()
    for threads in (1, 2, 4):
        fit_surrogate(archs, values, SMALL, 3, threads, METRIC).save(tmp_path / "s.ubj")
        contents.add((tmp_path / "s.ubj").read_bytes())
    assert len(contents) == 1
    other = fit_surrogate(archs, values, SMALL, 4, 1, METRIC)
    assert (other.predict(archs) != load_surrogate(tmp_path / "s.ubj").predict(archs)).any()


def test_saving_twice_gives_the_same_bytes(surrogate, tmp_path):
    surrogate.save(tmp_path / "a.part")
    load_surrogate(tmp_path / "a.part").save(tmp_path / "b.ubj")
    assert (tmp_path / "a.part").read_bytes() == (tmp_path / "b.ubj").read_bytes()


def test_damaged_files_are_refused(surrogate, tmp_path):
    path, rng = tmp_path / "s.ubj", np.random.default_rng(0)
    with pytest.raises(ArtifactError, match=r"s\.ubj: cannot be read"):
        load_surrogate(path)
    surrogate.save(path)
    content = path.read_bytes()
    for _ in range(60):
        data = bytearray(content)
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        with pytest.raises(ArtifactError, match=r"s\.ubj: .*(checksum|no surrogate)"):
            load_surrogate(path)
    for cut in rng.integers(0, len(content), 20):
        path.write_bytes(content[:cut])
        with pytest.raises(ArtifactError, match="checksum|no surrogate"):
            load_surrogate(path)


def test_models_of_others_and_of_other_features_are_refused(surrogate, tmp_path, monkeypatch):
    path = tmp_path / "s.ubj"
    surrogate.booster.save_model(path)
    with pytest.raises(ArtifactError, match="no surrogate that nasflow wrote"):
        load_surrogate(path)
    surrogate.save(path)
    monkeypatch.setattr(flat, "VERSION", 99)
    with pytest.raises(ArtifactError, match=r"version \(1, 1\), expected \(1, 99\)"):
        load_surrogate(path)


def test_other_space_is_refused(surrogate):
    with pytest.raises(UserError, match="knows cells of darts, not nasbench201"):
        surrogate.predict(labelled("nasbench201", 5)[0])


def test_bad_labels_are_refused():
    archs, values = labelled("darts", 30)
    with pytest.raises(UserError, match="1 labels are NaN"):
        fit_surrogate(archs, np.where(np.arange(30) == 3, np.nan, values), SMALL, 0)
    with pytest.raises(UserError, match="all equal"):
        fit_surrogate(archs, np.full(30, 0.9), SMALL, 0)
    with pytest.raises(UserError, match="30 different cells; 16 folds need at least 32"):
        cross_validate(archs, values, SMALL, 16, 0)
    with pytest.raises(ValueError, match="shape"):
        fit_surrogate(archs, values[:-1], SMALL, 0)


def test_cross_validation():
    archs, values = labelled("darts", 300)
    folds = cross_validate(archs, values, SMALL, 4, seed=1)
    assert list(folds) == ["fold", "n", "kendall_tau", "spearman", "r2", "mse"]
    assert folds["n"].tolist() == [75] * 4 and folds["fold"].tolist() == [0, 1, 2, 3]
    assert (folds["kendall_tau"] > 0.6).all() and (folds["spearman"] > folds["kendall_tau"]).all()
    assert (folds["r2"] < 1).all() and (folds["r2"] > 0.5).all()
    assert folds.equals(cross_validate(archs, values, SMALL, 4, seed=1, threads=2))
    # nothing to learn: held-out cells are not among the training cells
    shuffled = cross_validate(archs, np.random.default_rng(0).permutation(values), SMALL, 4, seed=1)
    assert shuffled["kendall_tau"].abs().mean() < 0.2


def test_isomorphic_cells_are_in_one_fold():
    archs, values = labelled("darts", 200)
    noise = np.random.default_rng(0).normal(size=200) / 100
    twice = type(archs).concatenate([archs, archs])
    folds = cross_validate(twice, np.tile(0.9 + noise, 2), SMALL, 4, seed=1)
    assert folds["n"].tolist() == [100] * 4
    assert folds["kendall_tau"].abs().max() < 0.4  # else the copies would give tau near 1


def test_predictor():
    archs, values = labelled("nasbench201", 300)
    settings = plug_in.Settings(n_estimators=200, targets="accuracy")
    subsets = np.stack([np.arange(0, 120), np.arange(60, 180)])
    fitted = fit_replicates("xgboost", settings, None, archs, values, subsets, [1, 2])
    rest = archs[200:]
    taus = [kendall_tau(values[200:], predictor.predict(rest)) for predictor in fitted]
    assert min(taus) > 0.7
    again = plug_in.Predictor(settings, None, 1).fit(archs[subsets[0]], values[subsets[0]])
    np.testing.assert_array_equal(again.predict(rest), fitted[0].predict(rest))
    assert again.predict(rest).dtype == np.float32
    assert abs(again.predict(rest).mean() - values.mean()) < values.std()
    ranks = plug_in.Predictor(plug_in.Settings(n_estimators=200), None, 1)
    failed = np.where(np.arange(300) % 40 == 0, 0.1, values)  # a few cells that did not train
    ranked = ranks.fit(archs[:200], failed[:200]).predict(rest)
    assert kendall_tau(values[200:], ranked) > 0.6 and -1.5 < ranked.min() < ranked.max() < 1.5
    with pytest.raises(ValueError, match="predict before fit"):
        plug_in.Predictor(settings, None).predict(rest)
    with pytest.raises(UserError, match="all equal"):
        plug_in.Predictor(settings, None).fit(archs, np.full(300, 0.5))


@pytest.mark.real_data
def test_real_rows(data_dir):
    """Trained on 1,000 of the 1,218 rows of a public surrogate's predictions, tested on the other 218."""
    given = csv.Settings(
        columns={"compact_arch": "compact_arch"}, metrics={METRIC: "val_acc_surrogate"}, unit="percent"
    )
    source = csv.read(data_dir / "nasbench301_surrogate_1218.csv.gz", given, "darts")
    values = source.metrics[METRIC][:, 0]
    order = np.random.default_rng(0).permutation(len(values))
    held, train = order[:218], order[218:]
    surrogate = fit_surrogate(source.archs[train], values[train], SurrogateSettings(), 7, metric=METRIC)
    assert kendall_tau(values[held], surrogate.predict(source.archs[held])) > 0.78
