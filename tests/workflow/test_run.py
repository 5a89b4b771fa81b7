"""The whole workflow on a tiny configuration: what it leaves, and what it refuses."""

from __future__ import annotations

import csv

import pytest

from tests.workflow.conftest import copy_project

pytestmark = pytest.mark.workflow

TARGETS = [
    "images",
    "children",
    "io_dataset",
    "benchmarks",
    "autoencoders",
    "zeroshot",
    "predictors",
    "search",
    "report",
]


def rows(path):
    with open(path, newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_tables_hold_every_predictor_and_strategy(finished):
    predictors = rows(finished.root / "results/tables/predictors.csv")
    names = {"gates", "random_forest_arch2vec", "random_forest_infonas"}
    assert {(r["benchmark"], r["predictor"], r["n_train"]) for r in predictors} == {
        ("digits101", name, n) for name in names for n in ("4", "8")
    }
    assert all(-1 <= float(r["kendall_tau_mean"]) <= 1 for r in predictors)
    search = rows(finished.root / "results/tables/search.csv")
    assert {r["strategy"] for r in search} == {"random", "regularized_evolution", "predictor_evolution"}
    assert {int(r["queries"]) for r in search if r["queries"] == "8"} == {8}
    for row in search:
        assert 0 <= float(row["val_acc_mean"]) <= 1 and 0 <= float(row["test_acc_mean"]) <= 1


def test_the_report_is_one_page_that_needs_nothing_else(finished):
    page = (finished.root / "results/report/index.html").read_text()
    assert page.count("<html") == 1 and "<svg" in page
    assert "Content-Security-Policy" in page and "default-src 'none'" in page  # a browser refuses any request
    assert "<script src" not in page and 'rel="stylesheet"' not in page


def test_snakemakes_own_report_has_the_page_and_the_tables_with_captions(finished, tmp_path):
    out = tmp_path / "run.html"
    finished.snakemake(options=("--report", out))
    text = out.read_text()
    for caption in (
        "What was asked, the answer and how sure it is",
        "Every predictor with every number of labels",
        "Every strategy by what it spent",
        "Every run of every autoencoder",
    ):
        assert caption in text
    for file in ("index.html", "predictors.csv", "search.csv", "autoencoders.csv"):
        assert f"results/{'report' if file == 'index.html' else 'tables'}/{file}" in text


@pytest.mark.parametrize("target", TARGETS)
def test_each_target_is_usable_alone(finished, target):
    assert finished.plan(target) == {}


def test_the_same_configuration_gives_the_same_bytes(finished, tmp_path):
    again = copy_project(tmp_path / "project")
    again.snakemake("predictors", "search", "zeroshot")
    compared = 0
    for path in sorted((again.root / "results").rglob("*")):
        if path.suffix in (".h5", ".csv") and path.name != "predictors_cost.csv":  # clock times
            other = finished.root / path.relative_to(again.root)
            assert path.read_bytes() == other.read_bytes(), f"{path.name} differs"
            compared += 1
    assert compared > 20


def test_any_artifact_is_exported_as_csv(finished, tmp_path):
    for artifact in (
        "benchmarks/digits101.h5",
        "search/digits101/random.h5",
        "children/digits101/chunk_0.h5",
    ):
        out = tmp_path / "out.csv"
        finished.run("pipeline", "export", f"results/{artifact}", "--csv", out)
        table = rows(out)
        assert table and all(len(r["cell"]) == 32 for r in table)


def test_a_stage_runs_without_snakemake_to_the_same_bytes(finished, tmp_path):
    out = tmp_path / "n4.h5"
    finished.run(
        *("pipeline", "predictors", "--configfile", "tiny.yaml", "--predictor", "gates", "--n-train", 4),
        *("--benchmark-table", "results/benchmarks/digits101.h5", "--out", out),
    )
    assert out.read_bytes() == (finished.root / "results/predictors/digits101/gates/n4.h5").read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 1", "sead: 1", "sead: unknown key"),
        ("epochs: 2  # children", "epochs: -3", "benchmarks.digits101.children.training.epochs"),
        ("predictor: gates", "predictor: gattes", "there is no 'gattes'; expected one of gates"),
        ("method: gates", "method: gattes", "unknown method 'gattes'; expected one of"),
        ("budget: 8", "budget: many", "search.budget"),
    ],
)
def test_a_broken_configuration_is_one_clear_line_before_any_job(finished, tmp_path, old, new, message):
    text = (finished.root / "tiny.yaml").read_text()
    assert old in text
    broken = tmp_path / "broken.yaml"
    broken.write_text(text.replace(old, new))
    done = finished.run("snakemake", "--cores", 1, "--configfile", broken, check=False)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if message in line]
    assert done.returncode != 0
    assert len(lines) == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_truncated_artifact_is_refused_in_one_line_and_nothing_half_written_stays(fresh_copy):
    table, made_from_it = (
        fresh_copy.root / "results/benchmarks/digits101.h5",
        "results/predictors/digits101/gates/n4.h5",
    )
    table.write_bytes(table.read_bytes()[:2000])
    done = fresh_copy.snakemake(made_from_it, options=("--forcerun", "train_predictor"), check=False)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "results/benchmarks/digits101.h5: its content is not what was written" in output
    assert "rm results/benchmarks/digits101.h5 && snakemake" in output
    assert "Traceback" not in output
    assert not list((fresh_copy.root / "results").rglob("*.part"))
    table.unlink()
    fresh_copy.snakemake(made_from_it)
    assert fresh_copy.plan(made_from_it) == {}


def test_every_command_has_help(finished):
    overview = finished.run("pipeline", "--help").stdout
    names = [line.split()[0] for line in overview.splitlines() if line.startswith("  ")]
    assert len(names) >= 15
    for name in names:
        assert "usage:" in finished.run("pipeline", name, "--help").stdout
