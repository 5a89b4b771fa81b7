"""After a finished run, a change makes stale exactly what it concerns."""

from __future__ import annotations

import json
import re
import time

import pytest

pytestmark = pytest.mark.workflow

GATES = [
    "results/predictors/digits101/gates/n4.h5",
    "results/predictors/digits101/gates/n8.h5",
]
LAST = {
    "predictors_table": ["results/tables/predictors.csv", "results/tables/predictors_cost.csv"],
    "search_table": ["results/tables/search.csv"],
    "write_report": ["results/report/index.html"],
}


def test_a_second_run_does_nothing_and_says_so_quickly(finished):
    before = finished.artifacts()
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        done = finished.snakemake()
        seconds.append(time.monotonic() - started)
        assert "Nothing to be done" in done.stdout + done.stderr
    assert finished.artifacts() == before
    assert min(seconds) < 5.0


def test_comments_docstrings_and_help_texts_change_nothing(fresh_copy):
    edited = 0
    for path in sorted((fresh_copy.root / "pipeline").rglob("*.py")):
        text = path.read_text()
        text = re.sub(r'^(\s*)"""(?=\S)', r'\1"""Reworded. ', text, flags=re.MULTILINE)
        path.write_text("# a new comment\n" + text + "\n# another one\n")
        edited += 1
    assert edited > 40
    assert fresh_copy.plan() == {}


def test_editing_gates_reruns_gates_and_what_depends_on_it_alone(fresh_copy):
    before = fresh_copy.artifacts()
    fresh_copy.edit("pipeline/predictors/encoders/gates.py", "torch.sigmoid(", "torch.sigmoid(1.0 * ")
    expected = {
        "train_predictor": GATES,
        "run_strategy": ["results/search/digits101/predictor_evolution.h5"],
        **LAST,
    }
    assert fresh_copy.plan() == dict(sorted(expected.items()))
    text = fresh_copy.run("pipeline", "why", "predictors", "--configfile", "tiny.yaml").stdout
    assert "code edited: pipeline/predictors/encoders/gates.py" in text
    fresh_copy.snakemake()
    after = fresh_copy.artifacts()
    changed = sorted(name for name in after if after[name] != before.get(name))
    assert changed == sorted(output for outputs in expected.values() for output in outputs)
    assert fresh_copy.plan() == {}


def test_a_search_setting_reruns_the_search_and_the_report_alone(fresh_copy):
    fresh_copy.edit("tiny.yaml", "  budget: 8", "  budget: 9")
    plan = fresh_copy.plan()
    assert plan == {
        "run_strategy": [
            f"results/search/digits101/{name}.h5"
            for name in ("predictor_evolution", "random", "regularized_evolution")
        ],
        "search_table": LAST["search_table"],
        "write_report": LAST["write_report"],
    }
    text = fresh_copy.run("pipeline", "why", "search", "--configfile", "tiny.yaml").stdout
    assert "setting budget: 8 -> 9" in text
    known = {p.name for p in (fresh_copy.root / "results/search/digits101/trained").rglob("*.h5")}
    fresh_copy.snakemake("search")
    trained = {p.name for p in (fresh_copy.root / "results/search/digits101/trained").rglob("*.h5")}
    assert known < trained  # what was trained before is kept, the newly found cells were trained


def test_a_deleted_chunk_is_trained_again_with_what_lies_downstream(fresh_copy):
    first = fresh_copy.root / "results/children/digits101/chunk_1.h5"
    content = first.read_bytes()
    first.unlink()
    plan = fresh_copy.plan()
    assert plan["train_children"] == ["results/children/digits101/chunk_1.h5"]
    assert "build_benchmark" in plan and "write_report" in plan
    assert not {"enumerate_space", "read_images", "score_cells", "join_scores"} & plan.keys()
    text = fresh_copy.run("pipeline", "why", "--configfile", "tiny.yaml").stdout
    assert "results/children/digits101/chunk_1.h5 is stale:\n  - it is not there yet" in text
    fresh_copy.snakemake("children")
    assert first.read_bytes() == content


def test_more_labelled_cells_train_only_the_new_ones(fresh_copy):
    fresh_copy.edit("tiny.yaml", "n_labelled: 8", "n_labelled: 12")
    plan = fresh_copy.plan("children")
    assert plan == {"train_children": ["results/children/digits101/chunk_3.h5"]}


def test_why_says_when_there_is_nothing_to_say(finished):
    assert "fresh, nothing to do" in finished.run("pipeline", "why", "--configfile", "tiny.yaml").stdout


def test_status_and_why_take_several_files_and_changes_as_snakemake_does(finished, tmp_path):
    over = tmp_path / "over.yaml"
    over.write_text("search: {budget: 9}\nstrategies: {random: null}\n")
    cost = "search={n_runs: 3}"
    for options in (
        ("--configfile", "tiny.yaml", over),
        ("--configfile", "tiny.yaml", over, "--config", cost),
    ):
        planned = finished.run("snakemake", "search", "-n", "--quiet", "rules", *options).stdout
        assert "run_strategy" in planned
        why = finished.run("pipeline", "why", "search", *options).stdout
        status = json.loads(
            finished.run("pipeline", "status", "search", "--json", *options, check=False).stdout
        )
        found = {one["file"]: one for one in status["artifacts"]}
        evolution = found["results/search/digits101/regularized_evolution.h5"]
        assert "setting budget: 8 -> 9" in why and "setting budget: 8 -> 9" in evolution["why"]
        assert ("setting n_runs: 2 -> 3" in why) == (cost in options)
        assert found["results/search/digits101/random.h5"]["state"] == "foreign"
