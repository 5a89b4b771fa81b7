"""What papers print beside what was measured: the files, the joined table, the section of the report."""

from __future__ import annotations

import argparse
import logging
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pipeline.config.model import check, merge
from pipeline.errors import ConfigError, DataError
from pipeline.job import Job
from pipeline.papers import command, printed
from pipeline.papers.generated import OWN
from pipeline.report import sections_papers
from pipeline.report.context import context_of
from pipeline.report.data import Sources, read
from pipeline.report.page import build
from pipeline.report.words import POINT
from pipeline.staleness.recipes import recipe_json
from tests.unit.report_file_fixtures import NASBENCH301, FileFixtures, config_of

ROOT = Path(__file__).resolve().parents[2]
HEAD = ",".join(printed.COLUMNS)


def configured(paper: str) -> dict:
    """The configurations of a paper, merged: those whose name begins with the paper's."""
    raw: dict = {}
    for file in sorted((ROOT / "configs/papers").glob(f"{paper}*.yaml")):
        merge(raw, yaml.safe_load(file.read_text()))
    return raw


@pytest.mark.parametrize("paper", printed.papers())
def test_the_configuration_of_a_paper_measures_what_it_prints(paper):
    raw, rows = configured(paper), printed.read(printed.file_of(paper))
    assert paper in raw["papers"]
    named = {"predictor": raw.get("predictors", {}), "strategy": raw.get("strategies", {})}
    named["generated"] = {OWN, *named["strategy"]}
    assert any(row.name in named[row.kind] and row.benchmark in raw["benchmarks"] for row in rows)


@pytest.mark.parametrize("paper", ["gates", "renas"])
def test_every_name_in_the_numbers_of_a_paper_is_configured(paper):
    config = check(configured(paper))
    for row in printed.read(printed.file_of(paper)):
        named = config.predictors if row.kind == "predictor" else config.strategies
        assert row.name in named and row.benchmark in config.benchmarks, row


def test_the_numbers_of_gates_are_those_of_its_tables():
    found = {
        (r.table, r.benchmark, r.name, r.n, r.measure): r.paper
        for r in printed.read(printed.file_of("gates"))
    }
    tau = "kendall_tau"
    assert found["4", "nasbench201", "gates", 78, tau] == 0.7571
    assert found["4", "nasbench201", "gates", 7813, tau] == 0.9258
    assert found["4", "nasbench301", "lstm", 59, tau] == 0.5689
    assert found["5", "nasbench201", "gates", 195, "n_at_10"] == 3
    assert found["6", "nasbench101", "gates_bce", 381262, tau] == 0.9042
    assert found["8", "nasbench301", "gates_ees_synflow", 59, tau] == 0.6090
    assert found["2", "nasbench101", "gcn", 381, "isomorphic_kendall_tau"] == 0.6169
    assert found["10", "nasbench201", "gates_plus", 196, "found_acc"] == 0.9371
    tables = {key[0] for key in found}
    assert tables == {"2", "4", "5", "6", "7", "8", "9", "10"} and len(found) == 354


def test_the_numbers_of_renas_are_those_of_its_tables():
    rows = printed.read(printed.file_of("renas"))
    found = {(r.table, r.benchmark, r.name, r.n, r.measure): r.paper for r in rows}
    assert found["2", "nasbench101", "renas_v4", 424, "kendall_tau"] == 0.6335
    assert found["2", "nasbench101", "e2epp", 4236, "kendall_tau"] == 0.6734
    assert found["3", "nasbench101", "renas_v1", 434, "found_acc"] == 0.9136
    assert found["4", "nasbench101_flops", "renas_v4", 434, "found_rank"] == 0.0016
    assert found["6", "nasbench101_skip", "renas_v4", 434, "found_acc"] == 0.9402
    assert {key[0] for key in found} == {"2", "3", "4", "6"}


def test_the_numbers_of_semigan_nad_are_those_of_its_tables():
    rows = printed.read(printed.file_of("semigan_nad"))
    found = {(r.table, r.benchmark, r.name, r.n, r.measure): r.paper for r in rows}
    assert found["2", "nasbench201", "random", 400, "test_acc"] == 0.9412
    assert found["3", "nasbench301", "bayesian", 192, "val_acc"] == 0.9471
    four = {key[2:]: value for key, value in found.items() if key[:2] == ("4", "nasbench101")}
    assert four["semigan_nad", 105, "valid/as generated"] == 0.3673
    assert four["semigan_nad", 105, "accuracy/validation/> 0.935"] == 0.6558
    assert four["benchmark", 105, "accuracy/test/> 0.93"] == 0.0646
    assert found["Figure 5", "nasbench101", "semigan_nad", 105, "shortest path/1"] == 0.7081
    config = check(yaml.safe_load((ROOT / "configs/papers/semigan_nad.yaml").read_text()))
    here = config.generation.on("nasbench101")  # what is compared is measured at the paper's sizes
    assert (here.n_train, here.n_generated, here.above) == (105, 5000, [0.93, 0.935])


