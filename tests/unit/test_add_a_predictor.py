"""The example of docs/howto/add_a_predictor.md is a predictor, as it is printed there."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline import plug_ins
from pipeline.config.model import check
from pipeline.errors import ConfigError, UserError
from pipeline.evaluation.measures import kendall_tau
from pipeline.predictors.replicates import fit_replicates, load, regresses_accuracy
from pipeline.predictors.resources import Resources
from pipeline.spaces import darts, nasbench201
from tests.unit.predictor_cells import made_up_accuracies, some_cells

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "howto" / "add_a_predictor.md"


def printed(language: str) -> str:
    """Return the document's first block of code in a language."""
    return re.search(rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL).group(1)


@pytest.fixture
def example(tmp_path, monkeypatch):
    """The module, as if its file lay among the predictors."""
    file = tmp_path / "nearest.py"
    file.write_text(printed("python"))
    spec = importlib.util.spec_from_file_location("pipeline.predictors.nearest", file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    find = plug_ins.plug_ins_of

    def with_the_example(package, *more):
        return [*find(package, *more), *(["nearest"] if package == "predictors" else [])]

    monkeypatch.setattr(plug_ins, "plug_ins_of", with_the_example)
    return module


def test_the_configuration_is_checked_like_any_other(example):
    raw = yaml.safe_load((DOCUMENT.parents[2] / "configs" / "nasbench201.yaml").read_text())
    named = yaml.safe_load(printed("yaml"))["predictors"]
    made = check(raw | {"predictors": raw["predictors"] | named})
    assert made.predictors["nearest"].items() >= {"method": "nearest", "k": 5}.items()
    with pytest.raises(ConfigError, match="predictors.nearest.k: Input should be greater than or equal to 1"):
        check(raw | {"predictors": raw["predictors"] | {"nearest": {"method": "nearest", "k": 0}}})


def test_it_learns_to_rank_cells_and_gives_isomorphic_ones_one_score(example):
    cells = some_cells(300)
    truth = made_up_accuracies(cells)
    settings = example.Settings(k=5)
    subsets = np.stack([np.arange(100), np.arange(50, 150)])
    fitted = fit_replicates("nearest", settings, Resources(), cells, truth, subsets, [1, 2])
    scores = [predictor.predict(cells[150:]) for predictor in fitted]
    assert all(score.dtype == np.float32 and score.shape == (150,) for score in scores)
    assert min(kendall_tau(truth[150:], score) for score in scores) > 0.5
    assert truth.min() <= scores[0].min() and scores[0].max() <= truth.max()
    again = load("nearest").Predictor(settings, seed=9).fit(cells[:100], truth[:100])
    assert np.array_equal(again.predict(cells[150:]), scores[0]) and len(again.predict(cells[:0])) == 0
    np.testing.assert_allclose(again.predict(cells[:100]), truth[:100], atol=1e-6)
    assert regresses_accuracy("nearest", settings)


@pytest.mark.parametrize("space", [nasbench201, darts])
def test_it_works_in_every_space(example, space):
    cells = space.sample(40, np.random.default_rng(0))
    labels = np.linspace(0.1, 0.9, 40)
    scores = example.Predictor(example.Settings(k=100)).fit(cells[:30], labels[:30]).predict(cells[30:])
    assert np.isfinite(scores).all() and scores.std() > 0


def test_it_refuses_what_it_cannot_learn_from(example):
    predictor = example.Predictor(example.Settings())
    with pytest.raises(ValueError, match="nearest: predict before fit"):
        predictor.predict(some_cells(3))
    with pytest.raises(UserError, match="all equal"):
        predictor.fit(some_cells(3), [0.5, 0.5, 0.5])
