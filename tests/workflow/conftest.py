"""A copy of the project in which the whole workflow has run once, on a tiny configuration."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "config.yaml", "rules", "pipeline", "profiles", "envs", "pyproject.toml")
PARTS += ("snakemake_logger_plugin_nasflow",)
TINY = Path(__file__).with_name("tiny.yaml")
PLAN = """
import json, sys
from pathlib import Path
from pipeline.staleness.why import plan
jobs = plan(Path("Snakefile"), sys.argv[2:], [Path(sys.argv[1])], [])
print("PLAN" + json.dumps([[j.rule, list(j.outputs)] for j in jobs if j.outputs]))
"""


@dataclass(frozen=True)
class Project:
    """A copy of the project in `root`, run with the configuration file `config`."""

    root: Path
    config: str = "tiny.yaml"

    def run(self, *command, check: bool = True, **environment) -> subprocess.CompletedProcess:
        """Run a command in the project; its output is text."""
        done = subprocess.run(
            [sys.executable, "-m", *map(str, command)],
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=3600,
            env={**os.environ, "PYTHONPATH": str(self.root), **environment},
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(map(str, command))} failed:\n{done.stdout}\n{done.stderr}")
        return done

    def snakemake(
        self, *targets: str, options: tuple = (), check: bool = True
    ) -> subprocess.CompletedProcess:
        """Run snakemake with two cores on the project's configuration."""
        command = ("snakemake", "--cores", 2, "--configfile", self.config, *options, "--", *targets)
        return self.run(*command, check=check)

    def plan(self, *targets: str) -> dict[str, list[str]]:
        """Return {rule: outputs} of what would run now, and how many seconds it took to find out."""
        done = self.run("pipeline.plan_for_tests", self.config, *targets)
        jobs: dict[str, list[str]] = {}
        for rule, outputs in json.loads(done.stdout.partition("PLAN")[2]):
            jobs.setdefault(rule, []).extend(outputs)
        return {rule: sorted(outputs) for rule, outputs in sorted(jobs.items())}

    def not_fresh(self, *targets: str) -> dict[str, list[str]]:
        """Return {file: reasons} of what `status` does not call fresh."""
        command = ("pipeline", "status", *targets, "--json", "--configfile", self.config)
        found = json.loads(self.run(*command, check=False).stdout)["artifacts"]
        return {one["file"]: one["why"] for one in found if one["state"] != "fresh"}

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace text in a file of the copy; it must be there."""
        path = self.root / file
        text = path.read_text()
        assert old in text, f"{file} does not contain {old!r}"
        path.write_text(text.replace(old, new))

    def copy(self, target: Path) -> Project:
        """Copy the project to `target`, with artifacts and Snakemake's records, to break things in."""
        shutil.copytree(self.root, target)
        return Project(target, self.config)

    def artifacts(self) -> dict[str, tuple[int, int]]:
        """Return {file: (modification time, size)} of all artifacts."""
        files = (self.root / "results").rglob("*")
        return {
            str(f.relative_to(self.root)): (f.stat().st_mtime_ns, f.stat().st_size)
            for f in files
            if f.is_file() and f.suffix in (".h5", ".csv", ".html")
        }


def copy_project(target: Path, config: Path = TINY) -> Project:
    """Copy what the workflow needs (no results) to `target`, to be run with the configuration `config`."""
    target.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, target / part)
        else:
            shutil.copy2(source, target / part)
    shutil.copy2(config, target / config.name)
    (target / "pipeline" / "plan_for_tests.py").write_text(PLAN)
    return Project(target, config.name)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Project:
    """The project after a whole run; tests must leave it as they found it (or use `fresh_copy`)."""
    return made_once("finished", TINY, tmp_path_factory)


def made_once(name: str, config: Path, tmp_path_factory) -> Project:
    """Return a copy of a project after a whole run; of the processes that test, the first one runs it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    pristine = Project(shared / f"pristine_{name}" / "project", config.name)
    with open(shared / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not pristine.root.exists():
            making = copy_project(shared / f"making_{name}" / "project", config)
            started = time.monotonic()
            making.snakemake()
            print(f"whole run of {config.name}: {time.monotonic() - started:.0f} s")
            making.root.parent.rename(pristine.root.parent)
    return pristine.copy(tmp_path_factory.mktemp(name) / "project")


@pytest.fixture
def fresh_copy(finished, tmp_path) -> Project:
    """A copy of the finished project, artifacts and Snakemake's records included, to break things in."""
    return finished.copy(tmp_path / "project")
