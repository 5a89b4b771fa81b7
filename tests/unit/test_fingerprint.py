"""The code fingerprint: what changes it and what does not."""

from __future__ import annotations

import json
import os

import pytest

from pipeline.staleness import fingerprint

FILES = {
    "__init__.py": "",
    "tool.py": "from pipeline.shapes import area\nfrom pipeline import units\n\nrun = area\n",
    "units.py": "METRE = 1\n",
    "shapes/__init__.py": "from pipeline.shapes.flat import area\nfrom pipeline.shapes.solid import volume\n",
    "shapes/flat.py": 'def area(x):\n    """Area."""\n    return x * x\n',
    "shapes/solid.py": "def volume(x):\n    return x**3\n",
    "page.py": "def page():\n    return 1\n",
    "style.css": "p {}\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / "pipeline" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    forget()
    yield tmp_path / "pipeline"
    forget()


def forget():
    for cached in (fingerprint._file, fingerprint._module, fingerprint._memory, fingerprint._imports):
        cached.cache_clear()


def code_of(*entries):
    forget()
    return fingerprint.digest(fingerprint.closure(entries))


def test_the_closure_goes_through_a_package_to_the_module_that_defines_the_name(package):
    assert list(fingerprint.closure(["pipeline.tool"])) == [
        "pipeline.shapes.flat",
        "pipeline.tool",
        "pipeline.units",
    ]
    assert "pipeline.shapes.solid" in fingerprint.closure(["pipeline.shapes"])


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("shapes/flat.py", '"""Area."""', '"""The area of a square."""'),
        ("shapes/flat.py", "return x * x", "return x * x  # squared"),
        ("units.py", "METRE = 1", "\n\nMETRE = 1\n"),
        ("shapes/solid.py", "x**3", "x**4"),
    ],
)
def test_comments_docstrings_blanks_and_unrelated_modules_change_nothing(package, file, old, new):
    before = code_of("pipeline.tool")
    path = package / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert code_of("pipeline.tool") == before


@pytest.mark.parametrize(
    ("file", "old", "new"), [("shapes/flat.py", "x * x", "x + x"), ("units.py", "1", "2")]
)
def test_a_change_of_meaning_anywhere_in_the_closure_changes_it(package, file, old, new):
    before = code_of("pipeline.tool")
    path = package / file
    path.write_text(path.read_text().replace(old, new))
    assert code_of("pipeline.tool") != before


def test_help_texts_do_not_count_but_other_arguments_do(package):
    (package / "page.py").write_text("x = Field(3, description='old')\n")
    before = code_of("pipeline.page")
    (package / "page.py").write_text("x = Field(3, description='new and better')\n")
    assert code_of("pipeline.page") == before
    (package / "page.py").write_text("x = Field(4, description='new and better')\n")
    assert code_of("pipeline.page") != before


def test_a_template_beside_the_module_counts(package):
    before = code_of("pipeline.page")
    (package / "style.css").write_text("p { color: red }\n")
    assert code_of("pipeline.page") != before


def test_an_unknown_entry_is_an_error(package):
    with pytest.raises(KeyError, match="pipeline.nothing"):
        fingerprint.closure(["pipeline.nothing"])


def test_a_relative_import_is_refused_because_it_would_be_missed(package):
    (package / "tool.py").write_text("from .units import METRE\n")
    forget()
    with pytest.raises(SyntaxError, match="relative import"):
        fingerprint.closure(["pipeline.tool"])


def test_what_an_earlier_process_read_is_used_only_for_the_same_text(package):
    before = code_of("pipeline.tool")
    memory = package / "__pycache__" / "fingerprints.json"
    assert set(json.loads(memory.read_text())) == {
        "pipeline.tool",
        "pipeline.units",
        "pipeline.shapes.flat",
    } | {"pipeline.shapes"}
    path = package / "units.py"
    times = path.stat()
    path.write_text("METRE = 2\n")  # as long as before, and as old
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert code_of("pipeline.tool") != before
    path.write_text("METRE = 1\n")
    assert code_of("pipeline.tool") == before


def test_a_known_text_is_not_parsed_again(package, monkeypatch):
    before = code_of("pipeline.tool")
    monkeypatch.setattr(fingerprint.ast, "parse", lambda text: pytest.fail("parsed"))
    assert code_of("pipeline.tool") == before


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", '{"pipeline.tool": 3}', '{"pipeline.tool": {}}'])
def test_a_damaged_memory_is_not_trusted(package, content):
    before = code_of("pipeline.tool")
    (package / "__pycache__" / "fingerprints.json").write_text(content)
    assert code_of("pipeline.tool") == before


def test_the_memory_may_be_impossible_to_write(package, monkeypatch):
    def refuse(*files):
        raise PermissionError("read-only")

    before = code_of("pipeline.tool")
    memory = package / "__pycache__" / "fingerprints.json"
    memory.unlink()
    monkeypatch.setattr(fingerprint.os, "replace", refuse)
    assert code_of("pipeline.tool") == before
    assert not list(memory.parent.iterdir())
