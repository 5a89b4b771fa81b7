"""The report in a browser: it draws, says nothing on the console, asks for nothing, sorts, fits a phone."""

from __future__ import annotations

import re
import subprocess

import pytest

from pipeline.report import theme
from pipeline.report.data import Sources, read
from pipeline.report.page import build
from tests.unit import report_autoencoder_fixtures as autoencoder_fixtures
from tests.unit.report_autoencoder_fixtures import AutoencoderFixtures
from tests.unit.report_file_fixtures import KINDS, FileFixtures, config_of, overview_of
from tests.unit.report_fixtures import CONFIG, Fixtures

PLOT = 'class="plot"'


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """A page of a whole run."""
    made = Fixtures(tmp_path_factory.mktemp("run"))
    path = made.folder / "report/index.html"
    path.parent.mkdir()
    path.write_text(build(read(made.sources(), CONFIG), path))
    return path


@pytest.fixture(scope="module")
def text(out) -> str:
    return out.read_text()


def chromium(address: str, *options: str) -> tuple[str, list[str]]:
    """Open a page; return its document after its scripts ran, and what the console said."""
    fixed = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=20000",
        "--dump-dom",
    ]
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
      const marks = (p) => p.querySelectorAll(".plot-container :is(path, rect, image)").length;
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
    assert f'data-drawn="{text.count(PLOT)}"' in page, page
    assert 'data-empty="0"' in page and 'data-requests="0"' in page and 'data-sorts="true"' in page, page
    used = {c for c in (theme.GREEN, theme.DARK[theme.GREEN]) if c_rgb(c) in document}
    assert used == {theme.GREEN if scheme else theme.DARK[theme.GREEN]}


def c_rgb(colour: str) -> str:
    return "rgb({}, {}, {})".format(*(int(colour[i : i + 2], 16) for i in (1, 3, 5)))


def width_on_a_phone(page) -> tuple[int, list[str]]:
    """Return how wide a page gets in a window of 390 pixels, and what the console said."""
    frame = """<iframe src="PAGE" style="width: 390px; height: 800px"></iframe><script>
      const frame = document.querySelector("iframe");
      frame.onload = () => { const wait = setInterval(() => {
        const page = frame.contentDocument.documentElement;
        if (page.querySelector(".plot") && !page.dataset.drawn) return;
        clearInterval(wait);
        document.documentElement.dataset.wide = page.scrollWidth;
      }, 50); };</script>"""
    phone = page.with_name(f"phone_{page.name}")
    phone.write_text(frame.replace("PAGE", page.name))
    document, console = chromium(phone.as_uri())
    return int(re.search(r'data-wide="(\d+)"', document)[1]), console


@pytest.mark.browser
def test_browser_page_fits_a_phone(text, out):
    assert width_on_a_phone(out)[0] <= 390


@pytest.mark.browser
def test_browser_shows_several_runs_of_autoencoders_on_a_phone(tmp_path):
    path = tmp_path / "report/index.html"
    path.parent.mkdir()
    files = AutoencoderFixtures(tmp_path).sources()
    some = Sources(table=files.table, autoencoders=files.autoencoders, predictions=files.predictions)
    path.write_text(build(read(some, autoencoder_fixtures.CONFIG), path))
    wide, console = width_on_a_phone(path)
    assert wide <= 390 and console == []


@pytest.mark.browser
def test_browser_shows_the_pages_of_several_benchmarks(tmp_path):
    (tmp_path / "report").mkdir()
    written = [FileFixtures(tmp_path, kind).sources() for kind in KINDS]
    for kind, files in zip(KINDS, written, strict=True):
        path = tmp_path / f"report/{kind.name}.html"
        path.write_text(build(read(files, config_of(*KINDS)), path))
        wide, console = width_on_a_phone(path)
        assert wide <= 390 and console == [], kind.name
    wide, console = width_on_a_phone(overview_of(tmp_path, KINDS, written))
    assert wide <= 390 and console == []
