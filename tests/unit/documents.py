"""The documentation's pages and their blocks of code."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Return README and all pages of the site."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: str | Path, language: str) -> list[str]:
    """Return a page's blocks of code in a language, in order."""
    return [text for found, text in BLOCK.findall((ROOT / page).read_text()) if found == language]


def pages_with(language: str) -> list[str]:
    """Return the names of the pages that have blocks of code in a language."""
    return [str(page.relative_to(ROOT)) for page in pages() if blocks(page, language)]
