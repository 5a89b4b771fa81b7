"""The workflow on benchmarks read from files: two spaces, one with a surrogate, no networks trained."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from pipeline.benchmarks.queries import Benchmark
from pipeline.spaces import darts, nasbench201
from tests.unit.test_add_a_predictor import printed
from tests.workflow.conftest import Project, copy_project

pytestmark = pytest.mark.workflow
CONFIG = Path(__file__).with_name("table.yaml")
SIZES = {"darts": (10, 20), "nasbench201": (10, 39)}  # what differs by benchmark
GATES = "pipeline/predictors/encoders/gates_edges.py"


def write_data(folder: Path) -> None:
    """A hundred cells of each space; the more convolutions of 3x3 the better."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    cells = nasbench201.sample(100, rng)
    good = (cells.ops == nasbench201.OP_NAMES.index("nor_conv_3x3")).sum(axis=1)
    rows = [f"{c},{50 + 5 * g + n % 3},{55 + 5 * g},{100 + n}" for n, (c, g) in
            enumerate(zip(nasbench201.cell_ids(cells), good, strict=True))]  # fmt: skip
    (folder / "bench.csv").write_text("\n".join(["arch,val,test,seconds", *rows]) + "\n")
    cells = darts.sample(100, rng)
    good = (cells.ops == darts.OP_NAMES.index("sep_conv_3x3")).sum(axis=(1, 2))
    rows = [f"{c},{0.9 + g / 200}" for c, g in zip(darts.cell_ids(cells), good, strict=True)]
    (folder / "darts.csv").write_text("\n".join(["cell,val", *rows]) + "\n")


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Project:
    """The project after a whole run on two tables; tests must leave it as they found it."""
    project = copy_project(tmp_path_factory.mktemp("tables") / "project", CONFIG)
    write_data(project.root / "data")
    project.snakemake()
    return project


def rows_of(project: Project, table: str) -> list[dict]:
    with open(project.root / "results" / "tables" / f"{table}.csv") as handle:
        return list(csv.DictReader(handle))


def test_predictors_are_trained_on_both_tables(tables):
    rows = rows_of(tables, "predictors")
    found = {(row["benchmark"], row["predictor"], int(row["n_train"])) for row in rows}
    assert found == {(b, p, n) for b, sizes in SIZES.items() for p in ("gates", "xgboost") for n in sizes}
    assert all(-1 <= float(row["kendall_tau_mean"]) <= 1 for row in rows)
    costs = rows_of(tables, "predictors_cost")
    assert [row["kendall_tau_mean"][:5] for row in costs] == [row["kendall_tau_mean"][:5] for row in rows]
    assert all(float(row["fit_seconds"]) > 0 and row["device"] in ("cpu", "cuda") for row in costs)
    assert all((row["space_seconds"] == "") == (row["benchmark"] == "darts") for row in costs)


def test_what_a_paper_prints_stands_beside_what_was_measured(tables, tmp_path):
    rows = rows_of(tables, "papers/gates")
    found = {(row["table"], row["benchmark"], row["name"], row["n"]) for row in rows}
    assert found == {(table, "nasbench201", "gates", "39") for table in "4789"}  # the one setting they share
    ours = {(r["benchmark"], r["predictor"], r["n_train"]): r for r in rows_of(tables, "predictors")}
    ours = ours["nasbench201", "gates", "39"]
    assert rows[0]["ours_mean"] == ours["kendall_tau_mean"] and rows[0]["n_test"] == ours["n_test"] == "30"
    assert float(rows[0]["paper"]) == 0.6702 and rows[0]["labels"] == "cifar10-valid/val_acc@200"
    page = (tables.root / "results/report/nasbench201.html").read_text()
    assert "GATES, Table 4: Kendall" in page and "paper 0.670" in page
    project = tables.copy(tmp_path / "project")
    project.edit(
        "pipeline/papers/numbers/gates.csv", "gates,39,kendall_tau,0.6702", "gates,39,kendall_tau,0.6703"
    )
    assert project.plan("papers") == {"paper_table": ["results/tables/papers/gates.csv"]}


def test_what_a_strategy_generates_stands_beside_what_a_paper_prints(tables, tmp_path):
    made = rows_of(tables, "semigan/nasbench201/semigan_nad")
    valid = next(row for row in made if (row["part"], row["name"]) == ("valid", "as generated"))
    assert valid["n_train"] == "20" and rows_of(tables, "papers/semigan_nad") == []  # 105 in the paper
    project = tables.copy(tmp_path / "project")
    row = "4,nasbench201,generated,semigan_nad,20,valid/as generated,0.3673,"
    project.edit("pipeline/papers/numbers/semigan_nad.csv", "paper,note\n", f"paper,note\n{row}\n")
    project.snakemake("papers")
    (found,) = rows_of(project, "papers/semigan_nad")
    assert found["ours_mean"] == valid["generated_mean"] and found["paper"] == "0.367300"
    (project.root / "results/tables/semigan/nasbench201/semigan_nad.csv").unlink()
    assert list(project.plan("generated", "papers")) == ["generate_cells", "paper_table"]


