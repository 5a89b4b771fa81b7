"""nasflow as a library: what docs/library.md prints, and mistakes in one line."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pipeline as nasflow
from pipeline.errors import ArtifactError, ConfigError, DataError, UserError
from tests.unit.library_cells import cells, write_benchmark, write_csv

ROOT = Path(__file__).resolve().parents[2]
METRICS = {"cifar10/val_acc@200": "accuracy"}
COLUMNS = {"arch_str": "architecture"}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with mine.csv and results/benchmarks/nasbench201.h5, and the working directory."""
    write_csv(tmp_path / "mine.csv")
    write_benchmark(tmp_path / "results/benchmarks/nasbench201.h5")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_document_runs_as_printed(folder, capsys):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/library.md").read_text(), re.DOTALL)
    known: dict = {}
    for block in blocks:
        assert len([line for line in block.splitlines() if line and not line.startswith("import")]) <= 5
        exec(compile(block, "docs/library.md", "exec"), known)  # noqa: S102
    assert len(blocks) == 6
    assert nasflow.kendall_tau(known["accuracies"][known["test"]], known["scores"]) > 0.5
    assert known["best"]["rank"].tolist() == list(range(1, 11)) and len(known["known"]) == 200
    assert (known["evolved"].groupby("run")["query"].max() == 40).all()
    assert known["labels"].attrs["provenance"]["seed"] == 7 and "200 cells, best |" in capsys.readouterr().out


def test_the_readmes_example_runs_as_printed(folder, capsys):
    write_benchmark(folder / "results/benchmarks/digits101.h5")
    block = (ROOT / "README.md").read_text().partition("## From Python\n\n```python\n")[2].partition("```")[0]
    exec(compile(block, "README.md", "exec"), {})  # noqa: S102
    assert re.search(r"^9 +10 .*\n", capsys.readouterr().out, re.MULTILINE)  # the tenth row


def test_importing_it_loads_nothing():
    code = "import sys, pipeline as n; n.open_benchmark; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
    assert {"open_benchmark", "run_search"} <= set(dir(nasflow)) and "run_search" in nasflow.__all__
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = nasflow.nonsense


def test_a_table_is_the_same_from_every_kind_of_file(folder):
    archs, accuracies = cells()
    configuration = folder / "mine.yaml"
    configuration.write_text(
        "seed: 1\nbenchmarks:\n  mine:\n    space: nasbench201\n    source: files\n    files:\n"
        "      - {reader: csv, file: mine.csv, columns: {arch_str: architecture}, "
        "metrics: {cifar10/val_acc@200: accuracy}}\n    val_metric: cifar10/val_acc@200\n"
    )
    by_arguments = nasflow.open_benchmark("mine.csv", space="nasbench201", columns=COLUMNS, metrics=METRICS)
    by_configuration = nasflow.open_benchmark("mine.csv", configfile=configuration)
    artifact = nasflow.open_benchmark("results/benchmarks/nasbench201.h5")
    for table in (by_arguments, by_configuration, artifact):
        assert np.array_equal(table.archs.ops, archs.ops)
        assert table.mean(table.val_metric) == pytest.approx(accuracies, abs=1e-6)
    assert np.array_equal(by_arguments.role, by_configuration.role) and by_arguments.name == "mine"


def test_a_search_asks_for_what_the_command_asks_for(folder):
    from pipeline.job import Job
    from pipeline.search.parts import search
    from pipeline.search.random import Settings
    from pipeline.search.settings import SearchSettings

    file = folder / "results/benchmarks/nasbench201.h5"
    given = SearchSettings(budget=12, n_initial=5, n_runs=6).model_dump()
    settings = {"benchmark": "nasbench201", "space": "nasbench201", "strategy": "random", "method": "random"}
    settings |= {"settings": Settings().model_dump(), "predictor": None, "origin": "table", **given}
    args = argparse.Namespace(benchmark_table=file, latents=[], zeroshot=None)
    theirs = search(args, Job("search", settings, seed=3)).columns
    ours = nasflow.run_search(
        nasflow.open_benchmark(file), "random", budget=12, n_initial=5, n_runs=6, seed=3
    )
    assert list(ours) == list(theirs)
    assert ours["cell"].tolist() == theirs["cell"].tolist()
    assert np.array_equal(ours["regret"], theirs["regret"], equal_nan=True) and ours["regret"].min() >= 0


