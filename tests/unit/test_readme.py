"""What the README lists is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.zeroshot.metrics import METRICS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def row(name: str) -> str:
    """Return the row of "What is there today" that begins with `name`."""
    return re.search(rf"^\| {name} \|.*$", README, re.MULTILINE).group()


def test_every_ready_configuration_is_named():
    names = [file.name for file in (ROOT / "configs").rglob("*.yaml")]
    assert names and [name for name in names if name not in README] == []


def test_every_zero_shot_metric_is_named():
    assert [name for name in METRICS if not re.search(rf"\b{name}\b", row("zero-shot scores"))] == []


def test_links_lead_to_files_and_headings():
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in README.splitlines()
        if line.startswith("#")
    }
    links = re.findall(r"\]\(([^)]+)\)", README)
    inside = [link[1:] for link in links if link.startswith("#")]
    files = [link for link in links if not link.startswith(("#", "http"))]
    assert inside and set(inside) <= headings
    assert files and [file for file in files if not (ROOT / file).exists()] == []
