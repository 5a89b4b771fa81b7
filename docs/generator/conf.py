"""How the pages become a site: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from docs.generator import mathml  # noqa: E402
from docs.generator.commands import command_tables, target_tables  # noqa: E402
from docs.generator.keys import tables  # noqa: E402

project = "nasflow"
extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4  # links to headings are checked
exclude_patterns = ["generator"]
highlight_language = "text"
smartquotes = False  # "--option" stays two signs

html_theme = "furo"
html_title = "nasflow"
html_static_path = ["../static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_use_index = False

# a page -> what stands at its line GENERATED
GENERATED = "% generated"
GENERATORS = {
    "reference/configuration": tables,
    "reference/targets": target_tables,
    "reference/commands": command_tables,
}


def generate(app, name: str, source: list[str]) -> None:
    """Put what is known from the code into the pages that have a place for it."""
    if name in GENERATORS:
        before, place, after = source[0].partition(GENERATED)
        if not place:
            raise ValueError(f"{name}: there is no line {GENERATED!r}")
        source[0] = before + GENERATORS[name]() + after


def setup(app) -> None:
    """Add the formulas' form and the generated parts."""
    app.add_html_math_renderer("mathml", (mathml.inline, None), (mathml.block, None))
    app.connect("source-read", generate)
