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


def headings(page: str) -> set[str]:
    """Return the anchors of a page's headings, as repositories and the site make them."""
    lines = [line.lstrip("# ").lower() for line in page.splitlines() if line.startswith("#")]
    return {re.sub(r"[^a-z0-9_ -]", "", line).replace(" ", "-") for line in lines}


def test_links_lead_to_files_and_headings():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("http")]
    assert len(links) > 20
    for link in links:
        file, _, anchor = link.partition("#")
        assert not file or (ROOT / file).exists(), link
        if anchor:
            assert anchor in headings((ROOT / file).read_text() if file else README), link
