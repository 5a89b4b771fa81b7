"""The report's figures as files for papers: the page's traces, in the formats, the same bytes again."""

from __future__ import annotations

import json
from argparse import ArgumentParser

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from pipeline.config.model import check
from pipeline.job import Job
from pipeline.report import figures_command, static, theme
from pipeline.report.blocks import Data, Figure, Panel
from pipeline.report.plain import plain
from pipeline.staleness.recipes import recipe_json
from pipeline.storage.artifacts import read_provenance
from tests.unit.report_file_fixtures import NASBENCH201, NASBENCH301, FileFixtures, config_of


def block(*figures: go.Figure) -> Figure:
    data = Data("some", pd.DataFrame())
    return Figure("some", "Some", [Panel(f, f"panel {k}") for k, f in enumerate(figures)], "Caption.", data)


def axes_of(*figures: go.Figure) -> list:
    return static.draw(block(*figures)).axes


def test_lines_keep_their_numbers_colours_and_dashes():
    figure = theme.figure(300, xaxis={"type": "log", "tickvals": [1, 10, 100], "title": {"text": "cells"}})
    line = {"color": theme.GREEN, "dash": "dash", "width": 2}
    figure.add_scatter(x=[1, 10, 90], y=[0.1, np.nan, 0.3], mode="lines+markers", name="GATES", line=line)
    figure.add_scatter(x=[1, 90], y=[0, 1], visible="legendonly", name="hidden")
    (axes,) = axes_of(figure)
    (drawn,) = axes.lines
    assert drawn.get_xdata().tolist() == [1, 10, 90] and np.isnan(drawn.get_ydata()[1])
    assert drawn.get_linestyle() == "--" and theme.GREEN in static.mpl.colors.to_hex(drawn.get_color())
    assert axes.get_xscale() == "log" and axes.get_xlabel() == "cells" and axes.get_title("left") == "panel 0"
    assert [tick.get_text() for tick in axes.get_xticklabels()][:2] == ["1", "10"]


def test_bands_bars_and_maps_are_drawn():
    band = theme.figure(200)
    band.add_scatter(x=[1, 2], y=[0.0, 0.1], line={"width": 0}, mode="lines")
    fill = {"fill": "tonexty", "fillcolor": theme.shade(theme.BLUE, 0.2)}
    band.add_scatter(x=[1, 2], y=[0.4, 0.5], line={"width": 0}, mode="lines", **fill)
    stacked = theme.figure(200, barmode="stack", yaxis={"tickformat": ".0%"})
    for values in ([1, 2], [3, 4]):
        stacked.add_bar(x=[0.5, 1.5], y=values, width=[0.9, 0.9], marker={"color": theme.BLUE})
    beside = theme.figure(200)
    for values in ([1, 2], [3, 4]):
        beside.add_bar(x=["a", "b"], y=values, marker={"color": theme.BLUE})
    heat = theme.figure(200, yaxis={"autorange": "reversed"})
    heat.add_heatmap(
        z=[[1, np.nan]],
        x=["p", "q"],
        y=["r"],
        colorscale=theme.DIVERGING,
        zmin=-1,
        zmax=1,
        texttemplate="%{z}",
    )
    filled, bars, groups, map_ = axes_of(band, stacked, beside, heat)
    (shape,) = filled.collections
    assert {tuple(point) for point in shape.get_paths()[0].vertices.tolist()} >= {(1.0, 0.0), (2.0, 0.5)}
    assert [(b.get_y(), b.get_height()) for b in bars.patches] == [(0, 1), (0, 2), (1, 3), (2, 4)]
    assert len({round(b.get_x(), 3) for b in groups.patches}) == 4
    assert map_.images[0].get_array().shape == (1, 2) and map_.texts[0].get_text() == "1.00"
    assert bars.yaxis.get_major_formatter()(0.25, 0) == "25%"


def test_arrays_are_plain_lists():
    figure = go.Figure()
    figure.add_heatmap(z=np.arange(6.0).reshape(2, 3), x=np.arange(3))
    (trace,) = plain(figure)["data"]
    assert trace["z"] == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]] and trace["x"] == [0, 1, 2]
    json.dumps(trace)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.mark.parametrize("kind", [NASBENCH201, NASBENCH301], ids=lambda kind: kind.name)
def test_the_command_writes_every_figure_and_a_table_of_them(folder, kind):
    sources = FileFixtures(folder, kind).sources()
    parser = ArgumentParser()
    figures_command.add_arguments(parser)
    out = folder / f"figures/{kind.name}/figures.csv"
    search = [f"{name}={file}" for name, file in sources.search.items()]
    options = ["--benchmark-table", sources.table, "--search", *search, "--out", out]
    args = parser.parse_args(list(map(str, options)))
    written = {}
    for extension in ("pdf", "svg", "svg"):
        job = Job("figures", config_of(kind) | {"figures": extension}, code="c0de")
        figures_command.run(args, job)
        files = [file for file in out.parent.iterdir() if not file.name.endswith(".run.json")]
        before, written = written, {file.name: file.read_bytes() for file in files}
        if extension == "svg":
            assert not [name for name in written if name.endswith(".pdf")]
    assert before == written
    table = pd.read_csv(out)
    assert set(table["file"]) == set(written) - {out.name}
    assert {"search_val_acc", "label_distribution", "cells_random"} <= set(table["figure"])
    assert table["caption"].str.len().min() > 20 and "click" not in table["caption"].str.cat()
    assert all(text.startswith(b"<?xml") for name, text in written.items() if name.endswith(".svg"))
    assert read_provenance(out)["code"] == "c0de"


def test_a_format_makes_the_figures_stale_and_nothing_else():
    raw = {
        "benchmarks": {"digits101": {"space": "nasbench101", "children": {"images": "digits"}}},
        "images": {"digits": {"source": "digits"}},
    }
    plain_, pdf = check(raw), check(raw | {"figures": "pdf"})
    assert recipe_json("report", plain_) == recipe_json("report", pdf)
    assert recipe_json("figures", plain_, benchmark="digits101") != recipe_json(
        "figures", pdf, benchmark="digits101"
    )
