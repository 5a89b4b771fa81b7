"""The documentation as a site: built with warnings as errors, complete, and whole without a network."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from docs.generator.commands import STAGES, TOOLS, files, options, targets
from docs.generator.keys import PLUG_INS, sections
from pipeline.config.model import load_config
from pipeline.zeroshot.metrics import METRICS
from tests.unit.documents import ROOT

# what is not a link for people, but loaded with the page
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site; whatever Sphinx warns of is an error: dead links, dead anchors, pages without a place."""
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-c",
        "docs/generator",
        "docs",
        folder,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def reference() -> list:
    """All tables of configuration keys."""
    return list(sections())


class Loaded(HTMLParser):
    """Collects what a page loads from elsewhere, and the links of its text."""

    def __init__(self):
        super().__init__()
        self.foreign, self.formulas = [], 0

    def handle_starttag(self, tag, attrs):
        self.formulas += tag == "math"
        found = dict(attrs).get(LOADED.get(tag, ""))
        if found and re.match(r"(https?:)?//", found):
            self.foreign.append(found)


def test_the_site_loads_nothing_from_elsewhere(site):
    formulas = 0
    for page in site.rglob("*.html"):
        loaded = Loaded()
        loaded.feed(page.read_text())
        assert loaded.foreign == [], page
        formulas += loaded.formulas
    assert formulas > 20  # as MathML, without a script
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", style.read_text()), style


def test_search_works_without_a_server(site):
    index = (site / "searchindex.js").read_text()
    assert index.startswith("Search.setIndex(") and "kendal" in index


def test_every_page_of_the_folder_is_there_and_the_generated_ones_are_full(site):
    made = {str(page.relative_to(site).with_suffix(".md")) for page in site.rglob("*.html")}
    written = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert written <= made and len(written) > 25
    keys = (site / "reference/configuration.html").read_text()
    assert all(name in keys for name in ("stem_channels", "gates_plus", "nats_bench", *METRICS))
    assert "results/rankings/" in (site / "reference/targets.html").read_text()
    assert "--n-train" in (site / "reference/commands.html").read_text()


def test_every_key_has_a_meaning(reference):
    keys = [(section.path, key) for section in reference for key in section.keys]
    assert [f"{path}.{key.name}" for path, key in keys if not key.meaning or not key.values] == []
    assert [section.path for section in reference if not section.about] == []
    assert len(reference) > 50


def test_the_reference_has_every_key_that_configurations_have(reference):
    documented = {(section.path, key.name) for section in reference for key in section.keys}
    used = set()
    for name in ("config", "configs/nasbench201", "configs/cifar10"):
        walk(load_config(ROOT / f"{name}.yaml").model_dump(mode="json"), "", {p for p, _ in documented}, used)
    assert used <= documented
    assert {path for path, _ in used} >= {
        *PLUG_INS,
        "benchmarks.NAME.children.training",
        "evaluation.protocol",
    }


def walk(value: dict, path: str, sections: set[str], used: set) -> None:
    """Collect (path, key) of nested mappings that have a table; names that a user gives are NAME."""
    for key, inner in value.items():
        used.add((path, key))
        below = f"{path}.{key}".lstrip(".")
        if f"{below}.NAME" in sections:
            below, inner = f"{below}.NAME", list(inner.values())
        elif below not in sections:
            continue
        for one in inner if isinstance(inner, list) else [inner]:
            if isinstance(one, dict):
                walk(one, below, sections, used)


def test_every_target_command_and_option_says_what_it_is_for():
    assert len(targets()) == 12 and [name for name, said in targets().items() if not said] == []
    assert {command for _, _, command in files()} <= STAGES.keys() and len(files()) > 20
    rows = {(name, row[0]): row[2] for name in STAGES | TOOLS for row in options(name, shared=False)}
    assert [where for where, said in rows.items() if not said] == [] and len(rows) > 60


def test_the_docs_command_is_the_one_that_is_tested():
    recipe = re.search(r"^docs:.*\n\t(.*)", (ROOT / "Makefile").read_text(), re.MULTILINE).group(1)
    assert " -W " in recipe and recipe.endswith("-c docs/generator docs site")
    assert "/site/" in (ROOT / ".gitignore").read_text().split()
