"""The report of a run whose networks tell many classes apart: top-5 accuracy is shown beside top-1."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from pipeline.benchmarks.tables import load_table, write_table
from pipeline.job import Job
from pipeline.report import words
from pipeline.report.data import Sources, read
from pipeline.report.page import build
from tests.unit.report_fixtures import CONFIG, Fixtures
from tests.unit.test_report import Page


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of trained networks with top-5 accuracies, which are half-way between top-1 and 1."""
    made = Fixtures(tmp_path_factory.mktemp("many"))
    chunks = made.children(made.images())
    for path in chunks:
        with h5py.File(path, "r+") as handle:
            for name in ("val", "test"):
                handle[f"curves/{name}_top5"] = (1 + handle[f"curves/{name}_acc"][()]) / 2
        Path(f"{path}.run.json").unlink()  # its checksum is that of the file before
    path = made.table(chunks)
    table = load_table(path)
    top5 = {k.replace("_acc@", "_top5@"): (1 + v) / 2 for k, v in table.metrics.items()}
    write_table(path, replace(table, metrics=table.metrics | top5), Job("benchmarks", {}))
    return read(Sources(images=made.folder / "images/digits.h5", children=chunks, table=path), CONFIG)


@pytest.fixture(scope="module")
def text(run, tmp_path_factory) -> str:
    return build(run, tmp_path_factory.mktemp("page") / "index.html")


def data_of(text: str, name: str) -> pd.DataFrame:
    """The CSV behind a block."""
    return Page(text).tables[name]


def test_a_table_shows_top5_beside_top1(run, text):
    frame = run.labels.frame
    np.testing.assert_allclose(frame["val_top5"], (1 + frame["val_acc"]) / 2, rtol=1e-6)
    assert "Top-1 and top-5 accuracy" in text
    shown = data_of(text, "top5")
    best = frame.loc[frame["val_acc"].idxmax()]
    assert list(shown)[1:] == ["val_acc", "val_top5", "test_acc", "test_top5"]
    for name in ("val_acc", "test_top5"):
        assert shown.loc[0, name] == pytest.approx(best[name], rel=1e-5)
    np.testing.assert_allclose(shown["val_top5"][2], frame["val_top5"].median(), rtol=1e-5)
    assert words.percent(best["val_top5"], 1) in text


def test_top5_has_a_learning_curve_of_its_own(run, text):
    assert 'id="curves_val_top5"' in text and "Top-5 validation accuracy" in text
    curve = data_of(text, "learning_curves_val_top5")
    np.testing.assert_allclose(
        curve["median"].iloc[-1], np.nanmedian(run.children.curves["val_top5"][:, -1]), rtol=1e-4
    )


def test_a_run_of_few_classes_has_neither(tmp_path):
    made = Fixtures(tmp_path)
    images = made.images()
    chunks = made.children(images)
    page = build(
        read(Sources(images=images, children=chunks, table=made.table(chunks)), CONFIG), tmp_path / "i.html"
    )
    assert "top-5" not in page.lower().replace("top-5 by", "")
