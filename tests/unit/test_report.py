"""The report: says what the artifacts say, stands alone, opens without errors."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from pipeline.errors import ArtifactError, UserError
from pipeline.job import Job
from pipeline.report import command, words
from pipeline.report.data import Sources, read
from pipeline.report.pack import unpacked
from pipeline.report.page import SECTIONS, build
from pipeline.storage.artifacts import read_provenance
from tests.unit.report_fixtures import BUDGET, CONFIG, RUNS, Fixtures

SECTION_KEYS = [
    "search",
    "cells",
    "find",
    "predictors",
    "labels",
    "children",
    "zeroshot",
    "autoencoders",
    "io",
    "time",
    "made",
]
FIGURES = {
    "search_val_acc": 1,
    "search_test_acc": 1,
    "predictor_tau": 1,
    "precision_by_k": 1,
    "tau_by_cost": 1,
    "predicted_ranks": 3,
    "label_distribution": 1,
    "label_noise": 1,
    "curves_val_acc": 1,
    "curves_train_loss": 1,
    "zeroshot_correlations": 1,
    "zeroshot_best": 1,
    "autoencoder_losses": 3,
    "output_losses": 4,
    "latents": 2,
    "time_by_stage": 1,
}


NOTHING = dict.fromkeys(("images", "table", "io_dataset", "zeroshot"))  # others are empty collections
GONE = {  # figures and tables that need a file
    "table": ("label_distribution", "label_noise", "latents", "zeroshot_tau", "zeroshot_best"),
    "children": ("curves_val_acc",),
    "io_dataset": (),
    "predictions": ("predictor_tau", "predictor_measures"),
    "zeroshot": ("zeroshot_tau", "zeroshot_correlations", "zeroshot_best"),
    "autoencoders": ("autoencoder_losses", "output_losses", "latents"),
}


class Page(HTMLParser):
    """What a test wants of the page: addresses, text by element, scripts (unpacked too), CSV by name."""

    def __init__(self, text: str):
        super().__init__()
        self.links, self.loads, self.ids, self.texts, self.scripts = [], [], [], {}, {}
        self.path: list[tuple[str, str]] = []
        self.feed(text)
        for name in ("library", "figures", "tables", "cells"):
            if f"pack-{name}" in self.scripts:
                self.scripts[name] = unpacked(self.scripts[f"pack-{name}"])
        csv = json.loads(self.scripts.get("tables", "{}"))
        self.tables = {name: pd.read_csv(StringIO(text)) for name, text in csv.items()}

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if tag == "a":
            self.links.append(attrs["href"])
        else:
            self.loads += [attrs[k] for k in ("src", "href", "data", "action") if k in attrs]
        if tag not in ("meta", "link", "br", "img", "rect", "path"):
            self.path.append((tag, attrs.get("id") or attrs.get("class") or ""))

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        while self.path and self.path.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if self.path and self.path[-1][0] == "script":
            self.scripts[self.path[-1][1]] = data
        for tag, name in set(self.path):
            self.texts[name or tag] = self.texts.get(name or tag, "") + " " + re.sub("[ \n]+", " ", data)


@pytest.fixture(scope="module")
def fixtures(tmp_path_factory):
    return Fixtures(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def sources(fixtures) -> Sources:
    return fixtures.sources()


@pytest.fixture(scope="module")
def run(sources):
    return read(sources, CONFIG)


@pytest.fixture(scope="module")
def out(fixtures) -> Path:
    path = fixtures.folder / "report/index.html"
    path.parent.mkdir()
    return path


@pytest.fixture(scope="module")
def text(run, out) -> str:
    page = build(run, out)
    out.write_text(page)
    return page


@pytest.fixture(scope="module")
def page(text) -> Page:
    return Page(text)


def test_the_first_screen_says_what_the_trajectories_say(run, page):
    frame = run.searches["predictor_evolution"].frame
    best = frame[frame["val_acc"] == frame["val_acc"].max()]
    cell = best.groupby("cell")["run"].nunique().idxmax()
    header = page.texts["header"]
    assert cell in header
    for accuracy in ("val_acc", "test_acc"):
        assert words.percent(best.set_index("cell")[accuracy].loc[[cell]].iloc[0]) in header
    assert f"may train {BUDGET} networks" in header and "423\u202f624" in header
    ends = {}
    for name in ("predictor_evolution", "random"):
        part = run.searches[name].frame
        chosen = part.loc[part.groupby("run")["val_acc"].idxmax()]
        ends[name] = chosen["test_acc"].mean()
    assert f"{words.points(ends['predictor_evolution'] - ends['random'])}\u202fpoints" in header
    assert "conv 3×3" in page.texts["winner"]


def test_every_section_is_there_with_its_figures(page):
    assert [i for i in page.ids if i in SECTION_KEYS] == SECTION_KEYS
    figures = json.loads(page.scripts["figures"])
    assert sorted(figures) == sorted(f"{k}-{i}" for k, n in FIGURES.items() for i in range(n))
    for key, figure in figures.items():
        assert figure["data"], key
        for trace in figure["data"]:
            values = trace.get("z", trace.get("y", trace.get("x")))
            assert len(values) > 0, key


def test_tables_and_captions(page):
    measures = page.texts["predictor_measures"]
    assert all(text in measures for text in ("GATES", "P@10", "fit time", "score time", "4.2", "0.3"))
    assert "synflow" in page.texts["zeroshot_tau"]
    for key in ("predictor_tau", "search_val_acc", "label_distribution", "latents"):
        assert "Labels: validation accuracy on digits after 12 epochs" in page.texts[key], key
        assert "Seed 0." in page.texts[key], key
    assert (
        f"{RUNS} runs" in page.texts["search_val_acc"]
        and "3 random training sets" in page.texts["predictor_tau"]
    )
    assert "loss is not a number in epoch 3 (1)" in page.texts["children"]
    assert "n_labelled: 120" in page.texts["pre"]


def test_csv_of_a_figure_holds_its_numbers(run, page):
    curve = page.tables["search_val_acc"]
    at_end = curve[(curve["strategy"] == "random") & (curve["trained"] == BUDGET)].iloc[0]
    best = run.searches["random"].frame.groupby("run")["val_acc"].max()
    assert at_end["best_val_acc_mean"] == pytest.approx(best.mean(), abs=1e-5)
    assert at_end["best_val_acc_std"] == pytest.approx(best.std(), abs=1e-5)
    assert at_end["n_runs"] == RUNS
    assert "../tables/predictors.csv" in page.links and "../tables/search.csv" in page.links


def test_the_page_stands_alone(text, page):
    assert len(text.encode()) < 10_000_000
    assert all(a.startswith("data:") for a in page.loads), page.loads
    assert not [a for a in page.links if re.match(r"[a-z]+://|//", a)]
    assert "default-src 'none'" in text
    assert page.scripts["library"].count("plotly.js v") == 1
    assert not re.search(r"@import|url\(", re.search(r"<style>.*?</style>", text, re.S)[0])


def test_same_artifacts_same_bytes(sources, text, out):
    again = build(read(sources, CONFIG), out)
    assert again == text


def test_all_absent_is_said_not_raised(tmp_path):
    page = Page(build(read(Sources(), {}), tmp_path / "index.html"))
    kept = [key for key in SECTION_KEYS if key != "find"]
    assert [i for i in page.ids if i in SECTION_KEYS] == kept
    assert json.loads(page.scripts["figures"]) == {} and json.loads(page.scripts["cells"]) is None
    assert "no search" in page.texts["header"]
    for key in kept[:-1]:
        assert re.search(r"\b(No|no)\b", page.texts[key]), key


@pytest.mark.parametrize(
    "absent", [("table",), ("images", "children", "io_dataset"), ("predictions", "zeroshot", "autoencoders")]
)
def test_what_is_absent_is_left_out_with_a_sentence(sources, out, absent):
    page = Page(
        build(read(replace(sources, **{field: NOTHING.get(field, {}) for field in absent}), CONFIG), out)
    )
    assert "found a cell with" in page.texts["header"]
    for field in set(absent) - {"images"}:
        section = {"table": "labels", "io_dataset": "io", "predictions": "predictors"}.get(field, field)
        assert re.search(r"\bNo\b", page.texts[section]) and not any(k in page.ids for k in GONE[field]), (
            field
        )


def test_tables_alone(sources, out):
    page = Page(build(read(Sources(table=sources.table, tables=sources.tables), CONFIG), out))
    assert set(json.loads(page.scripts["figures"])) == {
        "label_distribution-0",
        "label_noise-0",
        "time_by_stage-0",
    }
    assert "How well can the accuracy of the 423\u202f624 cells" in page.texts["header"]


def test_command_writes_the_page_and_refuses_what_is_not_there(sources, tmp_path):
    parser = ArgumentParser()
    command.add_arguments(parser)
    target = tmp_path / "index.html"
    args = ["--benchmark-table", str(sources.table), "--images", str(sources.images), "--out", str(target)]
    args += ["--search", *(f"{k}={v}" for k, v in sources.search.items())]
    command.run(parser.parse_args(args), Job("report", CONFIG, code="c0de"))
    assert "found a cell with" in target.read_text()
    assert read_provenance(target)["code"] == "c0de"
    with pytest.raises(ArtifactError, match="no such file"):
        command.run(parser.parse_args(["--zeroshot", "none.h5", "--out", str(target)]), Job("report", CONFIG))
    with pytest.raises(UserError, match="--search: expected NAME=FILE"):
        command.run(parser.parse_args(["--search", "a.h5", "--out", str(target)]), Job("report", CONFIG))


def test_sections_are_named_once():
    assert len(SECTIONS) == len(set(SECTIONS)) == len(SECTION_KEYS) + 3  # surrogate, papers, generated cells
