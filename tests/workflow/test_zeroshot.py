"""The workflow on zero-shot scores of a real table: append cells and metrics, use them, export them."""

from __future__ import annotations

import csv
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.storage.artifacts import get_table, open_h5
from pipeline.zeroshot.reading import ZeroShot
from tests.workflow.conftest import Project, copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.real_data]
CONFIG = Path(__file__).with_name("zeroshot.yaml")
SCORES = "results/zeroshot/nasbench201.h5"


@pytest.fixture(scope="module")
def project(tmp_path_factory, data_dir) -> Project:
    """The project after a whole run on 30 scored cells; tests go on from there, in order."""
    root = copy_project(tmp_path_factory.mktemp("zeroshot") / "project").root
    (root / CONFIG.name).write_text(f"data_dir: {data_dir}\n{CONFIG.read_text()}")
    made = Project(root, CONFIG.name)
    made.snakemake()
    return made


def log_of(project: Project, chunk: int) -> str:
    return (project.root / f"results/logs/zeroshot/nasbench201/chunk_{chunk}.log").read_text()


def test_scores_reach_predictors_the_search_the_report_and_csv(project):
    assert project.not_fresh() == {}
    assert project.plan() == {}
    stored = ZeroShot.load(project.root / SCORES, "nasbench201")
    assert len(stored) == 30 and stored.metrics == ("flops", "params", "snip")
    with open(project.root / "results/tables/search.csv") as handle:
        assert {row["strategy"] for row in csv.DictReader(handle)} == {"most_flops"}
    with open_h5(project.root / "results/search/nasbench201/most_flops.h5") as handle:
        frame = get_table(handle)
    with open_h5(project.root / SCORES) as handle:
        scores = get_table(handle).set_index("cell")["flops"]
    first = scores[frame[(frame["run"] == 0) & (frame["query"] > 5)]["cell"]].to_numpy()
    assert len(first) == 15 and (np.diff(first) <= 0).all() and first[0] >= scores.quantile(0.8)
    page = (project.root / "results/report/index.html").read_text()
    assert 'id="zeroshot"' in page and "snip" in page
    text = project.run("pipeline", "export", SCORES).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 30 and set(rows[0]) == {"cell", "role", "params", "flops", "snip", "reason"}


def test_more_cells_and_one_more_metric_cost_what_is_new(project, tmp_path):
    grown = project.copy(tmp_path / "project")
    grown.edit(CONFIG.name, "n_scored: 30", "n_scored: 45")
    plan = grown.plan("zeroshot")
    chunks = [f"results/zeroshot/nasbench201/chunk_{k}.h5" for k in (1, 2)]
    assert plan == {"score_cells": chunks, "join_scores": [SCORES]}
    grown.snakemake("zeroshot")
    assert scored(log_of(grown, 1)) == 10 and scored(log_of(grown, 2)) == 5
    grown.edit(CONFIG.name, "[params, flops, snip]", "[params, flops, snip, synflow]")
    grown.snakemake("zeroshot")
    other = grown.copy(tmp_path / "at_once")
    shutil.rmtree(other.root / "results/zeroshot")
    other.snakemake("zeroshot")
    for name in ("chunk_0.h5", "chunk_1.h5", "chunk_2.h5"):
        file = f"results/zeroshot/nasbench201/{name}"
        assert (grown.root / file).read_bytes() == (other.root / file).read_bytes(), name
    assert (grown.root / SCORES).read_bytes() == (other.root / SCORES).read_bytes()


def scored(log: str) -> int:
    """How many cells a chunk's log says were scored now."""
    return int(re.search(r"(\d+) of \d+ cells scored now", log).group(1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("zeroshot: [params, snip]", "zeroshot: [zen]", "predictors.boosted.zeroshot: there is no 'zen'"),
        ("zeroshot: flops", "zeroshot: nwot", "strategies.most_flops.zeroshot: there is no 'nwot'"),
        ("    images: digits\n", "", "benchmarks.nasbench201 has no zero-shot scores; give it `images`"),
        ("n_scored: 30", "n_scored: many", "benchmarks.nasbench201.n_scored: expected a number of cells"),
    ],
)
def test_a_mistake_is_one_line_before_any_job(project, tmp_path, old, new, message):
    text = (project.root / CONFIG.name).read_text()
    assert old in text
    broken = tmp_path / "broken.yaml"
    broken.write_text(text.replace(old, new))
    done = project.run("snakemake", "--cores", 1, "--configfile", broken, check=False)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if message in line]
    assert done.returncode != 0 and len(lines) == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