def test_benchmarks_of_a_paper_are_those_of_the_ready_configurations():
    raw = configured("gates")
    for name in ("nasbench101", "nasbench201", "nasbench301"):
        ready = yaml.safe_load((ROOT / f"configs/{name}.yaml").read_text())["benchmarks"][name]
        here = raw["benchmarks"][name]
        for file in here["files"]:
            file.pop("split", None)
        assert {k: v for k, v in here.items() if k in ready} == ready, name


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("4,b,predictor,gates,78,kendall_tau", "line 2: 6 fields, expected 8; put a note"),
        (
            "4,b,encoder,gates,78,kendall_tau,.7,",
            "line 2: kind 'encoder', expected one of predictor, strategy, gen",
        ),
        (
            "4,b,predictor,gates,many,kendall_tau,.7,",
            "line 2: invalid literal .*; expected numbers",
        ),
        ("4,b,predictor,gates,1,t,.7,\n4,b,predictor,gates,1,t,.8,", "line 3: the same as line 2; leave one"),
    ],
)
def test_a_wrong_row_is_one_line(tmp_path, row, message):
    path = tmp_path / "some.csv"
    path.write_text(f"{HEAD}\n{row}\n")
    with pytest.raises(DataError, match=message) as error:
        printed.read(path)
    assert "\n" not in str(error.value)
    path.write_text("table,name\n")
    with pytest.raises(DataError, match="line 1: expected the columns table,benchmark,kind"):
        printed.read(path)


@pytest.fixture
def joined(tmp_path, monkeypatch):
    """Return a function: printed rows -> the table that the command writes beside a run's own."""
    monkeypatch.setattr(printed, "HERE", tmp_path)
    predictors = tmp_path / "predictors.csv"
    predictors.write_text(
        "benchmark,predictor,n_train,n_runs,kendall_tau_mean,kendall_tau_std,mse_mean,mse_std,labels,n_test\n"
        "nasbench301,gates,59,9,0.6,0.02,,,cifar10/val_acc@100,609\n"
        "nasbench301,mlp,59,1,0.3,,0.01,,cifar10/val_acc@100,609\n"
    )
    search = tmp_path / "search.csv"
    search.write_text(
        "benchmark,strategy,queries,n_runs,val_acc_mean,val_acc_std,queries_to_optimum_median\n"
        "nasbench301,random,150,20,0.94,0.001,88\n"
    )

    made = tmp_path / "semigan/nasbench301/nacg.csv"
    made.parent.mkdir(parents=True)
    made.write_text(
        "part,name,detail,generated_mean,generated_std,n_runs,benchmark,n_train\n"
        "valid,as generated,,0.75,0.1,5,,105\n"
        "accuracy,validation,> 0.93,0.5,0.05,5,0.1,105\n"
        "accuracy,test,> 0.93,,,5,,105\n"
        "contains,conv3x3,,0.9,0.01,5,0.8,105\n"
    )

    def make(*rows: str, paper: str = "some", **files) -> pd.DataFrame:
        (tmp_path / f"{paper}.csv").write_text("\n".join([HEAD, *rows]) + "\n")
        args = {"paper": paper, "predictors_table": predictors, "search_table": search, "generated": [made]}
        args |= files
        out = tmp_path / "papers" / f"{paper}.csv"
        command.run(argparse.Namespace(**args, out=out), Job("papers", {"paper": paper}, device="cpu"))
        return pd.read_csv(out)

    return make


ROWS = (
    "4,nasbench301,predictor,gates,59,kendall_tau,0.559,other cells",
    "4,nasbench301,predictor,mlp,59,kendall_tau,0.4018,",
    "7,nasbench301,strategy,random,150,val_acc,0.9431,",
    "7,nasbench301,strategy,random,150,queries_to_optimum_median,100,",
)


