"""Zero-shot scores as a predictor's input, as a baseline, and as a search strategy."""

from __future__ import annotations

from argparse import Namespace

import numpy as np
import pytest

from pipeline import spaces
from pipeline.benchmarks.tables import BenchmarkTable, write_table
from pipeline.errors import DataError, UserError
from pipeline.evaluation.measures import kendall_tau
from pipeline.evaluation.settings import EvaluationSettings
from pipeline.job import Job
from pipeline.predictors import command, xgboost, zeroshot_rank
from pipeline.predictors.on_scores import ScoreFeatures, ScoreInputs
from pipeline.predictors.resources import Resources
from pipeline.search import command as search_command
from pipeline.search import zeroshot_ranking
from pipeline.search.domain import Domain
from pipeline.storage.artifacts import get_table, open_h5, put, put_archs, write_h5
from pipeline.zeroshot.reading import ZeroShot

N = 200
SPACE = spaces.load("nasbench201")
CELLS = SPACE.sample(N, np.random.default_rng(0))
WORTH = np.random.default_rng(1).random(N)  # accuracies that nothing but the score `oracle` knows
SMALL = {"n_estimators": 40, "max_depth": 2}


@pytest.fixture
def scores(tmp_path):
    """Scores of all cells: one that knows, one of enormous range, one that the first ten cells lack."""
    path = tmp_path / "scores.h5"
    with write_h5(path, "zeroshot", Job("zeroshot_collect", {})) as handle:
        put_archs(handle, CELLS)
        put(handle, "arch/oracle", WORTH + 0.02 * np.random.default_rng(2).normal(size=N))
        put(handle, "arch/synflow", np.exp(200 * WORTH))
        put(handle, "arch/gaps", np.where(np.arange(N) < 10, np.nan, -WORTH))
        put(handle, "arch/none", np.full(N, np.nan))
        put(handle, "op/oracle", CELLS.ops.astype(float))
    return path


def tau_with(scores, **settings) -> float:
    made = xgboost.Predictor(xgboost.Settings(**SMALL, **settings), Resources(zeroshot=scores))
    made.fit(CELLS[:100], WORTH[:100])
    return kendall_tau(WORTH[100:], made.predict(CELLS[100:]))


def test_trees_learn_from_scores(scores):
    assert abs(tau_with(scores)) < 0.25 and tau_with(scores, zeroshot=["oracle"]) > 0.75
    assert tau_with(scores, zeroshot=["synflow", "oracle"]) > 0.75


def test_features_are_learned_from_the_training_cells_alone(scores):
    resources = Resources(zeroshot=scores)
    ranks = ScoreFeatures(ScoreInputs(zeroshot=["synflow"]), resources).fit(CELLS[20:120])
    got = ranks.of(CELLS[20:120])[:, 0]
    assert got.dtype == np.float32 and got.min() == pytest.approx(-0.99) and got.max() == pytest.approx(0.99)
    assert np.array_equal(np.argsort(got), np.argsort(WORTH[20:120]))
    best, worst = CELLS[[int(WORTH.argmax())]], CELLS[[int(WORTH.argmin())]]
    assert -1 <= ranks.of(worst)[0, 0] <= -0.99 and 0.99 <= ranks.of(best)[0, 0] <= 1
    z = ScoreFeatures(ScoreInputs(zeroshot=["oracle"], scores_as="z"), resources).fit(CELLS[20:120])
    values = ZeroShot.load(scores).arch(CELLS, ["oracle"])[:, 0]
    expected = (values - values[20:120].mean()) / values[20:120].std()
    assert np.allclose(z.of(CELLS)[:, 0], expected, atol=1e-5)


def test_missing_scores_are_refused_or_left_to_the_trees(scores):
    with pytest.raises(DataError, match=r"10 of 100 cells lack a score \(first: gaps of \|.*missing: impute"):
        tau_with(scores, zeroshot=["gaps"])
    assert tau_with(scores, zeroshot=["gaps"], missing="impute") > 0.7
    features = ScoreFeatures(ScoreInputs(zeroshot=["gaps"], missing="impute"), Resources(zeroshot=scores))
    others = SPACE.enumerate_cells()
    unscored = others[~np.isin(SPACE.cell_key(others), SPACE.cell_key(CELLS))][:4]
    assert np.isnan(features.fit(CELLS).of(unscored)).all()
    with pytest.raises(DataError, match="no training cell has a none score"):
        tau_with(scores, zeroshot=["none"], missing="impute")
    with pytest.raises(DataError, match="4 of 4 cells that were asked for were not scored"):
        ScoreFeatures(ScoreInputs(zeroshot=["oracle"]), Resources(zeroshot=scores)).fit(unscored)
    with pytest.raises(UserError, match="give their file"):
        xgboost.Predictor(xgboost.Settings(zeroshot=["oracle"]), Resources())


