"""info-NAS' variants in the real workflow: merged configuration files, several runs, exact staleness."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
import yaml

from pipeline.config.model import merge
from tests.workflow.conftest import Project

pytestmark = pytest.mark.workflow
OVERLAY = Path(__file__).with_name("infonas.yaml")


@pytest.fixture
def merged(fresh_copy) -> Project:
    """The finished project, with what is merged over its configuration, and the two as one file."""
    shutil.copy2(OVERLAY, fresh_copy.root / "infonas.yaml")
    raw = yaml.safe_load((fresh_copy.root / "tiny.yaml").read_text())
    merge(raw, yaml.safe_load(OVERLAY.read_text()))
    (fresh_copy.root / "merged.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    return Project(fresh_copy.root, "merged.yaml")


def test_variants_of_infonas_beside_each_other(merged):
    two_files = Project(merged.root)
    two_files.snakemake("predictors", options=("infonas.yaml",))
    with open(merged.root / "results/tables/autoencoders.csv") as file:
        rows = list(csv.DictReader(file))
    found = [(row["autoencoder"], row["run"]) for row in rows]
    assert found == [
        *(("accuracy", "1"), ("arch2vec", "1"), ("concat", "1")),
        *(("infonas", "1"), ("infonas", "2"), ("mean", "1"), ("top4", "1")),
    ]
    of = {row["autoencoder"] + row["run"]: row for row in rows}
    for name in ("infonas1", "infonas2"):
        assert float(of[name]["reference_op_accuracy_labelled"]) > 0
        assert float(of[name]["baseline_l1_train_ci95"]) > 0
        assert of[name]["baseline_l1_unseen_both_ci95"] == ""  # 200 pairs are not two batches
    assert of["infonas1"]["io_loss"] != of["infonas2"]["io_loss"]
    assert of["accuracy1"]["io_loss_unseen_images"] == "" != of["top41"]["io_loss_unseen_images"]
    assert merged.plan("predictors") == {}  # one merged file means the same
    merged.edit("pipeline/autoencoders/regressors/concat.py", "torch.cat([seen", "torch.cat([1.0 * seen")
    assert merged.plan("predictors") == {
        "autoencoders_table": ["results/tables/autoencoders.csv"],
        "train_autoencoder": ["results/autoencoders/digits101/concat/seed_1.h5"],
    }
    merged.edit("merged.yaml", "n_seeds: 2", "n_seeds: 3")
    trained = merged.plan("autoencoders")["train_autoencoder"]
    assert trained == [
        f"results/autoencoders/digits101/{run}.h5" for run in ("concat/seed_1", "infonas/seed_3")
    ]
