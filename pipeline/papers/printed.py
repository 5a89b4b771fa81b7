"""What papers print: `numbers/<paper>.csv`, one row a number.

Columns: table (its number), benchmark, kind (predictor, strategy, or generated: cells that a strategy
generates), name (in the configuration; of kind generated also "benchmark", the benchmark's own cells), n
(training cells, or queries), measure (a column of results/tables/predictors.csv or search.csv, without _mean;
of generated cells part/name/detail of their table), paper (the number, fractions for percent; empty if what
the paper has is another measure), note (what differs).
"""

from __future__ import annotations

import csv
import hashlib
import math
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import DataError

# a folder of its own: files beside a module are part of its code, and each paper is to be stale by itself
HERE = Path(__file__).parent / "numbers"
COLUMNS = ("table", "benchmark", "kind", "name", "n", "measure", "paper", "note")
KINDS = ("predictor", "strategy", "generated")
# measures of which less is better
LOWER = re.compile(r"n_at_\d+|(r?mse|isomorphic_std)\w*|queries_to_\w+|regret|found_rank")
# measures of which neither more nor less is better
NEUTRAL = re.compile(r"(edge|operation|contains|shortest path)/.+")


@dataclass(frozen=True)
class Printed:
    """One printed number. paper: NaN if what the paper has cannot be compared. line: of the file."""

    table: str
    benchmark: str
    kind: str
    name: str
    n: int
    measure: str
    paper: float
    note: str
    line: int


def papers() -> list[str]:
    """Return the names of all papers whose numbers there are."""
    return sorted(path.stem for path in HERE.glob("*.csv"))


def file_of(paper: str) -> Path:
    """Return the file of a paper's numbers."""
    return HERE / f"{paper}.csv"


def checksum(paper: str) -> str:
    """Return the SHA-256 of a paper's numbers."""
    return hashlib.sha256(file_of(paper).read_bytes()).hexdigest()


def read(path: Path) -> list[Printed]:
    """Return all rows of a file. Raises DataError, with the line, for one that is not as said above."""
    try:
        with open(path, newline="", encoding="utf-8") as handle:
            lines = list(csv.reader(handle))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if not lines or tuple(lines[0]) != COLUMNS:
        raise DataError(f"{path}: line 1: expected the columns {','.join(COLUMNS)}")
    rows, seen = [], {}
    for line, fields in enumerate(lines[1:], 2):
        row = _row(path, line, fields)
        key = (row.table, row.benchmark, row.kind, row.name, row.n, row.measure)
        if key in seen:
            raise DataError(f"{path}: line {line}: the same as line {seen[key]}; leave one out")
        seen[key] = line
        rows.append(row)
    return rows


def _row(path: Path, line: int, fields: list[str]) -> Printed:
    if len(fields) != len(COLUMNS):
        raise DataError(
            f"{path}: line {line}: {len(fields)} fields, expected {len(COLUMNS)}; put a note with commas "
            "in quotation marks"
        )
    row = dict(zip(COLUMNS, fields, strict=True))
    if row["kind"] not in KINDS:
        raise DataError(f"{path}: line {line}: kind {row['kind']!r}, expected one of {', '.join(KINDS)}")
    try:
        n, paper = int(row["n"]), float(row["paper"] or math.nan)
    except ValueError as error:
        raise DataError(f"{path}: line {line}: {error}; expected numbers under n and paper") from error
    return Printed(**row | {"n": n, "paper": paper}, line=line)


def lower_is_better(measure: str) -> bool:
    """Return whether less of a measure is better, as of errors and of N@K."""
    return LOWER.fullmatch(measure) is not None


def says_how_good(measure: str) -> bool:
    """Return whether more of a measure is better or worse; cells that contain a pooling are neither."""
    return NEUTRAL.fullmatch(measure) is None
