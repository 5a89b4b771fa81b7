"""GATES++: scores in the embedding (EES), and as a second thing to learn (ETS)."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from pydantic import ValidationError

from pipeline.config.model import check
from pipeline.errors import ConfigError, DataError, UserError
from pipeline.evaluation.measures import kendall_tau
from pipeline.job import Job
from pipeline.predictors import gates, gates_plus
from pipeline.predictors.ranking import standardised
from pipeline.predictors.replicates import fit_replicates
from pipeline.predictors.resources import Resources
from pipeline.spaces import darts, nasbench101, nasbench201
from pipeline.staleness.fingerprint import closure
from pipeline.staleness.recipes import recipe
from pipeline.storage.artifacts import put, put_archs, write_h5
from tests.unit.predictor_cells import some_cells

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"layers": 4, "hidden": 24, "operation_dim": 12, "information_dim": 12, "information_hidden": 16}
TRAINING = {"mlp": [32], "auxiliary_mlp": [16], "epochs": 30, "batch_size": 40, "lr": 3e-3}
SPACES = {"nasbench101": nasbench101, "nasbench201": nasbench201, "darts": darts}


class Scores:
    """Made-up scores: snip of an operation is what it is worth, e to the power of that; plain is noise."""

    def __init__(self, space):
        worth = np.random.default_rng(3).normal(size=space.N_OPS)
        self.space, self.worth = space, np.where(np.arange(space.N_OPS) == space.NONE, 0, worth)

    def op(self, archs, metrics):
        place = np.arange(archs.ops[0].size).reshape(archs.ops.shape[1:]) / 10  # differs within a cell, too
        values = np.where(self.worth[archs.ops] > 0, np.exp(self.worth[archs.ops] + place), 0.0)
        noise = np.sin(values * 1000) * (values > 0)
        return np.stack([{"snip": values, "plain": noise}[m] for m in metrics], axis=-1)

    def arch(self, archs, metrics):
        total = self.op(archs, ["snip"]).reshape(len(archs), -1).sum(axis=1)
        both = {"snip": total, "plain": np.where(total % 1 < 0.1, np.nan, total)}
        return np.stack([both[m] for m in metrics], axis=-1)


@pytest.fixture(autouse=True)
def one_deterministic_thread():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


@pytest.fixture(params=SPACES)
def case(request, monkeypatch):
    space = SPACES[request.param]
    archs = some_cells(300) if request.param == "nasbench101" else space.sample(300, np.random.default_rng(0))
    scores = Scores(space)
    monkeypatch.setattr(gates_plus, "_opened", lambda resources: scores)
    return SimpleNamespace(space=space, archs=archs, scores=scores, truth=scores.arch(archs, ["snip"])[:, 0])


def settings(**changes) -> gates_plus.Settings:
    return gates_plus.Settings(
        **{**SMALL, **TRAINING, "ees": ["snip", "plain"], "ets": ["snip", "plain"], **changes}
    )


def trained(case, seeds, subsets, **changes):
    done = fit_replicates("gates_plus", settings(**changes), None, case.archs, case.truth, subsets, seeds)
    return done, [p.predict(case.archs[200:]) for p in done]


ROWS = np.random.default_rng(0).permutation(200)[None, :60]


@pytest.mark.parametrize("changes", [{}, {"ets": []}, {"ees": []}, {"ees": ["snip"], "ets": ["plain"]}])
def test_each_scheme_alone_and_both_learn(case, changes):
    _, (score,) = trained(case, [1], ROWS, **changes)
    assert kendall_tau(case.truth[200:], score) > 0.4


def test_scores_of_operations_help_where_they_say_what_matters(case):
    both = trained(case, [1], ROWS, ees=["snip"], ets=[])[1][0]
    plain = gates.Settings(**SMALL, **{k: v for k, v in TRAINING.items() if k != "auxiliary_mlp"})
    alone = fit_replicates("gates", plain, None, case.archs, case.truth, ROWS, [1])[0].predict(
        case.archs[200:]
    )
    assert kendall_tau(case.truth[200:], both) > kendall_tau(case.truth[200:], alone) - 0.05


def test_the_auxiliary_head_fits_scores(case):
    (predictor,), _ = trained(case, [1], ROWS, epochs=60, ets=["snip"])
    network = predictor.network
    views = predictor.views(predictor.settings, case.archs[200:], None)
    with torch.no_grad():
        said = network.describe(network.embed(*(torch.as_tensor(v[None]) for v in views)))[0, :, 0].numpy()
    assert kendall_tau(case.truth[200:], said) > 0.4


def test_a_replicate_is_the_same_alone(case):
    subsets = np.stack([np.random.default_rng(i).permutation(200)[:60] for i in range(2)])
    _, scores = trained(case, [1, 2], subsets, epochs=3)
    _, (alone,) = trained(case, [2], subsets[1:], epochs=3)
    np.testing.assert_allclose(alone, scores[1], atol=2e-3 * scores[1].std())
    assert np.abs(scores[0] - scores[1]).max() > 0.1 * scores[1].std()


def test_without_weights_for_scores_it_is_gates(case):
    generators = [torch.Generator().manual_seed(0)]
    network = gates_plus.Predictor.encoder(settings(ets=[]), case.space, generators)
    for w_z in network.w_z:
        w_z.data.zero_()
    same = gates.Predictor.encoder(settings(), case.space, [torch.Generator().manual_seed(0)])
    views = gates_plus.Predictor.views(settings(), case.archs[:30], None)
    views = [torch.as_tensor(v[None]) for v in views]
    network.calibrate(*views)
    torch.testing.assert_close(network.embed(*views), same.embed(*views[:-1]), rtol=1e-4, atol=1e-5)


def test_scores_are_scaled_by_the_training_cells(case):
    generators = [torch.Generator().manual_seed(s) for s in (0, 1)]
    network = gates_plus.Predictor.encoder(settings(ets=[]), case.space, generators)
    views = gates_plus.Predictor.views(settings(), case.archs[:80], None)
    views = [torch.as_tensor(v.reshape(2, 40, *v.shape[1:])) for v in views]
    network.calibrate(*views)
    scaled, known = network.scaled(views[-1]), ~views[-1].isnan().flatten(1, -2)
    for r in range(2):
        values = scaled[r, :, 0][known[r, :, 0]]
        assert values.mean().abs() < 1e-4 and (values.std(correction=0) - 1).abs() < 1e-4
        assert (scaled[r][~known[r, :, 0]] == 0).all()  # an operation without parameters
        assert (scaled[r, :, 2] == known[r, :, 0]).all()


def test_targets_are_standardised_by_replicate_and_nan_stays():
    targets = np.array([[[1.0], [3.0], [np.nan]], [[5.0], [5.0], [5.0]]])
    done = standardised(targets)
    np.testing.assert_array_equal(done[0, :, 0], np.float32([-1, 1, np.nan]))
    assert (done[1] == 0).all()


def test_settings_say_what_is_needed():
    made = settings(ees=["snip"], ets=["synflow"])
    assert made.zeroshot == ["snip", "synflow"]  # what the rules give it
    assert gates_plus.Settings(**made.model_dump()) == made
    for wrong, message in (
        ({"ees": [], "ets": []}, "both empty"),
        ({"zeroshot": ["zen"]}, "leave it out"),
        ({"ees": ["snip", "snip"]}, "named once"),
    ):
        with pytest.raises(ValidationError, match=message):
            settings(**wrong)


def test_logarithms_of_negative_scores_are_refused(case):
    with pytest.raises(DataError, match="gates_plus: plain has negative scores; leave it out of log"):
        trained(case, [1], ROWS, log=["plain"])


def test_scores_are_read_from_the_file_of_the_stage(tmp_path):
    archs = nasbench201.sample(200, np.random.default_rng(0))
    scores, scored = Scores(nasbench201), archs[:150]
    with write_h5(tmp_path / "scores.h5", "zeroshot", Job("zeroshot_collect", {}), inputs=[]) as handle:
        put_archs(handle, scored)
        for metric in ("snip", "plain"):
            put(handle.require_group("arch"), metric, scores.arch(scored, [metric])[:, 0])
            put(handle.require_group("op"), metric, scores.op(scored, [metric])[..., 0])
    resources, truth = Resources({}, tmp_path / "scores.h5"), scores.arch(archs, ["snip"])[:, 0]
    predictor = gates_plus.Predictor(settings(epochs=3), resources, 1).fit(archs[:60], truth[:60])
    assert predictor.predict(archs[60:150]).shape == (90,)
    with pytest.raises(DataError, match="50 of 140 cells that were asked for were not scored") as error:
        predictor.predict(archs[60:])
    assert "\n" not in str(error.value)
    trained_only = gates_plus.Predictor(settings(epochs=3, ees=[]), resources, 1).fit(archs[:60], truth[:60])
    assert trained_only.predict(archs).shape == (200,)  # ETS needs no scores of cells that are ranked
    with pytest.raises(UserError, match="takes zero-shot scores"):
        gates_plus.Predictor(settings(), Resources(), 1).fit(archs[:60], truth[:60])


def test_a_configuration_gives_it_scores_and_its_recipe_follows_the_code_that_reads_them():
    raw = yaml.safe_load((ROOT / "configs" / "nasbench201.yaml").read_text())
    raw |= {"images": {"digits": {"source": "digits"}}, "predictors": {"plus": {"method": "gates_plus"}}}
    raw["benchmarks"]["nasbench201"]["images"] = "digits"
    raw["strategies"] = {}
    made = recipe("predictors", check(raw), benchmark="nasbench201", predictor="plus", n_train="78")
    assert "relu_logdet" in made["settings"]["settings"]["zeroshot"]
    assert "pipeline.zeroshot.reading" in closure(made["entries"])
    raw["zeroshot"] = {"metrics": ["snip"]}
    with pytest.raises(ConfigError, match="predictors.plus.zeroshot: there is no 'flops'"):
        check(raw)
