"""Puts the page together: one file with everything in it, which asks nothing of the network."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from pipeline.report import (
    pack,
    sections,
    sections_autoencoders,
    sections_cells,
    sections_generated,
    sections_labels,
    sections_papers,
    sections_predictors,
    sections_record,
    sections_search,
    sections_zeroshot,
    theme,
    words,
)
from pipeline.report.blocks import Section, reworded
from pipeline.report.context import Context, context_of
from pipeline.report.data import Run
from pipeline.report.headline import headline

HERE = Path(__file__).parent


def build(run: Run, out: Path) -> str:
    """Return the page (HTML) of a run, to be written to `out` (relative links start there)."""
    c = context_of(run, Path(out))
    several = len(run.config.get("benchmarks", {})) > 1
    parts, first = sections_of(c), headline(c)
    if c.names_test:
        first = reworded(first, *QUERIED)
    text = (
        environment()
        .get_template("template.html.j2")
        .render(
            title=title(run.config),
            benchmark=words.name(run.labels.name) if run.labels and several else "",
            headline=first,
            sections=parts,
            packs={
                "library": pack.library(),
                "figures": pack.packed(pack.figures(parts)),
                "tables": pack.packed(pack.tables(parts)),
                "cells": pack.packed(pack.cells(parts)),
            },
            dark=theme.DARK,
            style=file("style.css"),
            scripts=[file("page.js"), file("cells.js")],
        )
    )
    return text


def sections_of(c: Context) -> list[Section]:
    """Return the sections of a run's page, in order; those without anything to say are left out."""
    parts = [section for make in SECTIONS if (section := make(c)) is not None]
    if not c.names_test:
        return parts
    return [reworded(part, *QUERIED) if part.key in SEARCHED else part for part in parts]


SEARCHED = ("search", "cells")  # keys of the sections on searches
QUERIED = ("validation", "test")  # what these say where test accuracies were queried
SECTIONS = (
    sections_search.search,
    sections_cells.found_cells,
    sections_cells.find,
    sections_generated.generated,
    sections_predictors.predictors,
    sections_papers.papers,
    sections_labels.labels,
    sections_labels.surrogate,
    sections.children,
    sections_zeroshot.zeroshot,
    sections_autoencoders.autoencoders,
    sections.io_dataset,
    sections_record.cost,
    sections_record.made_how,
)


def title(config: dict) -> str:
    """Return what the page is called."""
    return config.get("report", {}).get("title", "nasflow")


def environment() -> Environment:
    """Templates beside this file; everything is escaped unless it is Markup."""
    found = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=select_autoescape(["j2", "html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["raw"] = Markup
    return found


def file(name: str) -> Markup:
    """Return a file beside this one, to be put into a page as it is."""
    return Markup((HERE / name).read_text(encoding="utf-8"))