@pytest.mark.parametrize(("metric", "sign"), [("synflow", 1), ("gaps", -1)])
def test_the_baseline_is_the_score_itself(scores, metric, sign):
    settings = zeroshot_rank.Settings(zeroshot=metric, sign=sign)
    made = zeroshot_rank.Predictor(settings, Resources(zeroshot=scores)).fit(CELLS[:5], WORTH[:5])
    got = made.predict(CELLS)
    assert got.dtype == np.float32 and np.isfinite(got).all() and got.max() == 1
    assert np.array_equal(np.argsort(got[10:]), np.argsort(WORTH[10:]))
    assert metric == "synflow" or (got[:10] == 0).all() and (got[10:] > 0).all()


@pytest.fixture
def table(tmp_path):
    role = np.array(["held_out"] * 60 + ["labelled"] * 140)
    val = WORTH.astype(np.float32)[:, None]
    made = BenchmarkTable("b", CELLS, SPACE.cell_ids(CELLS), role, {"x/val_acc@1": val}, "x/val_acc@1", None)
    write_table(tmp_path / "table.h5", made, Job("ingest", {}))
    return tmp_path / "table.h5"


def test_the_stage_passes_scores_on_and_names_them_as_an_input(table, scores, tmp_path):
    evaluation = EvaluationSettings(n_subsets=2, n_seeds=1, ks=[5]).model_dump(mode="json")
    settings = {"benchmark": "b", "space": "nasbench201", "predictor": "p", "evaluation": evaluation}
    settings |= {"method": "xgboost", "settings": {**SMALL, "zeroshot": ["oracle"]}, "n_train": 50}
    args = Namespace(benchmark_table=table, predictor="p", n_train=50, latents=[], out=tmp_path / "p.h5")
    args.zeroshot = scores
    command.run(args, Job("predictors", settings, seed=3, device="cpu"))
    with open_h5(args.out, "predictions") as handle:
        frame = get_table(handle)
        assert "scores.h5" in handle.attrs["provenance"]
    assert kendall_tau(frame["truth"], frame["score"]) > 0.7


def search(table, scores, out, budget=30, **settings):
    made = {"benchmark": "b", "space": "nasbench201", "strategy": "s", "method": "zeroshot_ranking"}
    made |= {"settings": settings, "predictor": None, "origin": "table"}
    made |= {"budget": budget, "n_initial": 8, "n_runs": 2}
    args = Namespace(strategy="s", benchmark_table=table, surrogates=[], latents=[], out=out)
    args.space_file = args.images = args.cache = None
    args.zeroshot = scores
    search_command.run(args, Job("search", made, seed=3, device="cpu"))
    with open_h5(out, "search") as handle:
        return get_table(handle)


def test_the_strategy_takes_the_best_of_the_cells_that_have_the_score(table, scores, tmp_path):
    frame = search(table, scores, tmp_path / "s.h5", zeroshot="gaps", sign=-1)
    order = 10 + np.argsort(-WORTH[10:])
    for _, run in frame.groupby("run"):
        initial, asked = run["val_acc"][:8].to_numpy(), run["val_acc"][8:].to_numpy()
        best = [WORTH[row] for row in order if not np.isclose(initial, WORTH[row]).any()][:22]
        assert np.allclose(asked, best) and run["repeats"].max() == 0 and run["invalid"].max() == 0
    assert frame["val_acc"][8] != frame["val_acc"][30 + 8] or frame["val_acc"][0] != frame["val_acc"][30]


def test_the_strategy_says_what_is_wrong_in_one_line(table, scores, tmp_path):
    with pytest.raises(UserError, match="190 cells have a gaps score, .* too few for this budget"):
        search(table, scores, tmp_path / "s.h5", budget=200, zeroshot="gaps")
    with pytest.raises(UserError, match="give their file"):
        search(table, None, tmp_path / "s.h5", zeroshot="gaps")
    with pytest.raises(DataError, match="no zero-shot metric 'zen'"):
        search(table, scores, tmp_path / "s.h5", zeroshot="zen")
    with pytest.raises(DataError, match="expected darts"):
        domain = Domain(spaces.load("darts"), None)
        zeroshot_ranking.ranked(ZeroShot.load(scores), domain, zeroshot_ranking.Settings(zeroshot="oracle"))


def test_equal_scores_are_ordered_by_key_and_cells_outside_the_domain_left_out(scores):
    stored = ZeroShot.load(scores)
    stored._read["arch/oracle"] = np.round(WORTH, 1)
    domain = Domain(SPACE, CELLS[::2], restricted=True)
    cells, keys = zeroshot_ranking.ranked(stored, domain, zeroshot_ranking.Settings(zeroshot="oracle"))
    assert len(cells) == N // 2 and domain.validate(cells).all()
    values = stored.arch(cells, ["oracle"])[:, 0]
    assert (np.diff(values) <= 0).all() and all(
        np.all(np.diff(keys[values == v].astype(np.int64)) > 0) for v in np.unique(values)
    )