def test_ours_stand_beside_the_papers(joined, caplog):
    logging.getLogger("nasflow").propagate = True
    with caplog.at_level(logging.INFO, logger="nasflow"):
        table = joined(
            *ROWS,
            "4,nasbench301,predictor,gcn,59,kendall_tau,0.128,",  # not configured
            "4,nasbench301,predictor,gates,147,kendall_tau,0.6452,",  # another size
            "4,nasbench101,predictor,gates,59,kendall_tau,0.6452,",  # another benchmark
            "5,nasbench301,predictor,gates,59,n_at_5,247,",  # not asked for
            "4,nasbench301,predictor,gates,59,mse,0.1,",  # of predictors that regress
        )
    assert "this run did not measure 5 of 9 printed numbers" in caplog.text
    assert list(table.columns) == list(command.COLUMNS) and len(table) == 4
    gates, mlp, found, median = table.to_dict("records")
    assert (gates["ours_mean"], gates["ours_std"], gates["n_runs"]) == (0.6, 0.02, 9)
    assert gates["difference"] == pytest.approx(0.041) and gates["within_2sd"] is False
    assert (gates["labels"], gates["n_test"], gates["note"]) == ("cifar10/val_acc@100", 609, "other cells")
    assert mlp["difference"] == pytest.approx(-0.1018) and pd.isna(mlp["within_2sd"])
    assert found["within_2sd"] is False and found["n_runs"] == 20
    assert (median["ours_mean"], median["difference"]) == (88, -12) and pd.isna(median["ours_std"])


def test_only_what_a_table_can_have_is_a_measure(joined):
    with pytest.raises(DataError, match="some.csv: line 2: unknown measure 'tau'; predictors have kend"):
        joined("4,nasbench301,predictor,gates,59,tau,0.559,")
    assert joined("4,nasbench301,predictor,gates,59,tau,0.559,", predictors_table=None).empty
    with pytest.raises(DataError, match="no table of measures can be read from it"):
        joined(*ROWS, predictors_table=ROOT / "none.csv")
    with pytest.raises(DataError, match="has no column n_train; give the table of the stage predictors"):
        joined(*ROWS, predictors_table=ROOT / "pipeline/papers/numbers/gates.csv", search_table=None)


GENERATED = (
    "4,nasbench301,generated,nacg,105,valid/as generated,0.3673,",
    "4,nasbench301,generated,nacg,105,accuracy/validation/> 0.93,0.703,",
    "4,nasbench301,generated,benchmark,105,accuracy/validation/> 0.93,0.1549,",
    "Figure 4,nasbench301,generated,nacg,105,contains/conv3x3,0.7478,",
)


def test_shares_of_generated_cells_stand_beside_the_papers(joined, tmp_path):
    others = (
        "4,nasbench301,generated,nacg,105,accuracy/test/> 0.93,0.6299,",  # no accuracy is known
        "4,nasbench301,generated,nacg,50,valid/as generated,0.3,",  # another size
        "4,nasbench201,generated,nacg,105,valid/as generated,0.3,",
        "4,nasbench301,generated,nacg,105,accuracy/validation/> 0.5,0.3,",  # another bound
    )
    table = joined(*GENERATED, *others)
    assert table["measure"].tolist() == [row.split(",")[5] for row in GENERATED]
    valid, above, own, contains = table.to_dict("records")
    assert (valid["ours_mean"], valid["ours_std"], valid["n_runs"]) == (0.75, 0.1, 5)
    assert above["difference"] == pytest.approx(-0.203) and above["within_2sd"] is False
    assert (own["ours_mean"], own["n_runs"]) == (0.1, 1) and pd.isna(own["within_2sd"])
    assert contains["ours_mean"] == 0.9
    with pytest.raises(DataError, match="line 2: unknown measure 'validity'; generated cells have valid/as"):
        joined("4,nasbench301,generated,nacg,105,validity,0.3,")
    assert joined(*GENERATED, generated=[]).empty
    with pytest.raises(DataError, match="it has no column detail; give a table of the target generated"):
        joined(*GENERATED, generated=[tmp_path / "search.csv"])
    with pytest.raises(DataError, match="no table of generated cells can be read from it"):
        joined(*GENERATED, generated=[tmp_path / "none.csv"])


def test_the_report_shows_shares_in_percent_and_judges_only_what_is_good(joined, table, tmp_path):
    joined(*GENERATED)
    section = section_of(table, tmp_path / "papers/some.csv")
    four, figure = section.blocks
    assert four.title == "some, Table 4" and figure.title == "some, Figure 4: contains conv 3×3"
    assert [head.text for head in four.head] == ["cells", "cells as generated", f"validation > 93.0{POINT}%"]
    nacg, own = four.rows
    assert nacg[1].tone == "good" and nacg[1].text.startswith("▴ 75.0") and nacg[2].tone == "bad"
    assert own[0].text == "all of the benchmark" and own[2].text.startswith("10.0") and not own[2].tone
    assert figure.rows[0][1].tone == "" and "over 5 runs" in four.caption


