"""Any artifact's table as CSV."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path

import numpy as np

from pipeline.job import Job
from pipeline.storage.artifacts import get_table, open_h5
from pipeline.storage.files import write_text

HELP = "Write the table of an artifact as CSV (UTF-8, header line, shortest numbers that read back exactly)."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("file", type=Path, help="artifact (.h5) to read")
    parser.add_argument("--csv", type=Path, help="file to write (default: standard output)")


def run(args: argparse.Namespace, job: Job) -> None:
    """Write one artifact's table. Raises ArtifactError if the file is missing, damaged or has no table."""
    with open_h5(args.file) as handle:
        text = table_csv(get_table(handle))
    if args.csv is None:
        sys.stdout.write(text)
    else:
        write_text(args.csv, text)


def table_csv(table) -> str:
    """Return a DataFrame as CSV text.

    A float is the shortest decimal that reads back as the same float32 or float64; NaN (missing) is an
    empty field; infinities are `inf` and `-inf`.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(zip(*(_fields(table[name].to_numpy()) for name in table.columns), strict=True))
    return out.getvalue()


def _fields(values: np.ndarray) -> list[str]:
    if values.dtype.kind == "f":
        return ["" if np.isnan(v) else str(v) for v in values]
    return [str(v) for v in values]