def test_a_search_with_a_predictor_and_its_settings(folder):
    table = nasflow.open_benchmark("results/benchmarks/nasbench201.h5")
    predictor = {"method": "xgboost", "n_estimators": 10}
    asked = nasflow.run_search(table, "predictor_evolution", budget=30, n_initial=15, predictor=predictor)
    assert len(asked) == 30 and asked["best_val_acc"].is_monotonic_increasing


def test_predictors_are_those_of_the_workflow(folder):
    from pipeline.predictors.replicates import fit_replicates, load
    from pipeline.predictors.resources import Resources

    archs, accuracies = cells()
    ours = nasflow.make_predictor("xgboost", seed=4, n_estimators=20).fit(archs[:80], accuracies[:80])
    settings = load("xgboost").Settings(n_estimators=20)
    rows = np.arange(80)[None]
    theirs = fit_replicates("xgboost", settings, Resources(), archs, accuracies, rows, [4])[0]
    assert np.array_equal(ours.predict(archs), theirs.predict(archs))


def test_cells_and_spaces():
    archs, _ = cells(3)
    from pipeline.spaces import nasbench201

    again = nasflow.parse_cells("nasbench201", arch_str=nasbench201.cell_ids(archs))
    assert np.array_equal(again.ops, archs.ops) and len(nasflow.all_cells("nasbench201")) == 15_625


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda n: n.open_benchmark("absent.h5"), ArtifactError, "absent.h5: no such file"),
        (lambda n: n.open_benchmark("absent.bin"), DataError, "absent.bin: no such file or folder"),
        (lambda n: n.open_benchmark("mine.csv"), ConfigError, "say whose cells these are: space="),
        (
            lambda n: n.open_benchmark("mine.csv", space="nasbench201", metrics=METRICS),
            ConfigError,
            "columns: this key is missing",
        ),
        (
            lambda n: n.open_benchmark("mine.csv", space="nasbench2", columns=COLUMNS, metrics=METRICS),
            ConfigError,
            "unknown space 'nasbench2'",
        ),
        (
            lambda n: n.open_benchmark("results/benchmarks/nasbench201.h5", space="darts"),
            ConfigError,
            "leave out space",
        ),
        (lambda n: n.make_predictor("gatess"), ConfigError, "unknown method 'gatess'; expected one of"),
        (
            lambda n: n.make_predictor("gates", epoch=3),
            ConfigError,
            "make_predictor gates: epoch: unknown key",
        ),
        (lambda n: n.make_predictor("gates", threads=0), ConfigError, "threads: 0"),
        (lambda n: n.all_cells("darts"), ConfigError, "too many to be listed"),
        (lambda n: n.parse_cells("nasbench201", arch_str=["|x|"]), DataError, "is no cell"),
        (lambda n: n.parse_cells("nasbench201"), DataError, "columns of equal length"),
        (lambda n: n.read_artifact("mine.csv.gz"), ArtifactError, "no such file"),
        (lambda n: n.zero_shot_scores(cells(2)[0], "synflo"), ConfigError, "zero_shot_scores: metrics"),
    ],
)
def test_mistakes_are_one_line(folder, call, error, message):
    with pytest.raises(error) as raised:
        call(nasflow)
    assert message in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strategy": "randon"}, "unknown method 'randon'"),
        ({"budget": 1000}, "1000 is more than the 200 cells"),
        ({"budget": 5}, "budget: 5 is less than n_initial"),
        ({"strategy": "predictor_search"}, "needs predictor="),
        ({"predictor": "gates"}, "uses no predictor"),
        ({"metric": "test"}, "has no test accuracy to query"),
    ],
)
def test_mistakes_in_a_search_are_one_line(folder, arguments, message):
    table = nasflow.open_benchmark("results/benchmarks/nasbench201.h5")
    with pytest.raises(UserError) as raised:
        nasflow.run_search(table, **({"strategy": "random", "budget": 20} | arguments))
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_a_table_that_is_no_artifact_is_refused(folder):
    (folder / "empty.csv").write_text("")
    with pytest.raises(ArtifactError, match="not a CSV table"):
        nasflow.read_artifact("empty.csv")
