"""DARTS cells trained on digits: a space that cannot be listed, from its catalogue to the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.benchmarks.tables import load_table
from pipeline.spaces import darts
from pipeline.spaces.catalogue import load_space
from pipeline.storage.artifacts import get_archs, get_table, open_h5
from tests.workflow.conftest import Project, copy_project

pytestmark = pytest.mark.workflow
CONFIG = Path(__file__).with_name("darts.yaml")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """The project after a whole run; tests must leave it as they found it."""
    project = copy_project(tmp_path_factory.mktemp("darts") / "project", CONFIG)
    project.snakemake()
    return project


def test_trained_cells_are_of_the_catalogue_and_searched_ones_of_the_whole_space(project):
    results = project.root / "results"
    _, listed = load_space(results / "spaces" / "darts.h5")
    table = load_table(results / "benchmarks" / "digits_darts.h5")
    assert len(listed) == 300 and table.role.tolist() == ["held_out"] * 2 + ["labelled"] * 3
    assert np.isin(darts.cell_key(table.archs), listed).all()
    assert (table.mean(table.val_metric) > 0).all() and (table.costs["train_flops"] > 0).all()
    for strategy in ("regularized_evolution", "neighbours", "reinforce"):
        with open_h5(results / "search" / "digits_darts" / f"{strategy}.h5", "search") as handle:
            archs, frame = get_archs(handle), get_table(handle)
        assert frame["source"].tolist() == ["known"] * 3 + ["trained"] * 2
        new = np.isin(darts.cell_key(archs), listed, invert=True)
        assert new.tolist() == [False] * 3 + [True] * 2
    assert "digits_darts" in (results / "report" / "index.html").read_text()


def test_strategies_that_name_latents_depend_on_their_autoencoder(project, tmp_path):
    other = project.copy(tmp_path / "project")
    other.edit("darts.yaml", "n_samples: 50", "n_samples: 51")
    stale = other.plan()["run_strategy"]
    assert stale == [f"results/search/digits_darts/{name}.h5" for name in ("neighbours", "reinforce")]


def test_a_finished_run_is_fresh_and_a_larger_catalogue_is_another_one(project, tmp_path):
    assert project.not_fresh() == {}
    assert project.plan() == {}
    larger = project.copy(tmp_path / "project")
    larger.edit("darts.yaml", "side_by_side: 2", "side_by_side: 3")
    assert "run_strategy" not in larger.plan() and "train_children" not in larger.plan()
    larger.edit("darts.yaml", "catalogue: 300", "catalogue: 400")
    assert {"enumerate_space", "train_children", "build_benchmark", "run_strategy"} <= larger.plan().keys()