def test_searches_ask_the_table_or_the_surrogate(tables):
    rows = rows_of(tables, "search")
    last = {(r["benchmark"], r["strategy"]): r for r in rows if r["queries"] == "20"}
    assert len(last) == 7  # three on both tables, one on one of them
    for (benchmark, _), row in last.items():
        assert (row["test_acc_mean"] == "") == (benchmark == "darts")  # no test accuracy in that table
        assert (row["train_seconds_mean"] == "") == (benchmark == "darts")
    table = Benchmark(tables.root / "results" / "benchmarks" / "nasbench201.h5")
    best = float(last["nasbench201", "regularized_evolution"]["val_acc_mean"])
    assert best <= table.values(table.val_metric).max() + 1e-6
    assert float(last["nasbench201", "random"]["train_seconds_mean"]) == pytest.approx(20 * 150, rel=0.15)


def test_no_network_is_trained_and_no_space_listed(tables):
    made = {path.name for path in (tables.root / "results").iterdir()}
    assert made == {"benchmarks", "logs", "predictors", "report", "search", "surrogates", "tables"}


def test_a_finished_run_is_fresh_and_an_edited_reader_or_encoder_concerns_its_own(tables, tmp_path):
    assert tables.not_fresh() == {}
    assert tables.plan() == {}
    project = tables.copy(tmp_path / "project")
    project.edit("pipeline/benchmarks/readers/nasbench101.py", "VERSION = 1", "VERSION = 7")
    assert project.plan() == {}
    project.edit(GATES, "class GatesEdges", "x_ = 1\n\n\nclass GatesEdges")
    plan = project.plan()
    assert {f for f in plan["train_predictor"] if "xgboost" in f} == set() and len(
        plan["train_predictor"]
    ) == 4
    assert all("predictor_evolution" in f for f in plan["run_strategy"]) and "read_benchmark" not in plan
    project.edit("pipeline/benchmarks/readers/csv.py", "VERSION = 1", "VERSION = 7")
    assert len(project.plan()["read_benchmark"]) == 2


def test_a_predictor_is_one_file_and_one_line_of_configuration(tables, tmp_path):
    """The example of docs/howto/add_a_predictor.md, as printed."""
    project = tables.copy(tmp_path / "project")
    (project.root / "pipeline" / "predictors" / "nearest.py").write_text(printed("python"))
    (line,) = printed("yaml").splitlines()[1:]
    project.edit("table.yaml", "predictors:\n", f"predictors:\n{line}\n")
    outputs = [f"results/predictors/{b}/nearest/n{n}.h5" for b in SIZES for n in SIZES[b]]
    assert project.plan("predictors")["train_predictor"] == outputs
    ranking = "results/rankings/nasbench201/nearest/n39.csv"
    project.snakemake(outputs[2], ranking)
    assert (project.root / outputs[2]).exists() and outputs[2] not in project.plan("predictors")
    with open(project.root / ranking) as handle:
        assert [row["rank"] for row in csv.DictReader(handle)] == [str(n + 1) for n in range(15_625)]
    why = project.run("pipeline", "why", outputs[2], "--configfile", "table.yaml").stdout
    assert "fresh, nothing to do" in why
    project.edit("pipeline/predictors/nearest.py", "astype(np.float32)", "astype(np.float32) + 0")
    why = project.run("pipeline", "why", outputs[2], "--configfile", "table.yaml").stdout
    assert "code edited: pipeline/predictors/nearest.py" in why and "1 job would run" in why


def test_a_missing_file_is_one_line_before_any_job(tables, tmp_path):
    done = tables.snakemake(options=("--config", f"data_dir={tmp_path}"), check=False)
    text = done.stdout + done.stderr
    assert (
        done.returncode and "benchmarks.nasbench201.files: there is no official.pth or bench.csv in" in text
    )
    assert "Traceback" not in text


def test_a_broken_file_leaves_no_table(tables, tmp_path):
    project = tables.copy(tmp_path / "project")
    data = project.root / "data" / "bench.csv"
    data.write_text(data.read_text().replace(",55,", ",many,", 1))
    table = project.root / "results" / "benchmarks" / "nasbench201.h5"
    table.unlink()
    done = project.snakemake("results/benchmarks/nasbench201.h5", check=False)
    text = done.stdout + done.stderr
    assert done.returncode and "bench.csv: row" in text and "Traceback" not in text
    assert not table.exists()
