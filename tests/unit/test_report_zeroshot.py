"""The report's section on zero-shot scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.measures import kendall_tau, spearman
from pipeline.report import figures_zeroshot, results
from pipeline.report.context import context_of
from pipeline.report.data import read
from pipeline.report.sections_zeroshot import zeroshot
from tests.unit.report_fixtures import CANDIDATES, CONFIG, HELD_OUT, LABELLED, METRICS, Fixtures


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = Fixtures(tmp_path_factory.mktemp("run"))
    return read(made.sources(), CONFIG)


@pytest.fixture(scope="module")
def section(run, tmp_path_factory):
    return zeroshot(context_of(run, tmp_path_factory.mktemp("page") / "index.html"))


def test_the_table_holds_both_correlations_counts_and_gaps(run, section):
    table = section.blocks[0]
    frame = table.data.frame.set_index(["metric", "role"])
    joined = run.zeroshot.frame.merge(run.labels.frame, on="cell", suffixes=("", "_label"))
    part = joined[joined["role_label"] == "labelled"].dropna(subset=["val_acc", "snip"])
    row = frame.loc["snip", "labelled"]
    assert row["tau"] == pytest.approx(kendall_tau(part["val_acc"], part["snip"]))
    assert row["spearman"] == pytest.approx(spearman(part["val_acc"], part["snip"]))
    assert row["n"] == LABELLED and frame.loc["relu_logdet", "held_out"]["n"] == HELD_OUT - 3
    assert frame.loc["relu_logdet", "held_out"]["missing"] == 3
    taus = [cells[1].sort for cells in table.rows]
    assert taus == sorted(taus, reverse=True) and len(table.rows) == len(METRICS)
    assert "Missing, candidates included: equal codes (3 cells: ReLU logdet)." in table.caption


def test_the_map_is_spearman_in_the_order_of_the_table(run, section):
    figure = section.blocks[1]
    frame = figure.data.frame
    scores = run.zeroshot.frame[["snip", "params"]]
    expected = spearman(scores["snip"], scores["params"])
    assert frame.set_index("metric").at["snip", "params"] == pytest.approx(expected)
    by_tau = [cells[0].sort for cells in section.blocks[0].rows]
    assert frame["metric"].tolist() == by_tau == frame.columns.tolist()[1:]
    assert f"{HELD_OUT + LABELLED + CANDIDATES} scored cells, candidates included" in figure.caption


def test_captions_say_what_was_scored_on_what(section):
    for block in section.blocks:
        assert "64 images of digits, networks of 3 cells and 8 channels" in block.caption, block.key
        assert "2 initialisations each" in block.caption and "Seed 0." in block.caption
    assert "Labels: validation accuracy on digits" in section.blocks[2].caption


def test_scores_of_enormous_range_get_a_logarithmic_axis():
    values = np.random.default_rng(0).random(200)
    assert figures_zeroshot.is_wide(np.exp(60 * values)) and not figures_zeroshot.is_wide(values)
    assert not figures_zeroshot.is_wide(np.exp(60 * values) - 2)
    frame = pd.DataFrame({"cell": "c", "role": "labelled", "val_acc": values, "synflow": np.exp(60 * values)})
    drawn = figures_zeroshot.accuracy_against_score(frame, "synflow", "synflow", str)
    assert drawn.layout.xaxis.type == "log" and len(drawn.data) == 1 and len(drawn.data[0].x) == 200


def test_a_run_without_comparable_scores_says_so(run, tmp_path):
    frame = run.zeroshot.frame.assign(**dict.fromkeys(METRICS, np.nan))
    empty = replace(run, zeroshot=replace(run.zeroshot, frame=frame))
    assert np.isnan(results.metric_correlations(empty.zeroshot)[1, 0])
    made = zeroshot(context_of(empty, tmp_path / "index.html"))
    assert made.blocks == () and made.lead.startswith("No scores")