def test_a_paper_is_named_and_its_numbers_are_part_of_the_recipe(monkeypatch, tmp_path):
    raw = configured("gates")
    with pytest.raises(ConfigError, match="papers: there are no numbers of 'gats'; expected some of gates"):
        check(raw | {"papers": ["gats"]})
    config = check(raw)
    before = recipe_json("papers", config, paper="gates")
    for name in ("gates.csv", "other.csv"):
        (tmp_path / name).write_text(printed.file_of("gates").read_text())
    monkeypatch.setattr(printed, "HERE", tmp_path)
    assert recipe_json("papers", config, paper="gates") == before
    (tmp_path / "other.csv").write_text("")
    assert recipe_json("papers", config, paper="gates") == before
    (tmp_path / "gates.csv").write_text(HEAD + "\n")
    assert recipe_json("papers", config, paper="gates") != before
    merge(raw, {"predictors": {"gates": {"epochs": 7}}})
    assert recipe_json("papers", check(raw), paper="gates") == recipe_json("papers", config, paper="gates")


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    return FileFixtures(tmp_path_factory.mktemp("run"), NASBENCH301).table()


def section_of(table: Path, paper: Path):
    sources = Sources(table=table, papers=[paper])
    return sections_papers.papers(
        context_of(read(sources, config_of(NASBENCH301)), table.with_name("a.html"))
    )


def test_the_report_has_a_table_for_each_of_the_papers(joined, table, tmp_path):
    joined(*ROWS, "4,nasbench301,predictor,mlp,59,mse,,paper: 0.1 of other cells")
    section = section_of(table, tmp_path / "papers/some.csv")
    assert section.lead.startswith("1 of 2 numbers are as good as printed") and "1 is worse" in section.lead
    first, second = section.blocks
    assert [head.text for head in first.head] == ["predictor", "Kendall’s tau", "mean squared error"]
    gates = first.rows[0][1]
    assert (gates.text, gates.note, gates.tone) == ("▴ 0.600 ± 0.020", "paper 0.559, +0.041", "good")
    assert first.rows[1][1].tone == "" and first.rows[0][2].text == ""
    assert (first.rows[1][2].text, first.rows[1][2].note) == ("0.01000", "paper: 0.1 of other cells")
    assert "0.1 of" not in first.caption
    assert "609 test cells (cifar10/val_acc@100)" in first.caption and "other cells" in first.caption
    random = second.rows[0]
    assert random[1].tone == "bad" and random[1].text.startswith("▾ 94.00")
    assert random[2].tone == "" and "100" in random[2].note
    assert first.data.file.endswith("papers/some.csv")


def test_small_numbers_have_the_decimals_that_tell_them_apart():
    row = {"ours_std": 0.0001, "verdict": "", "note": ""}
    rank = pd.Series({**row, "ours_mean": 0.000167, "paper": 0.0001, "difference": 0.000067})
    cell = sections_papers._cell("found_rank", rank)
    assert cell.text.startswith("0.02 ± 0.01") and cell.note.startswith("paper 0.01") and "%" in cell.note
    error = pd.Series({**row, "ours_mean": 0.00102, "paper": 0.0031, "difference": -0.00208})
    cell = sections_papers._cell("mse", error)
    assert (cell.text, cell.note) == ("0.00102 ± 0.00010", "paper 0.00310, −0.00208")


def test_numbers_of_another_benchmark_are_on_its_page(joined, table, tmp_path):
    joined(*ROWS)
    path = tmp_path / "papers/some.csv"
    path.write_text(path.read_text().replace("nasbench301", "nasbench201"))
    section = section_of(table, path)
    assert section.blocks == () and "nothing that these papers print" in section.lead
    text = build(read(Sources(table=table), config_of(NASBENCH301)), table.with_name("b.html"))
    assert "Beside the papers" not in text


def test_a_table_on_the_page_marks_what_is_worse(joined, table, tmp_path):
    joined(*ROWS)
    sources = Sources(table=table, papers=[tmp_path / "papers/some.csv"])
    text = build(read(sources, config_of(NASBENCH301)), table.with_name("c.html"))
    assert '<a href="#papers">Beside the papers</a>' in text
    assert re.search(r'<td class="number bad"[^>]*>▾ 94.00.*?<small>paper 94.31.%, −0.31</small>', text)
