"""What the report computes: the answer and its verdict, measures, intervals, words and colours."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.measures import kendall_tau
from pipeline.report import results, theme, words
from pipeline.report.answer import answer, compare, standing
from pipeline.report.context import context_of
from pipeline.report.data import Sources, read
from pipeline.report.headline import headline
from pipeline.report.table_search import to_optimum
from tests.unit.report_fixtures import CONFIG, HELD_OUT, INITIAL, Fixtures


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return read(Fixtures(tmp_path_factory.mktemp("run")).sources(), CONFIG)


@pytest.mark.parametrize(
    ("gain", "runs", "verdict", "sentence"),
    [
        (1.0, 12, "better", "Better than random search"),
        (0.0, 12, "unclear", "Not shown to be better"),
        (-1.0, 40, "worse", "Worse than random search"),
        (0.5, 1, "unclear", "1 run of each strategy is too few"),
    ],
)
def test_the_verdict_is_honest(tmp_path, gain, runs, verdict, sentence):
    made = Fixtures(tmp_path)
    table = made.table(made.children(made.images()))
    made.test = made.val = 0.9 + 0.1 * np.random.default_rng(1).permutation(len(made.val)) / len(made.val)
    search = {
        name: made.search(name, table, runs, g)
        for name, g in (("random", 0.0), ("predictor_evolution", gain))
    }
    c = context_of(read(Sources(table=table, search=search), CONFIG), tmp_path / "index.html")
    found = headline(c)
    assert found.verdict == verdict
    assert found.sure[0].startswith(sentence), found.sure


def test_best_so_far_skips_failures_and_keeps_the_earliest_of_equals():
    nan = np.nan
    frame = pd.DataFrame({"run": [1, 0, 0, 0, 0, 1], "query": [2, 1, 2, 3, 4, 1], "cell": list("fabcde")})
    frame["val_acc"] = [0.5, nan, 0.8, 0.8, 0.7, nan]
    frame["test_acc"] = [0.1, nan, 0.2, 0.9, 0.3, nan]
    found = results.along(results.Search(frame, None))
    assert found["trained"].tolist() == [1, 2, 3, 4, 1, 2]
    assert found["best_val_acc"].tolist()[1:4] == [0.8, 0.8, 0.8] and np.isnan(found["best_val_acc"][0])
    assert found["best_test_acc"].tolist()[1:4] == [0.2, 0.2, 0.2] and found["best_test_acc"][5] == 0.1
    assert np.isnan(found["best_test_acc"][4]) and found["best_row"][5] == 0
    assert results.top_cells(found, 1)["cell"].tolist() == ["b"]


def test_shared_start_counts_the_cells_that_all_strategies_begin_with(run):
    frames = {name: results.along(search) for name, search in run.searches.items()}
    assert results.shared_start(frames) == INITIAL


def test_interval_of_paired_runs_is_of_their_differences():
    ours, theirs = np.array([0.91, 0.95, 0.90]), np.array([0.90, 0.94, 0.89])
    paired, apart = compare(ours, theirs, True), compare(ours, theirs, False)
    assert paired.difference == pytest.approx(0.01) and paired.low == pytest.approx(0.01, abs=1e-9)
    assert apart.low < 0 < apart.high


def test_predictors_are_measured_as_in_the_table(run):
    measured = results.measured(run.predictions.frame, run.predictions.ks)
    summary = results.over_runs(measured, ["predictor", "n_train"], ["kendall_tau"])
    assert (summary["n_runs"] == 9).all() and len(summary) == 9
    ranks = results.average_ranks(run.predictions.frame)
    assert ranks.groupby("predictor")["cell"].nunique().eq(HELD_OUT).all()
    assert (ranks["n_train"] == 120).all()


def test_zero_shot_tau_leaves_missing_scores_out(run):
    taus = results.zero_shot_taus(run.zeroshot, run.labels, 0).set_index(["metric", "role"])
    gaps = taus.xs("relu_logdet")["missing"]
    assert gaps["held_out"] == 3 and gaps["labelled"] == 0
    assert (taus["low"] < taus["tau"]).all() and (taus["tau"] < taus["high"]).all()


def test_tau_of_resamples_is_kendalls_tau():
    rng = np.random.default_rng(0)
    pair = rng.integers(0, 8, size=(25, 2)).astype(float)  # with ties
    drawn = rng.integers(25, size=(6, 25))
    expected = [kendall_tau(*pair[rows].T) for rows in drawn]
    assert results.tau_of_resamples(pair, drawn) == pytest.approx(expected)


def test_interval_of_many_cells_shrinks_with_their_number(monkeypatch):
    rng = np.random.default_rng(0)
    truth = rng.normal(size=900)
    pair = np.stack([truth, truth + rng.normal(size=900)], axis=1)
    whole = results._bootstrap(pair, 0, "whole")
    monkeypatch.setattr(results, "MAX_CELLS", 100)
    part = results._bootstrap(pair, 0, "part")
    assert part[0] < kendall_tau(*pair.T) < part[1]
    assert part[1] - part[0] == pytest.approx(whole[1] - whole[0], rel=0.5)


def test_standing_in_a_table():
    place = standing(pd.Series([0.5, 0.9, 0.7, np.nan, 0.7]), 0.7)
    assert (place.rank, place.n, place.best, place.regret) == (2, 4, 0.9, pytest.approx(0.2))


def test_colours_have_dark_partners_and_stay_with_their_method():
    assert set(theme.SERIES) | {theme.GREY} <= set(theme.DARK)
    alone, many = (
        theme.styles(["gates", "ssa"]),
        theme.styles(["ssa", "gates", "renas", "random", *"abcdefghij"]),
    )
    assert alone["gates"].colour == many["gates"].colour == theme.GREEN
    assert many["random"].colour == theme.GREY
    looks = [(s.colour, s.dash) for s in many.values()]
    assert len(set(looks)) == len(looks)


def test_words():
    assert words.percent(0.98765) == "98.8\u202f%" and words.percent(np.nan) == "–"
    assert (
        words.points(-0.004) == "−0.4"
        and words.points(0.0001) == "0.0"
        and words.points(0.0123, 2) == "+1.23"
    )
    assert words.number(423624) == "423\u202f624"
    assert words.spread(0.5, np.nan, 2) == "0.50" and words.spread(0.5, 0.1, 1) == "0.5 ± 0.1"
    assert words.duration(200) == "3\u202fmin 20\u202fs" and words.duration(None) == "not recorded"
    assert words.hours(4 * 3600 + 1440) == "4.4\u202fh" and words.hours(150 * 3600) == "150\u202fh"
    assert words.large(15625) == "15\u202f625" and words.large(1037664180**2) == "about 1.1 × 10¹⁸"
    assert words.name("random_forest_infonas") == "random forest on info-NAS"


def test_queries_to_the_optimum_are_a_median_over_all_runs():
    rows = [(0, 1, 0.2), (0, 2, 0.9), (1, 1, 0.9), (1, 2, 0.9), (2, 1, 0.1), (2, 2, 0.5)]
    frame = pd.DataFrame(rows, columns=["run", "trained", "best_val_acc"])
    assert to_optimum(frame, 0.9) == (pytest.approx(2 / 3), 2.0)
    share, median = to_optimum(frame[frame["run"] != 1], 0.9)
    assert share == 0.5 and np.isinf(median)


def test_the_answer_may_come_from_any_strategy_that_learns():
    rows = {"random": 0.7, "learned": 0.9, "guided": 0.8, "evolved": 0.95}
    frames = {}
    for name, best in rows.items():
        frame = pd.DataFrame({"run": [0, 1], "query": 1, "cell": [f"{name}0", f"{name}1"], "val_acc": best})
        frame = frame.assign(test_acc=np.nan, source="known", row=0, trained=1, best_val_acc=best)
        frames[name] = frame.assign(best_test_acc=np.nan)
    strategies = {
        "random": {"method": "random"},
        "learned": {"method": "bayesian"},
        "guided": {"method": "predictor_search", "predictor": "gates"},
        "evolved": {"method": "regularized_evolution"},
    }
    run = SimpleNamespace(settings={"strategies": strategies}, labels=None)
    assert answer(run, frames).strategy == "learned"
