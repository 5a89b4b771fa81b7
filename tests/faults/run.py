"""A run of Snakemake in the background, its workers, and what a user reads in what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from pipeline.parent import VARIABLE
from tests.workflow.conftest import Project

REMOVE = re.compile(r"run again: rm (?:-r )?(?P<file>\S+) && snakemake --cores all")
UNLOCK = re.compile(r"--unlock")
SPACE = re.compile(r"No space left on device|File too large")


class Run:
    """The plain command, `snakemake --cores 2`, on a project."""

    def __init__(self, project: Project, front: tuple[str, ...] = (), environment: dict | None = None):
        """front: a command that executes the one after it. environment: more of it."""
        self.project, self.log = project, project.root / "said.log"
        command = (sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", project.config)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*front, *command],
                cwd=project.root,
                env={**os.environ, "PYTHONPATH": str(project.root), **(environment or {})},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def said(self) -> str:
        """Return all that was said so far."""
        return self.log.read_text(errors="replace")

    def over(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def end(self, seconds: float = 900) -> int:
        """Wait for the end; return the exit status."""
        return self.process.wait(timeout=seconds)

    def workers(self) -> list[int]:
        """Return process ids of commands of this project that are at work."""
        return workers_in(self.project.root)

    def until_workers(self, jobs: int, seconds: float = 300) -> bool:
        """Wait until so many jobs were seen at work and one is; whether that came before the end."""
        deadline, seen = time.monotonic() + seconds, set()
        while not self.over() and time.monotonic() < deadline:
            working = self.workers()
            seen.update(working)
            if working and len(seen) >= jobs:
                return True
            time.sleep(0.1)
        return False


def workers_in(folder: Path) -> list[int]:
    """Return ids of living processes that Snakemake started and that work in `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if VARIABLE.encode() not in (entry / "environ").read_bytes():
                    continue
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if state != "Z" and b"pipeline" in words and os.readlink(entry / "cwd") == str(folder):
                    found.append(int(entry.name))
            except OSError:  # it ended meanwhile
                continue
    return found


def clear_line(said: str) -> str | None:
    """Return the line that tells a user what to do; None if there is none."""
    for line in said.splitlines():
        if REMOVE.search(line) or UNLOCK.search(line) or SPACE.search(line):
            return line.strip()
    return None
