"""The report in a browser: it draws, sorts, finds, fits a phone, says nothing and asks for nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline.report import theme
from pipeline.report.cell_index import codes
from pipeline.report.data import Sources, read
from pipeline.report.page import build
from pipeline.spaces import nasbench101
from pipeline.spaces.archs import Archs
from tests.unit import report_autoencoder_fixtures as autoencoder_fixtures
from tests.unit.browser import Browser
from tests.unit.report_autoencoder_fixtures import AutoencoderFixtures
from tests.unit.report_file_fixtures import (
    KINDS,
    NASBENCH101,
    NASBENCH201,
    FileFixtures,
    config_of,
    overview_of,
)
from tests.unit.report_fixtures import CONFIG, Fixtures

pytestmark = pytest.mark.browser
PHONE = 390
EMPTY = """[...document.querySelectorAll(".plot")]
  .filter((p) => p.querySelectorAll(".plot-container :is(path, rect, image)").length < 5).length"""
SORTS = """(() => {
  const table = document.querySelector("#predictor_measures table"), head = table.tHead.rows[0].cells[2];
  const column = () => [...table.tBodies[0].rows].map((r) => Number(r.cells[2].dataset.sort));
  const ordered = (sign) => column().every((v, i, all) => i === 0 || sign * (v - all[i - 1]) >= 0);
  head.firstElementChild.click();
  const falling = ordered(-1);
  head.firstElementChild.click();
  return falling && ordered(1) && head.getAttribute("aria-sort") === "ascending";
})()"""
FOUND = '[...document.querySelectorAll(".hits .hash")].map((each) => each.textContent)'


@pytest.fixture(scope="module")
def browser():
    with Browser() as found:
        yield found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(artifacts, page) of a whole run."""
    made = Fixtures(tmp_path_factory.mktemp("run"))
    path = made.folder / "report/index.html"
    path.parent.mkdir()
    path.write_text(build(read(made.sources(), CONFIG), path))
    return made, path


@pytest.fixture(scope="module")
def benchmarks(tmp_path_factory):
    """Pages of several benchmarks, by name; the overview last."""
    folder = tmp_path_factory.mktemp("benchmarks")
    (folder / "report").mkdir()
    written = [FileFixtures(folder, kind).sources() for kind in KINDS]
    pages = {kind.name: folder / f"report/{kind.name}.html" for kind in KINDS}
    for kind, files in zip(KINDS, written, strict=True):
        pages[kind.name].write_text(build(read(files, config_of(*KINDS)), pages[kind.name]))
    return pages | {"overview": overview_of(folder, KINDS, written)}


def rgb(colour: str) -> str:
    return "rgb({}, {}, {})".format(*(int(colour[i : i + 2], 16) for i in (1, 3, 5)))


def fits_a_phone(browser, page) -> bool:
    browser.look(PHONE)
    browser.open(page)
    assert browser.said == [], page
    return browser.ask("document.documentElement.scrollWidth") <= PHONE


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_figure_is_drawn_without_a_word_on_the_console(browser, run, dark):
    browser.look(1280, dark)
    browser.open(run[1])
    plots = browser.ask('document.querySelectorAll(".plot").length')
    assert plots > 20 and browser.ask("document.documentElement.dataset.drawn") == str(plots)
    assert browser.ask(EMPTY) == 0
    assert browser.ask(SORTS)
    assert browser.said == [] and browser.asked == [run[1].as_uri()]
    drawn = browser.ask("document.body.innerHTML")
    used = {c for c in (theme.GREEN, theme.DARK[theme.GREEN]) if rgb(c) in drawn}
    assert used == {theme.DARK[theme.GREEN] if dark else theme.GREEN}


def test_a_printed_page_has_its_figures(browser, run, tmp_path):
    browser.look(1280, dark=True)
    browser.open(run[1])
    browser.ask('dispatchEvent(new Event("beforeprint"))')
    assert browser.ask(EMPTY) == 0 and rgb(theme.GREEN) in browser.ask("document.body.innerHTML")
    browser.ask('dispatchEvent(new Event("afterprint"))')
    browser.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_the_numbers_of_a_figure_can_be_had(browser, run):
    browser.look(1280)
    browser.open(run[1], figures=False)
    names = browser.ask('[...document.querySelectorAll("[data-csv]")].map((b) => b.dataset.csv)')
    tables = json.loads(browser.ask('unpack("tables")'))
    assert "predictor_tau" in names and set(names) == set(tables)
    browser.ask(
        "URL.createObjectURL = (blob) => { window.got = blob; return 'blob:x'; };"
        "HTMLAnchorElement.prototype.click = function () { window.called = this.download; };"
        """document.querySelector('[data-csv="predictor_tau"]').click()"""
    )
    browser.wait("window.called === 'predictor_tau.csv'")
    assert browser.ask("window.got.text()") == tables["predictor_tau"]


