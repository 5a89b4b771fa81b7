"""Python in the documentation that reads a finished run, as printed."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from pipeline.autoencoders.embeddings import write_embeddings
from pipeline.autoencoders.reading import load_encoder
from pipeline.job import Job
from pipeline.storage.artifacts import write_h5
from tests.unit.test_docs_code import run

pytestmark = pytest.mark.workflow
ENCODER = "results/autoencoders/digits101/arch2vec/seed_1.h5"


@pytest.fixture(scope="module")
def read_only(finished, tmp_path_factory):
    """A folder with the run's results under the names that the default run gives them, and embeddings."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(finished.root / "results", folder / "results")
    for n in (30, 60):
        for end in (".h5", ".h5.run.json"):
            made = folder / "results/predictors/digits101/gates"
            shutil.copy(made / f"n8{end}", made / f"n{n}{end}")
    encoder = load_encoder(folder / ENCODER)
    file = folder / ENCODER.replace("autoencoders", "embeddings")
    file.parent.mkdir(parents=True)
    with write_h5(file, "embeddings", Job("embeddings", {})) as handle:
        write_embeddings(handle, "nasbench101", some_keys(), encoder)
    for name in ("one", "two"):
        (folder / name).symlink_to(folder, target_is_directory=True)
    return folder


def some_keys() -> np.ndarray:
    from pipeline.spaces import nasbench101

    return np.unique(nasbench101.cell_key(nasbench101.enumerate_cells()[:50]))


@pytest.fixture
def inside(read_only, monkeypatch):
    monkeypatch.chdir(read_only)


def test_the_tutorial_reads_its_tables(inside, capsys):
    found = run("docs/tutorial.md")
    assert len(found["last"]) == 3 and found["last"]["queries"].eq(8).all()
    printed = capsys.readouterr().out
    assert "random_forest_infonas" in printed and "regularized_evolution" in printed


def test_artifacts_are_read_as_printed(inside, capsys):
    found = run("docs/reference/artifacts.md")
    assert found["made"]["stage"] == "predictors" and set(found["made"]["versions"]) > {"torch"}
    assert found["ops"].shape == (12, 7) and found["adj"].shape == (12, 7, 7)
    assert len(found["space"]) == 423_624 and found["layout"][0] == ["stem.conv.weight", [6, 1, 3, 3]]
    assert found["curves"].shape == (2, 4) and found["curves"].max().max() <= 1
    assert found["logits"].shape[1] == 10 and set(found["scores"]["role"]) <= {
        "held_out",
        "labelled",
        "candidate",
    }
    assert found["embeddings"].shape == (12, 112) and len(found["queries"]) == 16
    assert "(50, 112)" in capsys.readouterr().out


def test_two_runs_are_compared_as_printed(inside):
    found = run("docs/howto/compare.md")
    assert found["both"]["difference"].eq(0).all() and len(found["both"]) == 6
    assert found["tau"].between(-1, 1).all() and len(found["tau"]) == 2
