"""A cluster, and copies of the project in which the images and the space are there already."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, missing
from tests.workflow.conftest import Project, copy_project

SMALL = Path(__file__).with_name("small.yaml")
CHUNKS = [f"results/children/digits101/chunk_{chunk}.h5" for chunk in range(3)]
OPTIONS = (
    *("--workflow-profile", "profiles/slurm", "--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "5"),
)
CHILDREN = "train_children"
LONG = 1800  # seconds after which a test gives up; they wait for states, however slow the machine is


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A running cluster; skips the test where SLURM is not installed."""
    if reason := missing():
        pytest.skip(reason)
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def undisturbed(cluster, tmp_path_factory) -> Project:
    """The project after a local run to `children`: what every disturbed run must come to."""
    project = copy_project(tmp_path_factory.mktemp("undisturbed") / "project", SMALL)
    project.snakemake("children")
    return project


@pytest.fixture
def start(cluster, undisturbed, tmp_path) -> Callable[..., Submitted]:
    """Return a function that starts a run of `children` on the cluster, without any network trained."""
    project = undisturbed.copy(tmp_path / "project")
    for chunk in CHUNKS:
        (project.root / chunk).unlink()
    runs = []

    def started(*options: str) -> Submitted:
        runs.append(Submitted(cluster, project, options))
        return runs[-1]

    yield started
    for run in runs:
        run.end()


@dataclass
class Submitted:
    """A run of Snakemake that submits to the cluster, in the background."""

    cluster: Cluster
    project: Project
    options: tuple[str, ...] = ()
    targets: tuple[str, ...] = ("children",)
    process: subprocess.Popen = field(init=False)

    def __post_init__(self):
        self.here = self.project.root.resolve()
        self.log = self.project.root / f"snakemake_{time.monotonic_ns()}.log"
        command = ("snakemake", *OPTIONS, *self.options, "--configfile", self.project.config, "--")
        environment = {**os.environ, **self.cluster.environment, "PYTHONPATH": str(self.project.root)}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command, *self.targets],
                cwd=self.project.root,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> str:
        """Wait for the end, and return what was said."""
        self.process.wait(timeout=LONG)
        return self.log.read_text()

    def hold(self, sign: str = "*.pt") -> list[str]:
        """Stop the process of each chunk as soon as it has left a file like `sign`; return its jobs.

        So none is done before the test has disturbed it, on whatever machine. "*.pt": a network is under
        way; "*.h5": one is trained.
        """
        partial = self.project.root / "results/children/digits101/partial"

        def all_stopped() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            done = times(self.project)
            assert not done, f"{list(done)}: done before it could be stopped; give it more work"
            stopped = set()
            for chunk, process in self.workers():
                if any((partial / f"chunk_{chunk}").rglob(sign)):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process, signal.SIGSTOP)
                        stopped.add(chunk)
            return len(stopped) == len(CHUNKS)

        self.cluster.wait_until(all_stopped, "networks of all chunks", LONG, every=0.02)
        return [name for name, (_, comment) in self.cluster.jobs("RUNNING").items() if CHILDREN in comment]

    def go_on(self) -> None:
        """Let the stopped processes go on."""
        for _, process in self.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    def workers(self) -> list[tuple[str, int]]:
        """Return (chunk, process id) of what trains networks in this project now."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if "--chunk" in words and "children" in words and (process / "cwd").resolve() == self.here:
                    found.append((words[words.index("--chunk") + 1], int(process.name)))
        return found

    def end(self) -> None:
        """Stop the run if it is not over, with its jobs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.go_on()
        if jobs := self.cluster.jobs():
            self.cluster.command("scancel", *jobs, check=False)
            self.cluster.wait_until(lambda: not self.cluster.jobs(), "scancel")


def same_as(undisturbed: Project, project: Project, files: list[str] = CHUNKS) -> bool:
    """Whether artifacts have the bytes of the undisturbed run."""
    return all((undisturbed.root / f).read_bytes() == (project.root / f).read_bytes() for f in files)


def networks(project: Project) -> dict[str, int]:
    """Return {file: modification time} of trained networks whose chunk is not finished."""
    found = (project.root / "results/children/digits101/partial").rglob("*.h5")
    return {str(path.relative_to(project.root)): path.stat().st_mtime_ns for path in found}


def times(project: Project, files: list[str] = CHUNKS) -> dict[str, int]:
    """Return {artifact: modification time} of those that are there."""
    paths: list[tuple[str, Path]] = [(file, project.root / file) for file in files]
    return {file: path.stat().st_mtime_ns for file, path in paths if path.exists()}
