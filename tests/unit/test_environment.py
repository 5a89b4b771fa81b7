"""The lock, the conda environments and the package's metadata agree."""

from __future__ import annotations

import ast
import sys
import tomllib
from importlib.metadata import metadata, packages_distributions, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]


def lock() -> dict[str, str]:
    lines = (ROOT / "envs/requirements.lock").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_conda_environments_have_the_locks_versions(name):
    environment = yaml.safe_load((ROOT / f"envs/{name}.yaml").read_text())
    pins = next(d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert dict(pin.split("==") for pin in pins) == lock()


def test_the_lock_pins_every_dependency_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    here = [need for need in map(Requirement, wanted) if need.marker is None or need.marker.evaluate()]
    names = {need.name.lower() for need in here}
    assert names <= lock().keys()
    assert lock()["torch"] == "2.13.0"


def test_what_is_locked_installs_on_the_oldest_python_that_is_promised():
    oldest = "3.11.2"  # Debian 12's; the project's metadata says 3.11
    needs = {name: metadata(name)["Requires-Python"] or "" for name in lock()}
    assert [name for name, need in needs.items() if not SpecifierSet(need).contains(oldest)] == []


def imported(folder: str) -> set[str]:
    """Return the packages that the code in a folder imports, wherever in a file it does."""
    found = set()
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"pipeline", "tests", "perf", "docs"}


def test_what_the_code_imports_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = {"pipeline": project["dependencies"]}
    needs["tests"] = needs["docs"] = needs["pipeline"] + project["optional-dependencies"]["dev"]
    distributions = packages_distributions()
    for folder, wanted in needs.items():
        declared = {Requirement(need).name.lower() for need in wanted}
        by = {
            name: {d.lower().replace("_", "-") for d in distributions.get(name, ())}
            for name in imported(folder)
        }
        assert by.keys() >= ({"docutils", "pydantic"} if folder == "docs" else {"numpy", "torch"})
        assert [name for name, packages in by.items() if not declared & packages] == [], folder


@pytest.mark.parametrize("name", ["torch", "numpy", "snakemake", "h5py", "scikit-learn"])
def test_what_is_installed_is_what_is_locked(name):
    assert version(name).split("+")[0] == lock()[name]
