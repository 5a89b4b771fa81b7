"""The report: says what the artifacts say, stands alone, opens without errors."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from argparse import ArgumentParser
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.artifacts import read_provenance
from pipeline.errors import ArtifactError, UserError
from pipeline.job import Job
from pipeline.report import command, results, theme, words
from pipeline.report.context import context_of
from pipeline.report.data import Sources, read
from pipeline.report.headline import headline
from pipeline.report.page import SECTIONS, build
from tests.unit.report_fixtures import BUDGET, CONFIG, HELD_OUT, INITIAL, RUNS, Fixtures

SECTION_KEYS = ["search", "cells", "predictors", "labels", "children", "zeroshot", "autoencoders", "io", "time", "made"]
FIGURES = {
    "search_val_acc": 1,
    "search_test_acc": 1,
    "predictor_tau": 1,
    "predicted_ranks": 3,
    "label_distribution": 1,
    "label_noise": 1,
    "curves_val_acc": 1,
    "curves_train_loss": 1,
    "zeroshot_correlations": 1,
    "autoencoder_losses": 2,
    "latents": 2,
    "time_by_stage": 1,
}


class Page(HTMLParser):
    """What a test wants of the page: addresses, text by element, scripts."""

    def __init__(self, text: str):
        super().__init__()
        self.links, self.loads, self.ids, self.texts, self.scripts = [], [], [], {}, {}
        self.path: list[tuple[str, str]] = []
        self.feed(text)

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
            values = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]) if "bdata" in values else values
            assert len(values) > 0, key


def test_tables_and_captions(page):
    assert "GATES" in page.texts["predictor_measures"] and "P@10" in page.texts["predictor_measures"]
    assert "synflow" in page.texts["zeroshot_tau"]
    for key in ("predictor_tau", "search_val_acc", "label_distribution", "latents"):
        assert "Labels: validation accuracy on digits after 12 epochs" in page.texts[key], key
        assert "Seed 0." in page.texts[key], key
    assert f"{RUNS} runs" in page.texts["search_val_acc"] and "3 random training sets" in page.texts["predictor_tau"]
    assert "loss is not a number in epoch 3 (1)" in page.texts["children"]
    assert "n_labelled: 120" in page.texts["pre"]


def test_csv_of_a_figure_holds_its_numbers(run, page):
    tables = [pd.read_csv(StringIO(base64.b64decode(a.split(",")[1]).decode())) for a in page.links if "text/csv" in a]
    curve = next(t for t in tables if "best_val_acc_mean" in t and "trained" in t)
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
    assert text.count("plotly.js v") == 1
    assert not re.search(r"@import|url\(", re.search(r"<style>.*?</style>", text, re.S)[0])


def test_same_artifacts_same_bytes(sources, text, out):
    again = build(read(sources, CONFIG), out)
    assert again == text


def test_all_absent_is_said_not_raised(tmp_path):
    page = Page(build(read(Sources(), {}), tmp_path / "index.html"))
    assert [i for i in page.ids if i in SECTION_KEYS] == SECTION_KEYS
    assert json.loads(page.scripts["figures"]) == {}
    assert "no search" in page.texts["header"]
    for key in SECTION_KEYS[:-1]:
        assert re.search(r"\b(No|no)\b", page.texts[key]), key


@pytest.mark.parametrize("field", ["images", "children", "table", "io_dataset", "zeroshot", "predictions", "autoencoders"])
def test_one_absent(sources, out, field):
    without = replace(sources, **{field: None if field in ("images", "table", "io_dataset", "zeroshot") else {}})
    page = Page(build(read(without, CONFIG), out))
    absent = {"table": "labels", "io_dataset": "io"}.get(field, field)
    assert "found a cell with" in page.texts["header"]
    assert absent == "images" or re.search(r"\b[Nn]o\b.*\bwas\b|\bNo\b.*\bwere\b", page.texts[absent]), page.texts[absent]


def test_tables_alone(sources, out):
    page = Page(build(read(Sources(table=sources.table, tables=sources.tables), CONFIG), out))
    assert set(json.loads(page.scripts["figures"])) == {"label_distribution-0", "label_noise-0", "time_by_stage-0"}
    assert "How well can the accuracy of the 423\u202f624 cells" in page.texts["header"]


@pytest.mark.parametrize(
    ("gain", "runs", "verdict", "sentence"),
    [
        (1.0, 12, "better", "Better than random search"),
        (0.0, 12, "unclear", "Not shown to be better"),
        (-1.0, 12, "worse", "Worse than random search"),
        (0.5, 1, "unclear", "With one run of each strategy there is no spread"),
    ],
)
def test_the_verdict_is_honest(tmp_path, gain, runs, verdict, sentence):
    made = Fixtures(tmp_path)
    table = made.table(made.children(made.images()))
    made.test = made.val = 0.9 + 0.1 * np.random.default_rng(1).permutation(len(made.val)) / len(made.val)
    search = {name: made.search(name, table, runs, g) for name, g in (("random", 0.0), ("predictor_evolution", gain))}
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
    paired, apart = results.compare(ours, theirs, True), results.compare(ours, theirs, False)
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


def test_colours_have_dark_partners_and_stay_with_their_method():
    assert set(theme.SERIES) | {theme.GREY} <= set(theme.DARK)
    alone, many = theme.styles(["gates", "ssa"]), theme.styles(["ssa", "gates", "renas", "random", *"abcdefghij"])
    assert alone["gates"].colour == many["gates"].colour == theme.GREEN
    assert many["random"].colour == theme.GREY
    looks = [(s.colour, s.dash) for s in many.values()]
    assert len(set(looks)) == len(looks)


def test_words():
    assert words.percent(0.98765) == "98.8\u202f%" and words.percent(np.nan) == "–"
    assert words.points(-0.004) == "−0.4" and words.points(0.0001) == "0.0" and words.points(0.0123, 2) == "+1.23"
    assert words.number(423624) == "423\u202f624"
    assert words.spread(0.5, np.nan, 2) == "0.50" and words.spread(0.5, 0.1, 1) == "0.5 ± 0.1"
    assert words.duration(200) == "3\u202fmin 20\u202fs" and words.duration(None) == "not recorded"
    assert words.name("random_forest_info_nas") == "random forest on info-NAS"


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


def chromium(address: str, *options: str) -> tuple[str, list[str]]:
    """Open a page; return its document after its scripts ran, and what the console said."""
    fixed = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"]
    fixed += ["--enable-logging=stderr", "--allow-file-access-from-files"]
    done = subprocess.run([*fixed, *options, address], capture_output=True, text=True, timeout=120)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", [1, 0], ids=["light", "dark"])
def test_browser_draws_every_figure_without_a_word_on_the_console(text, out, scheme):
    script = """<script>addEventListener("load", () => { const wait = setInterval(() => {
      const page = document.documentElement;
      if (!page.dataset.drawn) return;
      clearInterval(wait);
      const marks = (p) => p.querySelectorAll(".plot-container path, .plot-container rect, .plot-container image").length;
      page.dataset.empty = [...document.querySelectorAll(".plot")].filter((p) => marks(p) < 5).length;
      page.dataset.requests = performance.getEntriesByType("resource").length;
      const table = document.querySelector("#predictor_measures table"), head = table.tHead.rows[0].cells[2];
      const column = () => [...table.tBodies[0].rows].map((r) => Number(r.cells[2].dataset.sort));
      const ordered = (sign) => column().every((v, i, all) => i === 0 || sign * (v - all[i - 1]) >= 0);
      head.firstElementChild.click();
      const falling = ordered(-1);
      head.firstElementChild.click();
      page.dataset.sorts = falling && ordered(1) && head.getAttribute("aria-sort") === "ascending";
    }, 50); });</script></body>"""
    probe = out.with_name(f"probe{scheme}.html")
    probe.write_text(text.replace("</body>", script))
    document, console = chromium(probe.as_uri(), f"--blink-settings=preferredColorScheme={scheme}")
    assert console == []
    page = re.search(r"<html[^>]*>", document)[0]
    assert f'data-drawn="{sum(FIGURES.values())}"' in page, page
    assert 'data-empty="0"' in page and 'data-requests="0"' in page and 'data-sorts="true"' in page, page
    used = {c for c in (theme.GREEN, theme.DARK[theme.GREEN]) if c_rgb(c) in document}
    assert used == {theme.GREEN if scheme else theme.DARK[theme.GREEN]}


def c_rgb(colour: str) -> str:
    return "rgb({}, {}, {})".format(*(int(colour[i : i + 2], 16) for i in (1, 3, 5)))


@pytest.mark.browser
def test_browser_page_fits_a_phone(text, out):
    frame = """<iframe src="index.html" style="width: 390px; height: 800px"></iframe><script>
      const frame = document.querySelector("iframe");
      frame.onload = () => { const wait = setInterval(() => {
        const page = frame.contentDocument.documentElement;
        if (!page.dataset.drawn) return;
        clearInterval(wait);
        document.documentElement.dataset.wide = page.scrollWidth;
      }, 50); };</script>"""
    phone = out.with_name("phone.html")
    phone.write_text(frame)
    document, _ = chromium(phone.as_uri())
    assert int(re.search(r'data-wide="(\d+)"', document)[1]) <= 390


def test_sections_are_named_once():
    assert len(SECTIONS) == len(set(SECTIONS)) == len(SECTION_KEYS)
