"""Real photos of CIFAR-10: networks are trained, killed in the middle, and go on to the same bytes."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.unit.image_files import BATCHES, CIFAR10_CLASSES, CIFAR10_NAME, batch, write_archive
from tests.workflow.conftest import ROOT, Project, copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.real_data]
CONFIG = "configs/cifar10_small.yaml"
FEWER = "fewer.yaml"
IMAGES = {"n_train": 600, "n_valid": 150, "n_test": 150}  # 13 steps of 48 an epoch: enough to be killed in
PER_BATCH = 150


def write_photos(data_dir: Path, folder: Path) -> None:
    """Write an archive of the official layout out of real test photos, as many of each class."""
    from PIL import Image

    archive = zipfile.ZipFile(data_dir / "cifar10-test.zip")
    members = sorted(name for name in archive.namelist() if name.endswith(".webp"))
    classes = [Path(name).parent.name for name in members]
    order = np.random.default_rng(0).permutation(len(members))[: len(BATCHES) * PER_BATCH]
    contents = {"batches.meta": {"label_names": CIFAR10_CLASSES}}
    for number, name in enumerate(BATCHES):
        rows = order[number * PER_BATCH : (number + 1) * PER_BATCH]
        pixels = [np.asarray(Image.open(io.BytesIO(archive.read(members[row])))) for row in rows]
        labels = [CIFAR10_CLASSES.index(classes[row]) for row in rows]
        contents[name] = batch(np.stack(pixels).transpose(0, 3, 1, 2), {"labels": labels}, name)
    folder.mkdir()
    write_archive(folder / CIFAR10_NAME, contents)


@pytest.fixture(scope="module")
def project(tmp_path_factory, data_dir) -> Project:
    """A copy of the project with the archive beside it; nothing has run yet."""
    made = copy_project(tmp_path_factory.mktemp("cifar") / "project")
    shutil.copytree(ROOT / "configs", made.root / "configs")
    write_photos(data_dir, made.root / "data")
    training = {"children": {"training": {"batch_size": 48}}}
    fewer = {"images": {"cifar10": IMAGES}, "benchmarks": {"cifar101": training}}
    fewer["io_dataset"] = {"n_unseen_images": 60}
    (made.root / FEWER).write_text(json.dumps(fewer))
    return Project(made.root, CONFIG)


def snakemake(project: Project) -> list[str]:
    return [
        sys.executable, "-m", "snakemake", "io_dataset", "--cores", "2", "--configfile", CONFIG, FEWER,
        "--config", "data_dir=data",
    ]  # fmt: skip


def artifacts(project: Project) -> dict[str, bytes]:
    folder = project.root / "results"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.h5")}


def killed_in_the_middle(project: Project) -> bool:
    """Start a run and kill it and its jobs as soon as a network has a checkpoint; return whether one had."""
    environment = {**os.environ, "PYTHONPATH": str(project.root)}
    run = subprocess.Popen(
        snakemake(project), cwd=project.root, env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while run.poll() is None:
        if list((project.root / "results" / "children").rglob("*.pt")):
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            return True
        time.sleep(0.01)
    return False


def test_a_killed_run_goes_on_to_the_same_bytes(project):
    command = snakemake(project)[2:]
    project.run(*command)
    whole = artifacts(project)
    assert len([name for name in whole if name.startswith("children/")]) == 2
    shutil.rmtree(project.root / "results")
    shutil.rmtree(project.root / ".snakemake")
    assert killed_in_the_middle(project)
    assert len(artifacts(project)) < len(whole)
    project.run(
        "snakemake", "--unlock", "--cores", 1, "--configfile", CONFIG, FEWER, "--config", "data_dir=data"
    )
    project.run(*command)
    again = artifacts(project)
    assert again.keys() == whole.keys()
    assert [name for name in whole if again[name] != whole[name]] == []
