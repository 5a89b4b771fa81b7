"""The report's section on cells that SemiGAN-NAD generates."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from pipeline.report.blocks import Data
from pipeline.report.sections_generated import generated

ROWS = [
    ("valid", "as generated", "", 0.4, 0.1, 3, ""),
    ("valid", "after repair", "", 0.95, 0.0, 3, ""),
    ("accuracy", "validation", "> 0.93", 0.625, 0.05, 3, 0.25),
    ("accuracy", "test", "> 0.93", "", "", 3, ""),
    ("operation", "0-1", "nor_conv_3x3", 0.75, 0.1, 3, 0.5),
    ("operation", "0-1", "none", 0.25, 0.1, 3, 0.5),
    ("operation", "0-2", "nor_conv_3x3", 0.1, 0.1, 3, 0.2),
    ("operation", "0-2", "none", 0.9, 0.1, 3, 0.8),
]
NAMES = ["part", "name", "detail", "generated_mean", "generated_std", "n_runs", "benchmark"]


def context(tables):
    return SimpleNamespace(
        run=SimpleNamespace(sources=SimpleNamespace(tables=tables)),
        data=lambda key, frame, file: Data(key, frame, str(file)),
        seed_text=lambda: "Seed 1.",
    )


def test_shares_stand_beside_the_benchmarks_and_unknown_ones_are_left_out(tmp_path):
    file = tmp_path / "semigan" / "bench" / "semigan_nad.csv"
    file.parent.mkdir(parents=True)
    pd.DataFrame(ROWS, columns=NAMES).to_csv(file, index=False)
    section = generated(context([tmp_path / "tables" / "search.csv", file]))
    assert "40.0" in section.lead and "95.0" in section.lead
    table, figure = section.blocks
    assert len(table.rows) == 3  # two of graphs, one of accuracies
    what, made, other = table.rows[2]
    assert what.text == "validation > 0.93" and (made.sort, other.sort) == (0.625, 0.25)
    first, second = (panel.figure.data[0] for panel in figure.panels)
    assert list(first.x) == ["0-1", "0-2"] and list(first.y) == ["conv 3×3", "none"]
    assert first.z.tolist() == [[0.75, 0.1], [0.25, 0.9]] and second.z.tolist() == [[0.5, 0.2], [0.5, 0.8]]


def test_a_run_without_such_tables_has_no_such_section(tmp_path):
    assert generated(context([tmp_path / "tables" / "search.csv"])) is None
