"""The report of benchmarks that are read from files: nothing was trained, some have no test accuracy."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from pipeline.benchmarks.tables import load_table
from pipeline.errors import ArtifactError
from pipeline.report import words
from pipeline.report.context import context_of
from pipeline.report.data import Sources, read
from pipeline.report.headline import headline
from pipeline.report.page import build
from pipeline.report.sections_cells import SPELLINGS
from pipeline.spaces import nasbench201
from pipeline.storage.artifacts import read_provenance
from tests.unit.report_file_fixtures import (
    BUDGET,
    KINDS,
    NASBENCH101,
    NASBENCH201,
    NASBENCH301,
    RUNS,
    FileFixtures,
    config_of,
    overview_of,
)
from tests.unit.test_report import Page

POINT = words.POINT


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def sources(folder) -> dict[str, Sources]:
    return {kind.name: FileFixtures(folder, kind).sources() for kind in KINDS}


@pytest.fixture(scope="module")
def runs(sources):
    return {kind.name: read(sources[kind.name], config_of(kind)) for kind in KINDS}


@pytest.fixture(scope="module")
def texts(runs, folder) -> dict[str, str]:
    (folder / "report").mkdir()
    pages = {name: build(run, folder / f"report/{name}.html") for name, run in runs.items()}
    for name, text in pages.items():
        (folder / f"report/{name}.html").write_text(text)
    return pages


@pytest.fixture(scope="module")
def pages(texts):
    return {name: Page(text) for name, text in texts.items()}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_nothing_is_said_to_be_trained_here(kind, pages, texts):
    page = pages[kind.name]
    header = page.texts["header"]
    assert f"may query {BUDGET} of them" in header and "queried cells" in header
    assert "on CIFAR-10" in header and f"{kind.name}.csv.gz" in page.texts["labels"]
    assert "may train" not in header and " trained networks" not in texts[kind.name]
    assert not {"children", "io"} & set(page.ids)
    assert "found as query" in page.texts["cells"] and "queries to match random" in page.texts["search_end"]
    assert len(texts[kind.name].encode()) < 10_000_000


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_missing_test_accuracy_is_said_once_and_leaves_no_gaps(kind, pages):
    page = pages[kind.name]
    figures = json.loads(page.scripts["figures"])
    said = " ".join(page.texts[part] for part in ("header", "main"))
    assert said.count("no test accuracy") == (0 if kind.test else 1)
    assert "nan" not in said and "–" not in page.texts["header"] and "–" not in page.texts["search"]
    assert ("search_test_acc-0" in figures) == ("label_noise-0" in figures) == kind.test
    assert ("label_params-0" in figures) == (not kind.test)
    assert ("test accuracy, mean over runs" in page.texts["header"]) == kind.test
    assert (" test" in page.texts["drawn"]) == kind.test
    for key, figure in figures.items():
        for trace in figure["data"]:
            assert len(trace.get("x", trace.get("z", ()))) > 0, key


def test_without_test_accuracy_the_verdict_goes_by_validation(runs, tmp_path):
    c = context_of(runs["nasbench101"], tmp_path / "index.html")
    found, val = headline(c), c.answer.val
    assert c.answer.test is None and c.answer.judged is val
    assert f"{c.points(val.difference)} points of validation accuracy" in found.sure[0]
    assert f"{c.points(val.low)} to {c.points(val.high)}" in found.sure[0]
    assert found.verdict == ("better" if val.low > 0 else "worse" if val.high < 0 else "unclear")
    assert not any("–" in text for row in found.comparison for text in row)


def test_predictors_and_strategies_of_one_name_share_a_look_and_no_other_has_it(runs, tmp_path):
    run = runs["nasbench101"]
    named = {"predictors": dict.fromkeys("abd", {}), "strategies": dict.fromkeys("bc", {})}
    c = context_of(replace(run, config={**run.config, **named}), tmp_path / "index.html")
    looks = [c.styles[name] for name in "abcd"]
    assert len({(look.colour, look.dash) for look in looks}) == 4


def test_rank_and_regret_in_the_whole_table(runs, sources, pages, tmp_path):
    table = load_table(sources["nasbench201"].table)
    c = context_of(runs["nasbench201"], tmp_path / "index.html")
    best = c.answer.best
    for metric, measure in ((table.val_metric, "val_acc"), (table.test_metric, "test_acc")):
        values = table.mean(metric)
        rank = 1 + int((values > best[measure]).sum())
        assert values[table.cells.index(best["cell"])] == pytest.approx(best[measure], abs=1e-6)
        note = f"rank {words.number(rank)} of 15{POINT}625 cells of the table, "
        note += f"{words.points(values.max() - best[measure], 2, sign=False)} points below the best"
        note = note if rank > 1 else f"the best of all 15{POINT}625 cells of the table"
        assert note in pages["nasbench201"].texts["header"]
    ends = {}
    for name, search in runs["nasbench201"].searches.items():
        tops = search.frame.groupby("run")["val_acc"].max()
        ends[name] = words.points(table.mean(table.val_metric).max() - tops.mean(), 2, sign=False)
    assert all(regret in pages["nasbench201"].texts["search_end"] for regret in ends.values())


def test_training_time_that_the_benchmark_recorded(pages):
    for kind in (NASBENCH101, NASBENCH201):
        spent = words.hours(BUDGET * 3600 * kind.hours * kind.trials)
        for part in ("header", "search_end", "search"):
            assert spent in pages[kind.name].texts[part], part
    assert "training time" not in pages["nasbench301"].texts["header"]


def test_what_the_table_covers_and_what_its_cells_are_for(runs, pages):
    counts = runs["nasbench101"].labels.frame["role"].value_counts()
    text = pages["nasbench101"].texts["labels"]
    assert f"400 of the 423{POINT}624 cells of NAS-Bench-101 (0.1{POINT}%)" in text
    assert f"{counts['labelled']} to learn from and {counts['held_out']} held out" in text
    assert "100 have neither role" in text and "cifar10/val_acc@108" in text
    assert f"holds all 15{POINT}625 cells of NAS-Bench-201" in pages["nasbench201"].texts["labels"]
    assert "300 of the about 1.1 × 10¹⁸ cells of DARTS:" in pages["nasbench301"].texts["labels"]


def test_noise_between_trials(sources, runs, pages):
    table = load_table(sources["nasbench201"].table)
    noise = np.median(table.metrics[table.val_metric].astype(float).std(axis=1, ddof=1))
    assert runs["nasbench201"].labels.noise == pytest.approx(noise)
    assert f"differ by {words.points(noise, 2, sign=False)} points" in pages["nasbench201"].texts["labels"]
    assert np.isnan(runs["nasbench101"].labels.noise)
    assert "Trainings of one cell" not in pages["nasbench101"].texts["labels"]


def test_a_surrogates_answers_are_called_predictions(runs, pages):
    page, folds = pages["nasbench301"], runs["nasbench301"].surrogates["val_acc"]
    tau = words.number(folds["kendall_tau"].mean(), 2)
    assert "found a cell with a predicted" in page.texts["header"]
    assert f"not trained (Kendall’s tau {tau} in cross-validation)" in page.texts["header"]
    assert (
        f"tau is {words.spread(folds['kendall_tau'].mean(), folds['kendall_tau'].std(), 2)}"
        in (page.texts["surrogate"])
    )
    assert "predicted by a surrogate, not trained" in page.texts["search"]
    assert "rank" not in page.texts["tiles"] and "regret" not in page.texts["search_end"]
    assert "surrogate" not in pages["nasbench101"].ids


def test_what_was_queried_has_its_name(runs, folder):
    run, metric = runs["nasbench201"], "cifar10/test_acc@200"
    found = {
        name: replace(
            s,
            metric=metric,
            queried="test_acc",
            frame=s.frame.assign(val_acc=s.frame["test_acc"], test_acc=np.nan),
        )
        for name, s in run.searches.items()
    }
    page = Page(build(replace(run, searches=found), folder / "report/x.html"))
    for part in ("header", "search", "cells"):
        assert "validation" not in page.texts[part] and "test accuracy" in page.texts[part]
    assert "Test accuracy was queried: it chooses a cell and judges it" in page.texts["header"]
    assert "validation accuracy" in page.texts["labels"]


def test_points_of_a_large_table_are_sampled_and_its_file_is_linked(runs, pages):
    links = pages["nasbench201"].links
    tables = pages["nasbench201"].tables
    assert max(map(len, tables.values())) <= 3000
    points = tables["labels"]
    assert set(points["role"]) == {"labelled", "held_out"}
    assert "../benchmarks/nasbench201.h5" in links and "../benchmarks/nasbench101.h5" not in links
    assert f"3{POINT}000 of 15{POINT}625 cells drawn" in pages["nasbench201"].texts["label_noise"]


def test_a_table_alone_says_what_it_lacks(sources, folder):
    only = Sources(table=sources["nasbench101"].table)
    page = Page(build(read(only, config_of(NASBENCH101)), folder / "report/x.html"))
    assert "This table has no test accuracy." in page.texts["labels"]
    assert "How well can the accuracy of the 400 cells of NAS-Bench-101" in page.texts["header"]


def test_cells_whose_test_accuracy_is_missing_are_still_counted(sources, folder):
    run = read(replace(sources["nasbench201"], search={}, predictions=()), config_of(NASBENCH201))
    frame = run.labels.frame.copy()
    frame.loc[: len(frame) // 2, "test_acc"] = np.nan
    text = build(replace(run, labels=replace(run.labels, frame=frame)), folder / "report/x.html")
    figures, bins = json.loads(Page(text).scripts["figures"]), Page(text).tables["label_distribution"]
    assert bins[["labelled", "held_out"]].to_numpy().sum() == len(frame)
    assert "label_noise-0" in figures


def test_overview_has_a_row_and_a_link_for_each_benchmark(texts, sources, folder):
    out = overview_of(folder, KINDS, list(sources.values()))
    page = Page(out.read_text())
    assert page.links == [f"{kind.name}.html" for kind in KINDS]
    text = page.texts["main"]
    assert "NAS-Bench-301" in text and "DARTS" in text and ", predicted" in text
    assert "0.280 ± 0.01" in text or "0.28 ± 0.01" in text  # best of the third benchmark
    best = max(
        read(sources["nasbench201"], config_of(NASBENCH201)).searches.values(),
        key=lambda search: search.frame["val_acc"].max(),
    )
    assert f"{words.percent(best.frame['val_acc'].max(), 2)} validation" in text
    assert f"{BUDGET} queries a run" in text and text.count("no test accuracy") == 2
    made = read_provenance(out)
    assert made["stage"] == "report_index" and len(made["inputs"]) == 3 + 1 + 9 + 3
    (folder / "report/nasbench101.html").unlink()
    with pytest.raises(ArtifactError, match="nasbench101.html: no such page"):
        overview_of(folder, KINDS, list(sources.values()))


def test_with_several_benchmarks_a_page_leads_back_to_the_overview(sources, folder, pages):
    page = Page(build(read(sources["nasbench101"], config_of(*KINDS)), folder / "report/x.html"))
    assert "index.html" in page.links and "NAS-Bench-101" in page.texts["brand"]
    assert "index.html" not in pages["nasbench101"].links


def test_spaces_name_cells_for_tight_places(runs, tmp_path):
    for kind, length in ((NASBENCH101, 8), (NASBENCH201, 6)):
        c = context_of(runs[kind.name], tmp_path / "index.html")
        assert len(c.short(runs[kind.name].labels.frame["cell"][0])) == length
    c = context_of(runs["nasbench301"], tmp_path / "index.html")
    names = [c.short(cell) for cell in runs["nasbench301"].labels.frame["cell"]]
    assert len(set(names)) == NASBENCH301.cells and RUNS > 1


def test_regret_and_runs_at_the_optimum_along_a_search(runs, pages):
    run, table = runs["nasbench201"], pages["nasbench201"].tables["search_regret"]
    best = run.labels.frame["val_acc"].max()
    frame = run.searches["predictor_evolution"].frame
    so_far = [part.sort_values("query")["val_acc"].cummax().to_numpy() for _, part in frame.groupby("run")]
    regret, here = best - np.array(so_far), table[table["strategy"] == "predictor_evolution"]
    assert here["trained"].tolist() == list(range(1, BUDGET + 1))
    assert here["regret_mean"].to_numpy() == pytest.approx(regret.mean(axis=0), abs=1e-6)
    assert here["reached"].to_numpy() == pytest.approx((regret <= 0).mean(axis=0))
    assert (
        "search_regret" in pages["nasbench101"].tables and "search_regret" not in pages["nasbench301"].tables
    )


def test_found_cells_stand_next_to_the_benchmarks_best_and_isomorphic_ones_once(runs, pages):
    text = pages["nasbench201"].texts["cells"]
    frame = runs["nasbench201"].labels.frame
    assert "Best of NAS-Bench-201" in text and f"rank 1 of 15{POINT}625" in text
    best = frame.loc[frame["val_acc"].idxmax(), "cell"]
    assert nasbench201.short(best) in text
    tops = frame.sort_values("val_acc", ascending=False, kind="stable").head(SPELLINGS)
    archs = nasbench201.from_official(tops["cell"].tolist())
    keys = nasbench201.canonical_key(archs)
    alike = int((keys == keys[0]).sum()) - 1
    assert alike > 1 and f"and {alike} isomorphic spellings" in text
    shown = [key for k, key in enumerate(keys) if key not in keys[:k]][:4]
    assert len(shown) == 4  # four classes among the best
    assert "Best of NAS-Bench-301" in pages["nasbench301"].texts["cells"]


def test_the_index_of_cells_says_what_is_known_of_each(runs, pages):
    run, index = runs["nasbench201"], json.loads(pages["nasbench201"].scripts["cells"])
    frame = run.labels.frame.set_index("cell")
    assert len(index["names"]) == index["of"] == len(set(index["names"])) == len(frame)
    facts = {fact["label"].split(" ")[0]: fact["values"] for fact in index["facts"]}
    place = index["names"].index(frame.index[7])
    assert facts["validation"][place] == pytest.approx(frame["val_acc"].iloc[7], abs=1e-5)
    rank = 1 + (frame["val_acc"] > frame["val_acc"].iloc[7]).sum()
    assert index["facts"][2]["values"][place] == rank and index["facts"][2]["kind"] == "number"
    asked = {each["strategy"]: each["runs"] for each in index["asked"]}
    cell = run.searches["random"].frame["cell"].iloc[0]
    runs_of = run.searches["random"].frame.query("cell == @cell")["run"].nunique()
    assert asked["random search"][str(index["names"].index(cell))] == runs_of
    assert index["code"][place] == nasbench201.short(frame.index[7])
    darts = json.loads(pages["nasbench301"].scripts["cells"])
    assert len(darts["code"][0]) == 28 and darts["space"]["titles"] == ["normal cell", "reduction cell"]
    assert len(darts["names"]) > 300  # found ones, which the table does not have, too