def search(browser, text: str) -> list[str]:
    browser.ask(
        f'(() => {{ const box = document.querySelector("#lookup input"); box.value = {json.dumps(text)};'
        'document.querySelector(".count").textContent = ""; box.dispatchEvent(new Event("input")); })()'
    )
    browser.wait('document.querySelector(".count").textContent')
    return browser.ask(FOUND)


def test_the_search_finds_a_cell_by_its_name(browser, run):
    made, page = run
    browser.look(1280)
    browser.open(page, figures=False)
    cell = str(made.ids[5])
    assert search(browser, cell) == [cell] and cell in search(browser, cell[:5].upper())
    text = browser.ask('document.querySelector(".hits").textContent')
    assert f"{100 * made.val[5]:.1f}" in text and "rank" in text and "conv" in text
    assert search(browser, "no such cell") == []
    assert "has this name" in browser.ask('document.querySelector(".count").textContent')
    assert browser.said == []


def test_a_drawn_cell_is_found_in_another_order_of_its_vertices(browser, benchmarks, tmp_path):
    made = FileFixtures(tmp_path, NASBENCH101)
    browser.look(1280)
    browser.open(benchmarks[NASBENCH101.name], figures=False)
    row, order = another_order(made.archs)
    ops, adj = made.archs.ops[row], made.archs.adj[row]
    vertices = [0, *(order + 1), 6]  # drawn place -> the cell's vertex
    picked = ["conv3x3", "conv1x1", "maxpool3x3"]
    chosen = [picked.index(nasbench101.OP_NAMES[ops[v]]) if ops[v] else "" for v in vertices[1:-1]]
    edges = [f"{i}-{j}" for i in range(7) for j in range(7) if adj[vertices[i], vertices[j]]]
    browser.ask('document.querySelector("#lookup details").open = true')
    browser.wait('document.querySelectorAll(".editor select").length === 5')
    browser.ask(
        f"""{{ const chosen = {chosen}, edges = {edges}, editor = document.querySelector(".editor");
        editor.querySelectorAll("select").forEach((s, k) => {{ s.value = chosen[k]; }});
        editor.querySelectorAll("input").forEach((b) => {{ b.checked = edges.includes(b.name); }});
        editor.firstElementChild.dispatchEvent(new Event("change", {{ bubbles: true }})) }}"""
    )
    assert browser.ask(FOUND) == [str(made.ids[row])]
    browser.ask(
        'document.querySelectorAll(".editor input").forEach((b) => { b.checked = false; });'
        'document.querySelector(".editor select").dispatchEvent(new Event("change", { bubbles: true }))'
    )
    assert browser.ask(FOUND) == []
    assert "No path" in browser.ask('document.querySelector(".count").textContent')
    assert browser.said == []


def another_order(archs: Archs) -> tuple[int, np.ndarray]:
    """A cell and an order of its interior vertices that spells it otherwise, edges still pointing forward."""
    rng = np.random.default_rng(0)
    for row in range(len(archs)):
        for _ in range(20):
            order = rng.permutation(5)
            place = [0, *(order + 1), 6]
            moved = Archs("nasbench101", archs.ops[[row]][:, place], archs.adj[[row]][:, place][:, :, place])
            forward = not np.tril(moved.adj[0]).any()
            if forward and codes(moved) != codes(archs[row]):
                return row, order
    raise AssertionError("no cell has two spellings")


def test_a_cell_with_operations_on_edges_is_found_by_drawing_it(browser, benchmarks):
    browser.look(1280)
    browser.open(benchmarks[NASBENCH201.name], figures=False)
    browser.ask('document.querySelector("#lookup details").open = true')
    browser.wait('document.querySelectorAll(".editor select").length === 6')
    browser.ask(
        'document.querySelectorAll(".editor select").forEach((s, k) => { s.value = [3, 1, 0, 4, 2, 3][k]; });'
        'document.querySelector(".editor select").dispatchEvent(new Event("change", { bubbles: true }))'
    )
    name = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|nor_conv_1x1~1|nor_conv_3x3~2|"
    assert browser.ask(FOUND) == [name] == search(browser, "310423")
    assert search(browser, "|none~0|+|none~0|none~1|") and browser.said == []


def test_the_page_fits_a_phone(browser, run):
    assert fits_a_phone(browser, run[1])


def test_pages_of_several_benchmarks_fit_a_phone(browser, benchmarks):
    assert [name for name, page in benchmarks.items() if not fits_a_phone(browser, page)] == []


def test_several_runs_of_autoencoders_fit_a_phone(browser, tmp_path):
    path = tmp_path / "report/index.html"
    path.parent.mkdir()
    files = AutoencoderFixtures(tmp_path).sources()
    some = Sources(table=files.table, autoencoders=files.autoencoders, predictions=files.predictions)
    path.write_text(build(read(some, autoencoder_fixtures.CONFIG), path))
    assert fits_a_phone(browser, path)
