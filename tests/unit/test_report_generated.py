"""The report's section on cells that SemiGAN-NAD generates."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from pipeline.report.blocks import Data
from pipeline.report.sections_generated import generated
from pipeline.report.words import POINT

ROWS = [
    ("valid", "as generated", "", 0.4, 0.1, 3, ""),
    ("valid", "after repair", "", 0.95, 0.0, 3, ""),
    ("accuracy", "validation", "> 0.93", 0.625, 0.05, 3, 0.25),
    ("accuracy", "test", "> 0.93", "", "", 3, ""),
    ("operation", "0-1", "nor_conv_3x3", 0.75, 0.1, 3, 0.5),
    ("operation", "0-1", "none", 0.25, 0.1, 3, 0.5),
    ("operation", "0-2", "nor_conv_3x3", 0.1, 0.1, 3, 0.2),
    ("operation", "0-2", "none", 0.9, 0.1, 3, 0.8),
    ("contains", "nor_conv_1x1", "", 0.5, 0.1, 3, 0.3),
    ("shortest path", "1", "", 0.75, 0.1, 3, 0.25),
    ("shortest path", "2", "", 0.25, 0.1, 3, 0.75),
    ("edge", "0-1", "", 0.5, 0.1, 3, 0.6),
    ("edge", "0-2", "", 0.25, 0.1, 3, 0.1),
    ("edge", "1-2", "", 1.0, 0.0, 3, 0.9),
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
    table, contents, figure, edges = section.blocks
    assert len(table.rows) == 6  # two of graphs, one of accuracies, one of operations, two of paths
    assert table.rows[3][0].text == "contains conv 1×1"
    what, made, other = table.rows[2]
    assert what.text == f"validation > 93.0{POINT}%" and (made.sort, other.sort) == (0.625, 0.25)
    first, second = (panel.figure.data[0] for panel in figure.panels)
    assert list(first.x) == ["0-1", "0-2"] and list(first.y) == ["conv 3×3", "none"]
    operations, paths = (panel.figure.data for panel in contents.panels)
    assert list(operations[0].x) == ["conv 1×1"] and list(operations[0].error_y.array) == [0.1]
    assert [list(bar.y) for bar in paths] == [[0.75, 0.25], [0.25, 0.75]]
    assert [bar.name for bar in paths] == ["generated", "benchmark"]
    assert first.text[0][0] == "<b>75%</b>" and first.text[1][0] == "25%"
    links = edges.panels[0].figure.data[0]
    assert (list(links.x), list(links.y)) == (["1", "output"], ["input", "1"])
    assert links.z[0].tolist() == [0.5, 0.25] and np.isnan(links.z[1][0]) and links.z[1][1] == 1
    assert first.z.tolist() == [[0.75, 0.1], [0.25, 0.9]] and second.z.tolist() == [[0.5, 0.2], [0.5, 0.8]]


def test_a_run_without_such_tables_has_no_such_section(tmp_path):
    assert generated(context([tmp_path / "tables" / "search.csv"])) is None
