"""How the report compares predictors: the best cells among the first K, tau by cost, looks of many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.report import theme, words
from pipeline.report.context import context_of
from pipeline.report.data import Predictions, Sources, read
from pipeline.report.predictor_comparison import MAX_LINES
from pipeline.report.sections_predictors import predictors
from tests.unit.report_file_fixtures import NASBENCH101, FileFixtures, config_of

NAMES = ("gates", "gates_plus", "gates_ees_snip", "gcn", "line_gcn", "lstm", "mlp", "renas", *"abcdef")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Predictors that are ever worse, at two sizes with three runs, on 200 cells."""
    fixtures = FileFixtures(tmp_path_factory.mktemp("run"), NASBENCH101)
    rng, truth, parts, fits = np.random.default_rng(0), np.linspace(0.9, 0.95, 200), [], []
    for i, name in enumerate(NAMES):
        for n_train in (10, 100):
            fits.append((name, n_train, 3.0 * n_train * (i + 1), False))
            for number in range(3):
                score = truth + rng.normal(scale=0.001 * (1 + i) * (2 if n_train == 10 else 1), size=200)
                columns = {"run": number, "subset": number, "truth": truth, "score": score}
                columns |= {"predictor": name, "n_train": n_train, "cell": fixtures.ids[:200]}
                parts.append(pd.DataFrame(columns))
    timed = pd.DataFrame(fits, columns=["predictor", "n_train", "seconds", "regresses"])
    timed["score_seconds"] = 1.0
    run = read(Sources(table=fixtures.table()), config_of(NASBENCH101))
    return replace(run, predictions=Predictions(pd.concat(parts, ignore_index=True), timed, [5]))


@pytest.fixture(scope="module")
def blocks(run) -> dict:
    return {block.key: block for block in predictors(context_of(run, Path("report.html"))).blocks}


def test_precision_is_the_share_of_the_best_among_the_first_k(run, blocks):
    figure = blocks["precision_by_k"]
    summary = figure.data.frame
    assert summary["n_train"].unique().tolist() == [100]  # the most labels
    assert summary["k"].unique().tolist() == [1, 2, 5, 10, 20, 50, 100]  # up to half of the cells
    frame = run.predictions.frame
    part = frame[(frame["predictor"] == "gcn") & (frame["n_train"] == 100)]
    shares = [
        len(set(one.nlargest(20, "truth")["cell"]) & set(one.nlargest(20, "score")["cell"])) / 20
        for _, one in part.groupby("run")
    ]
    row = summary[(summary["predictor"] == "gcn") & (summary["k"] == 20)].iloc[0]
    assert row["precision_mean"] == pytest.approx(np.mean(shares))
    assert row["precision_std"] == pytest.approx(np.std(shares, ddof=1)) and row["n_runs"] == 3
    drawn = [line.text for line in figure.legend]
    assert len(drawn) == MAX_LINES and drawn[0] == "GATES" and "4 predictors with lower tau" in figure.caption


def test_cost_is_the_time_of_one_run(blocks):
    costs = blocks["tau_by_cost"].data.frame
    row = costs[(costs["predictor"] == "gates_plus") & (costs["n_train"] == 100)].iloc[0]
    assert row["seconds"] == pytest.approx(200.0) and 0 < row["kendall_tau_mean"] < 1
    assert len(blocks["tau_by_cost"].panels[0].figure.data) == len(NAMES)


def test_times_that_were_not_recorded_are_left_out(run):
    fits = run.predictions.fits.assign(seconds=np.nan)
    without = replace(run, predictions=replace(run.predictions, fits=fits))
    keys = [block.key for block in predictors(context_of(without, Path("report.html"))).blocks]
    assert "tau_by_cost" not in keys and "precision_by_k" in keys


def test_sizes_far_apart_are_on_a_logarithmic_axis_with_room_for_the_legend(blocks):
    layout = blocks["predictor_tau"].panels[0].figure.layout
    assert layout.xaxis.type == "log" and list(layout.xaxis.tickvals) == [10, 100] and layout.height > 360


def test_many_predictors_look_different_and_the_same_on_every_page(run):
    many = theme.styles([*theme.FIXED, *(f"p{i}" for i in range(6))])
    named = {
        name: many[name] for name in ("gates", "gates_large", "gates_plus", "gcn", "line_gcn", "mlp", "lstm")
    }
    looks = {(style.colour, style.dash) for style in named.values()}
    points = {(style.colour, style.symbol) for style in named.values()}
    assert len(looks) == len(points) == len(named)
    names = [f"p{i}" for i in range(28)]
    assert len({(s.colour, s.dash) for s in theme.styles(names).values()}) == 28
    assert len({(s.colour, s.dash, s.symbol) for s in theme.styles([*names, "p98", "p99"]).values()}) == 30
    config = run.config | {"predictors": {name: {"method": name} for name in (*NAMES, "z")}}
    fewer = run.predictions.frame[run.predictions.frame["predictor"].isin(["gates", "f"])]
    pages = [
        context_of(
            replace(run, config=config, predictions=replace(run.predictions, frame=frame)), Path("a.html")
        )
        for frame in (run.predictions.frame, fewer)
    ]
    assert pages[0].styles["f"] == pages[1].styles["f"]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("gates_plus", "GATES++"),
        ("gates_large", "GATES large"),
        ("gates_bce", "GATES BCE"),
        ("gates_ees_grad_norm", "GATES EES grad norm"),
        ("gcn_mse", "GCN MSE"),
        ("line_gcn", "line-graph GCN"),
        ("renas_v4", "ReNAS v4"),
        ("ssa_no_graph", "SSA no graph"),
        ("gcn_global", "GCN with a global node"),
    ],
)
def test_names_of_predictors(key, text):
    assert words.name(key) == text
