"""Freshness: inputs are compared by content; large ones are read only where there is reason to."""

from __future__ import annotations

import os

import pytest

from pipeline.staleness.freshness import Checksums, Judged, input_changes
from pipeline.staleness.status import as_json, as_text
from pipeline.storage.files import checksum


@pytest.fixture
def files(tmp_path):
    """Three files with different contents, older than what is made from them."""
    paths = [str(tmp_path / name) for name in ("a.h5", "b.h5", "c.h5")]
    for path in paths:
        with open(path, "w") as handle:
            handle.write(path)
        os.utime(path, (1000, 1000))
    return paths


def changes(recorded, inputs, **how):
    return input_changes(recorded, inputs, 2000.0, Checksums(**how))


def test_the_same_contents_are_no_change_whatever_their_order_and_names(files):
    a, b, c = files
    assert changes({a: checksum(a), b: checksum(b)}, [b, a]) == []
    assert changes({"table": checksum(b), "space": checksum(a)}, [a, b]) == []
    assert changes({"table": checksum(b), a: checksum(a)}, [a, b]) == []


def test_each_difference_is_said(files):
    a, b, c = files
    assert changes({a: "0" * 64}, [a]) == [f"input {a}: its content changed"]
    assert changes({"table": "0" * 64}, [a]) == [f"input {a}: its content changed"]
    assert changes({a: checksum(a)}, [a, b]) == [f"input {b} is new"]
    assert changes({a: checksum(a), b: checksum(b)}, [a]) == [f"input {b} is no longer one"]
    assert changes({a: checksum(a), b: checksum(b)}, [a, c]) == [
        f"input {b} is no longer one",
        f"input {c} is new",
    ]


def test_a_large_input_is_read_if_it_is_newer_or_if_asked_for(files):
    a, b, _ = files
    recorded = {a: "0" * 64, "table": "1" * 64}
    assert changes(recorded, [a, b], limit=3) == []
    assert len(changes(recorded, [a, b], limit=3, thorough=True)) == 2
    os.utime(a, (3000, 3000))
    assert changes(recorded, [a, b], limit=3) == [f"input {a}: its content changed"]


def test_a_folder_is_read_if_anything_in_it_is_newer(tmp_path):
    folder = tmp_path / "tables"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner/one.json").write_text("1")
    for path in (folder / "inner/one.json", folder / "inner", folder):
        os.utime(path, (1000, 1000))
    recorded = {"tables": checksum(folder)}
    assert changes({"tables": "0" * 64}, [str(folder)]) == []
    (folder / "inner/one.json").write_text("2")
    assert changes(recorded, [str(folder)]) == [f"input {folder}: its content changed"]


def test_the_text_names_what_is_not_fresh_causes_first():
    found = [
        Judged("results/a.h5", "stale", ("follows results/b.h5, which is stale",), rule="x", follows=True),
        Judged("results/b.h5", "stale", ("setting seed: 1 -> 2",), rule="x"),
        Judged("results/c.h5", "fresh", rule="x"),
        Judged("results/d.h5", "foreign", ("no rule of this configuration makes it",), asked=False),
    ]
    assert as_text(found, ["report"], False, None).splitlines() == [
        "stale   results/b.h5",
        "          - setting seed: 1 -> 2",
        "stale   results/a.h5",
        "          - follows results/b.h5, which is stale",
        "foreign results/d.h5   (not asked for)",
        "          - no rule of this configuration makes it",
        "report: 1 fresh, 2 stale, 1 foreign",
    ]
    assert "fresh   results/c.h5" in as_text(found, ["report"], True, None)
    assert '"restored": 3' in as_json(found, 3) and '"missing": 0' in as_json(found, None)
