"""Autoencoders in the workflow: two runs on two tables, one of an unlisted space; embeddings; staleness."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.autoencoders.embeddings import Embeddings
from pipeline.storage.artifacts import open_h5
from tests.workflow.conftest import Project, copy_project
from tests.workflow.test_tables import write_data

pytestmark = pytest.mark.workflow
CONFIG = Path(__file__).with_name("autoencoders.yaml")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """The project after predictors on latents, and embeddings."""
    project = copy_project(tmp_path_factory.mktemp("autoencoders") / "project", CONFIG)
    write_data(project.root / "data")
    project.snakemake("predictors", "embeddings")
    return project


def names(plan: dict[str, list[str]]) -> set[str]:
    """The artifacts of a plan, without `results/`."""
    return {file.removeprefix("results/") for files in plan.values() for file in files}


def test_every_run_is_an_artifact_and_only_listed_spaces_are_listed(project):
    assert project.not_fresh("predictors", "embeddings") == {}
    results = project.root / "results"
    assert [f.name for f in (results / "spaces").glob("*.h5")] == ["nasbench201.h5"]
    weights = []
    for benchmark, n_cells in (("nasbench201", 15_625), ("darts", 400)):
        folder = Path(benchmark) / "arch2vec"
        for run in (1, 2):
            encoder = results / "autoencoders" / folder / f"seed_{run}.h5"
            with open_h5(encoder, "autoencoder") as handle:
                assert handle.attrs["run"] == run
                weights.append(handle["weights/vae/fc_mu.weight"][()].tobytes())
            table = results / "benchmarks" / f"{benchmark}.h5"
            embedded = results / "embeddings" / folder / f"seed_{run}.h5"
            with Embeddings(embedded, encoder, table) as embeddings:
                assert len(embeddings) == n_cells
    assert len(set(weights)) == 4
    assert not list((results / "autoencoders").rglob("*.pt"))


def test_one_more_run_trains_that_one_alone(project):
    assert project.plan("predictors", "embeddings") == {}
    text = (project.root / CONFIG.name).read_text()
    try:
        project.edit(CONFIG.name, "n_seeds: 2", "n_seeds: 3")
        made = {f"autoencoders/{b}/arch2vec/seed_3.h5" for b in ("nasbench201", "darts")}
        made.add("tables/autoencoders.csv")
        assert names(project.plan("autoencoders")) == made
        project.edit(CONFIG.name, "n_embedded: 300", "n_embedded: 301")
        plan = names(project.plan("embeddings"))
        of_darts = {f"embeddings/darts/arch2vec/seed_{run}.h5" for run in (1, 2, 3)}
        assert plan == made | of_darts | {"embeddings/nasbench201/arch2vec/seed_3.h5"}
    finally:
        (project.root / CONFIG.name).write_text(text)


def test_latents_of_a_run_concern_who_names_it(project):
    text = (project.root / CONFIG.name).read_text()
    try:
        project.edit(CONFIG.name, "latents: arch2vec/2", "latents: arch2vec/1")
        plan = project.plan("predictors")
        assert set(plan) == {"train_predictor", "predictors_table"}
        assert all("random_forest_2" in file for file in plan["train_predictor"])
        project.edit(CONFIG.name, "latents: arch2vec/1", "latents: arch2vec/4")
        done = project.snakemake("predictors", options=("-n",), check=False)
        assert done.returncode and "there is no run 4 of arch2vec" in done.stdout + done.stderr
    finally:
        (project.root / CONFIG.name).write_text(text)
