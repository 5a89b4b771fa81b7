"""An undisturbed run, and a small disk of its own for the disturbed ones."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.workflow.conftest import Project, copy_project

CONFIG = Path(__file__).with_name("faults.yaml")
DISK = "size=600m"


def pytest_collection_modifyitems(items):
    """Skip the long form where it is not asked for."""
    long = pytest.mark.skip(reason="long: make test-faults")
    for item in items:
        if item.get_closest_marker("faults_long") and os.environ.get("NASFLOW_FAULTS") != "long":
            item.add_marker(long)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> Project:
    """The project after a run that nothing disturbed."""
    project = copy_project(tmp_path_factory.mktemp("undisturbed") / "project", CONFIG)
    project.snakemake()
    return project


@pytest.fixture
def disk(tmp_path):
    """A folder on a small file system of its own, or None where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", folder], capture_output=True)
    yield folder if mounted.returncode == 0 else None
    if mounted.returncode == 0:
        subprocess.run(["umount", "--lazy", folder], check=True)
