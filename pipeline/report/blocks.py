"""What a section of the page is made of; the template knows how each is shown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import ClassVar

import pandas as pd
import plotly.graph_objects as go

from pipeline.spaces.archs import Archs


@dataclass(frozen=True)
class Data:
    """The numbers behind a figure or table: in the page, and the workflow's own CSV where there is one."""

    name: str
    frame: pd.DataFrame
    file: str | None = None  # relative address

    def csv(self) -> str:
        """Return the frame as CSV."""
        return self.frame.to_csv(index=False, float_format="%.6g")


@dataclass(frozen=True)
class Panel:
    """One plotted picture of a figure."""

    figure: go.Figure
    label: str = ""


@dataclass(frozen=True)
class Line:
    """An entry of a legend above all panels. dash: plotly's name. mark: a character on the line."""

    text: str
    colour: str
    dash: str = "solid"
    mark: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure of one or more panels with its caption. legend: of all panels, instead of one in each."""

    kind: ClassVar[str] = "figure"
    key: str
    title: str
    panels: Sequence[Panel]
    caption: str
    data: Data
    half: bool = False  # shares its row with the next half
    legend: Sequence[Line] = ()


@dataclass(frozen=True)
class Head:
    """A column of a table. hint: what it means, shown on hovering."""

    text: str
    numeric: bool = True
    hint: str = ""


@dataclass(frozen=True)
class Cell:
    """An entry of a table. sort: what to sort by, if not the text. colour: of a mark before the text.

    note: a second line. tone: "good" or "bad".
    """

    text: str
    sort: float | str | None = None
    colour: str | None = None
    strong: bool = False
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Table:
    """A table that the reader can sort."""

    kind: ClassVar[str] = "table"
    key: str
    title: str
    head: Sequence[Head]
    rows: Sequence[Sequence[Cell]]
    caption: str
    data: Data
    half: bool = False


@dataclass(frozen=True)
class Facts:
    """Pairs of a name and a value."""

    kind: ClassVar[str] = "facts"
    rows: Sequence[tuple[str, str]]
    half: bool = False


@dataclass(frozen=True)
class Drawn:
    """A cell drawn as a graph. short: its name for tight places. lines: what is said below it."""

    arch: Archs
    svg: str
    cell: str
    short: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Gallery:
    """Cells side by side. colour: of a mark before the title; none if empty."""

    kind: ClassVar[str] = "gallery"
    key: str
    title: str
    colour: str
    cells: Sequence[Drawn]
    half: bool = False


@dataclass(frozen=True)
class Fold:
    """Something long, closed at first: a text, or a table."""

    kind: ClassVar[str] = "fold"
    title: str
    text: str = ""
    table: Table | None = None
    half: bool = False


@dataclass(frozen=True)
class Lookup:
    """A search for a cell among those of `index` (see `pipeline.report.cell_index`). example: a name."""

    kind: ClassVar[str] = "lookup"
    index: dict
    example: str
    caption: str
    half: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page. lead: what to take from it, in a sentence or two. Without blocks it is absent."""

    key: str
    title: str
    lead: str
    blocks: Sequence = field(default_factory=tuple)


def relative(path: Path, out: Path) -> str:
    """Return the address of `path` for a page at `out`."""
    return Path(os.path.relpath(path, Path(out).parent)).as_posix()


def reworded(part, old: str, new: str):
    """Return a block, section or headline with `new` for `old` in its texts; data stays as it is."""
    if isinstance(part, str):
        return part.replace(old, new)
    if isinstance(part, go.Figure):
        texts = [axis.title.text for axis in (part.layout.xaxis, part.layout.yaxis)]
        x, y = ({"title": {"text": text and text.replace(old, new)}} for text in texts)
        return go.Figure(part).update_layout(xaxis=x, yaxis=y)
    if isinstance(part, (list, tuple)):
        return type(part)(reworded(each, old, new) for each in part)
    if is_dataclass(part) and not isinstance(part, (Data, Archs)):
        return replace(
            part, **{f.name: reworded(getattr(part, f.name), old, new) for f in fields(part) if f.init}
        )
    return part
