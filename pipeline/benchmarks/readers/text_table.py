"""Columns of a CSV or Parquet file as text, so that a bad value can be shown as it is written."""

from __future__ import annotations

import csv
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path

from pipeline.benchmarks.readers.compressed import open_bytes
from pipeline.errors import DataError

LONGEST_LINE = 1 << 20  # bytes; a file without line ends must not fill the memory
MOST_ROWS = 10_000_000  # a row takes some hundred bytes of memory
_UNFOLDED, _PER_BYTE = (
    1 << 30,
    100,
)  # bytes that Parquet columns may have unpacked: so many, and by the file's
DELIMITERS = {".csv": ",", ".tsv": "\t"}
ENDINGS = ".csv, .tsv (also .gz, .bz2, .xz, .zst) or .parquet"


@dataclass(frozen=True)
class TextTable:
    """Some columns of a table file.

    columns: name -> N texts, blanks around them removed. lines: the line of the file on which each row
    ends, from 1; None for a format without lines.
    """

    path: Path
    columns: dict[str, list[str]]
    lines: list[int] | None = None

    def place(self, row: int) -> str:
        """Return what messages call a row (given from 0): its number from 1, and its line."""
        return f"row {row + 1}" + (f" (line {self.lines[row]})" if self.lines else "")


def read_text_table(path: Path, names: Sequence[str], delimiter: str | None = None) -> TextTable:
    """Return the columns `names` of a file, whose ending says what it is.

    delimiter: what separates columns; None: a comma, in .tsv a tab. Raises DataError, naming file and
    place: an ending that is none of `ENDINGS`, a damaged or cut file, bytes that are not UTF-8 text, a row
    with more or fewer values than there are columns, a column twice, a column of `names` that is not
    there, no row at all, more than `MOST_ROWS`, a file that unfolds to far more than its size.
    """
    endings = [ending.lower() for ending in path.suffixes[-2:]]
    kind = endings[-1] if endings and endings[-1] in (*DELIMITERS, ".parquet") else "".join(endings[:1])
    if kind == ".parquet":
        table = _read_parquet(path, names)
    elif kind in DELIMITERS:
        table = _read_csv(path, names, delimiter or DELIMITERS[kind])
    else:
        raise DataError(f"{path}: unknown kind of table; expected a name that ends in {ENDINGS}")
    if not next(iter(table.columns.values()), []):
        raise DataError(f"{path}: the table is empty; expected a line of column names and at least one row")
    return table


def check_names(path: Path, there: Sequence[str], names: Sequence[str]) -> None:
    """Raise DataError if a column comes twice or if one of `names` is not among those that are there."""
    listed = ", ".join(map(repr, there[:40])) + (", …" if len(there) > 40 else "")
    if len(listed) > 1000:
        listed = listed[:1000] + "…"
    counts = Counter(there)
    if twice := next((name for name, count in counts.items() if count > 1), None):
        raise DataError(f"{path}: column {twice[:100]!r} comes twice; each name may come once")
    if missing := [name for name in dict.fromkeys(names) if name not in counts]:
        raise DataError(
            f"{path}: no column {', '.join(map(repr, missing))}; it has {listed or 'none'}; change "
            "columns, metrics or costs of this file in the configuration"
        )


def _read_csv(path: Path, names: Sequence[str], delimiter: str) -> TextTable:
    names = list(dict.fromkeys(names))
    try:
        with open_bytes(path) as handle:
            rows = csv.reader(_lines(path, handle), delimiter=delimiter, strict=True)
            return _gather(path, rows, names)
    except csv.Error as error:
        raise DataError(f"{path}: line {rows.line_num}: not a CSV row ({error})") from error
    except (EOFError, zlib.error, LZMAError, OSError, MemoryError) as error:
        raise DataError(
            f"{path}: cannot be read ({str(error) or type(error).__name__}); it is damaged, cut short or of "
            "another kind than its name says; fetch or write it again"
        ) from error


def _gather(path: Path, rows, names: Sequence[str]) -> TextTable:
    header = [name.strip() for name in next(rows, [])]
    check_names(path, header, names)
    picked = [(header.index(name), []) for name in names]
    lines = []
    for row in rows:
        if not row:
            continue  # an empty line
        if len(row) != len(header):
            raise DataError(
                f"{path}: row {len(lines) + 1} (line {rows.line_num}): {len(row)} values, expected "
                f"{len(header)}, one for each column"
            )
        if len(lines) == MOST_ROWS:
            raise DataError(f"{path}: more than {MOST_ROWS} rows (line {rows.line_num}); give fewer cells")
        lines.append(rows.line_num)
        for k, column in picked:
            column.append(row[k].strip())
    return TextTable(path, {name: column for name, (_, column) in zip(names, picked, strict=True)}, lines)


def _lines(path: Path, handle) -> Iterator[str]:
    """Yield decoded lines with their ends."""
    number = 0
    while line := handle.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise DataError(f"{path}: line {number} has more than {LONGEST_LINE} bytes; this is no CSV table")
        if b"\0" in line:
            raise DataError(f"{path}: line {number} holds zero bytes; expected UTF-8 text")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: line {number}, byte {error.start + 1}: not UTF-8 text") from error


def _read_parquet(path: Path, names: Sequence[str]) -> TextTable:
    try:
        from pyarrow import parquet
    except ImportError:
        raise DataError(
            f"{path}: reading Parquet needs the package pyarrow: pip install pyarrow; or save it as .csv.gz"
        ) from None
    names = list(dict.fromkeys(names))
    try:
        # memory_map=False: a file cut short while it is read must be an error and not a bus fault
        with parquet.ParquetFile(path, memory_map=False) as file:
            check_names(path, file.schema_arrow.names, names)
            _check_unfolded(path, file.metadata, names)
        # read_dictionary: a text that comes in millions of rows is one text in memory, too
        with parquet.ParquetFile(path, memory_map=False, read_dictionary=names) as file:
            table = file.read(columns=names, use_threads=False)
        columns = {name: _texts(table.column(name)) for name in names}
    except DataError:
        raise
    except Exception as error:  # pyarrow raises errors of many types for damaged files
        raise DataError(
            f"{path}: not a whole Parquet file ({type(error).__name__}: {str(error)[:200]}); fetch or write "
            "it again"
        ) from error
    return TextTable(path, columns)


def _check_unfolded(path: Path, metadata, names: Sequence[str]) -> None:
    """Raise DataError if a Parquet file says that its columns would fill the memory."""
    groups = [metadata.row_group(k) for k in range(metadata.num_row_groups)]
    rows = max(metadata.num_rows, sum(group.num_rows for group in groups))
    if rows > MOST_ROWS:
        raise DataError(f"{path}: {rows} rows, expected at most {MOST_ROWS}; give fewer cells")
    columns = [group.column(k) for group in groups for k in range(group.num_columns)]
    picked = [column for column in columns if column.path_in_schema.split(".")[0] in names]
    size = sum(column.total_uncompressed_size for column in picked)
    if size > _UNFOLDED + _PER_BYTE * path.stat().st_size:
        raise DataError(f"{path}: its columns unfold to {size} bytes, more than such a file can hold")


def _texts(column) -> list[str]:
    """Return a column of a Parquet file as text."""
    texts = []
    for chunk in column.chunks:
        if hasattr(chunk, "dictionary"):
            of = [_text(value) for value in chunk.dictionary.to_pylist()]
            texts += ["" if k is None else of[k] for k in chunk.indices.to_pylist()]
        else:
            texts += map(_text, chunk.to_pylist())
    return texts


def _text(value) -> str:
    return "" if value is None else str(value).strip()
