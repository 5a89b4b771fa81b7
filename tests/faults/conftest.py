"""An undisturbed run, and a small disk of its own for the disturbed ones."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.workflow.conftest import Project, copy_project

CONFIG = Path(__file__).with_name("faults.yaml")
DISK = "size=600m"


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> Project:
    """The project after a run that nothing disturbed."""
    project = copy_project(tmp_path_factory.mktemp("undisturbed") / "project", CONFIG)
    project.snakemake()
    return project


@contextmanager
def own_disk(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Make `folder`, as a small file system where one can be mounted; yield it, and whether it is one."""
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", folder], capture_output=True)
    try:
        yield folder, mounted.returncode == 0
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "--lazy", folder], check=True)
