"""Names of files with blanks, quotes and commands in them reach the stages as they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml
from PIL import Image

from pipeline.storage.artifacts import open_h5
from tests.workflow.conftest import ROOT
from tests.workflow.test_tables import CONFIG, write_data

pytestmark = pytest.mark.workflow
FOLDER = 'it\'s $(touch evil) "x"; touch evil2 `touch evil3` *'
TABLE, IMAGES = "-rf it's $(touch evil).csv", "--images $HOME 'x' & touch evil4"


def test_odd_names_reach_the_commands_unharmed(tmp_path):
    data = tmp_path / FOLDER
    write_data(data)
    (data / "bench.csv").rename(data / TABLE)
    for kind in ("a b", "$(touch evil5)"):
        (data / IMAGES / kind).mkdir(parents=True)
        for number in range(4):
            Image.new("L", (8, 8), number).save(data / IMAGES / kind / f"{number}.png")
    config = yaml.safe_load(CONFIG.read_text()) | {"data_dir": FOLDER}
    config["benchmarks"]["nasbench201"]["files"][1]["file"] = TABLE
    config["images"] = {"odd": {"source": "folder", "file": IMAGES, "n_valid": 2, "n_test": 2}}
    (tmp_path / "config.yaml").write_text(json.dumps(config))

    assert "train_predictor" in snakemake(tmp_path, "--dry-run", "--printshellcmds")
    snakemake(tmp_path, "--", "results/benchmarks/nasbench201.h5", "results/images/odd.h5")
    with open_h5(tmp_path / "results" / "images" / "odd.h5", "images") as handle:
        assert sorted(handle.attrs["classes"]) == ["$(touch evil5)", "a b"]
    assert (tmp_path / "results" / "benchmarks" / "nasbench201.h5").exists()
    assert not list(tmp_path.rglob("evil*"))


def snakemake(folder, *options: str) -> str:
    """Run the workflow in `folder`; return what it says."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--cores", "1"]
    done = subprocess.run(
        [*command, "--configfile", "config.yaml", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout + done.stderr
