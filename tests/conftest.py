"""Shared by all tests: where the real data is, and what needs what."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONG_FORMS = {  # marker -> variable that asks for it, and the command that sets it
    "slurm_long": ("NASFLOW_SLURM", "make test-slurm"),
    "faults_long": ("NASFLOW_FAULTS", "make test-faults"),
}
DATA = Path(os.environ.get("NASFLOW_DATA", ROOT.parent / "shared" / "data"))


FIRST = ("slurm", "workflow", "faults")  # folders of long tests: at the end, no core waits for them


def pytest_collection_modifyitems(items):
    place = {name: k for k, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.path.relative_to(ROOT / "tests").parts[0], len(FIRST)))
    no_data = pytest.mark.skip(reason=f"no real data in {DATA} (set NASFLOW_DATA)")
    no_browser = pytest.mark.skip(reason="chromium is not installed")
    for item in items:
        if item.get_closest_marker("real_data") and not DATA.is_dir():
            item.add_marker(no_data)
        if item.get_closest_marker("browser") and not shutil.which("chromium"):
            item.add_marker(no_browser)
        for marker, (variable, command) in LONG_FORMS.items():
            if item.get_closest_marker(marker) and os.environ.get(variable) != "long":
                item.add_marker(pytest.mark.skip(reason=f"long: {command}"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real tables and images."""
    return DATA
