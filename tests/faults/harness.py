"""Strikes a project with faults, and does what a user does after each: the same command, and what it says."""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.faults import FAULTS
from tests.faults.run import REMOVE, SPACE, UNLOCK, Run, clear_line, workers_in
from tests.workflow.conftest import Project

CLOCK_TIMES = ("predictors_cost.csv",)  # artifacts that hold times, beside the report
TRIES = 6  # plain commands in a row, each of which says what to do
FAKETIME = "*/faketime/libfaketimeMT.so.1"  # of Debian's package: a process with it has another clock
REAL_MONOTONIC = "FAKETIME_DONT_FAKE_MONOTONIC"  # no moved clock moves that one
SLEEP = """\
import os, select, time

if "FAKETIME" in os.environ:  # with a true monotonic clock the library makes the other sleep fail
    time.sleep = lambda seconds: select.select([], [], [], seconds)
"""
OUTLIVED = 20  # seconds in which workers must end after Snakemake was killed


@dataclass
class Harness:
    """A project, the one that it must come to, and what was done to it.

    log: a line for each fault, run and answer. on_own_disk: whether the disk may be filled.
    """

    project: Project
    undisturbed: Project
    seed: int
    on_own_disk: bool = False
    log: list[str] = field(default_factory=list)
    struck: dict[str, int] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self):
        self.chance, self.began = random.Random(self.seed), time.monotonic()
        (self.project.root / "sitecustomize.py").write_text(SLEEP)

    def strike(self, kinds: list[str]) -> list[str]:
        """Run the plain command and inject faults at random moments; return those that were possible."""
        conditions = self._conditions(kinds)
        run, done = Run(self.project, **conditions), []
        for kind in kinds:
            if run.until_workers(self.chance.randint(1, 3)):
                time.sleep(self.chance.uniform(0, 2))
            what = self._inject(kind, run, conditions)
            if what is not None:
                done.append(kind)
                self.struck[kind] = self.struck.get(kind, 0) + 1
                self._note(f"{kind}: {what}")
        code = run.end()
        self._note(f"    the run ended with {code}")
        if "kill snakemake" in done:
            self._all_workers_end()
        self._follow(run.said(), code)
        return done

    def _conditions(self, kinds: list[str]) -> dict:
        """Return what is so from the beginning of a run: see `Run`."""
        found: dict = {}
        if "full disk" in kinds and not self.on_own_disk:
            size = self.chance.choice([30_000, 100_000, 300_000])
            found["front"] = ("prlimit", f"--fsize={size}")
        if "clock" in kinds and (library := next(Path("/usr/lib").glob(FAKETIME), None)):
            moved = self.chance.choice(["+400d", "-400d"])
            found["environment"] = {"LD_PRELOAD": str(library), "FAKETIME": moved, REAL_MONOTONIC: "1"}
        return found

    def _inject(self, kind: str, run: Run, conditions: dict) -> str | None:
        if kind == "full disk" and "front" in conditions:
            return f"no file could grow ({conditions['front'][1]} bytes)"
        if kind == "clock" and "environment" in conditions and self.chance.random() < 0.5:
            return f"the run had a clock moved by {conditions['environment']['FAKETIME']}"
        for _ in range(5):
            try:
                return FAULTS[kind](run, self.chance)
            except OSError:  # a file that the workflow replaced just now
                continue
        return None

    def _all_workers_end(self) -> None:
        deadline = time.monotonic() + OUTLIVED
        while left := workers_in(self.project.root):
            assert time.monotonic() < deadline, f"outlived Snakemake: {left}"
            time.sleep(0.1)

    def _follow(self, said: str, code: int) -> str | None:
        """Do what a line of the output tells; return that line."""
        line = clear_line(said) if code else None
        on_full_disk = line is not None and SPACE.search(line)  # Snakemake's own files do not fit, either
        assert on_full_disk or "Traceback (most recent call last)" not in said, said
        if line is None:
            return None
        if found := REMOVE.search(line):
            self._count("deleted what was named")
            path = self.project.root / found["file"]
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        elif UNLOCK.search(line):
            self._count("unlocked")
            self.project.snakemake(options=("--unlock",))
        self._note(f"    said: {line}")
        return line

    def _note(self, line: str) -> None:
        self.log.append(line)
        print(f"seed {self.seed}, {time.monotonic() - self.began:5.0f} s: {line}", flush=True)

    def _count(self, answer: str) -> None:
        self.answers[answer] = self.answers.get(answer, 0) + 1

    def finish(self) -> None:
        """Run the plain command until it is done, doing what it says; compare with the undisturbed run."""
        for attempt in range(TRIES):
            run = Run(self.project)
            code = run.end()
            if code == 0:
                self._compare()
                self._count(f"same bytes after {attempt + 1} plain commands")
                self._note(f"    same bytes after {attempt + 1} plain commands")
                return
            assert self._follow(run.said(), code), f"no line says what to do:\n{run.said()}"
        raise AssertionError(f"not done after {TRIES} runs")

    def _compare(self) -> None:
        for name, content in contents(self.undisturbed).items():
            here = self.project.root / name
            assert here.is_file(), f"{name} is not there"
            assert here.read_bytes() == content, f"{name} is not what an undisturbed run leaves"

    def set_back(self) -> None:
        """Delete some artifacts of the finished run, so that there is work again."""
        late = [name for name in contents(self.project) if "/search/" in name or "/predictors/" in name]
        early = [name for name in contents(self.project) if name not in late]
        chosen = self.chance.sample(late, 1)
        if self.chance.random() < 0.3:
            chosen += self.chance.sample(early, 1)
        for name in chosen:
            (self.project.root / name).unlink(missing_ok=True)


def contents(project: Project) -> dict[str, bytes]:
    """Return {file: bytes} of all artifacts that are the same in every run."""
    found: dict[str, bytes] = {}
    for path in sorted((project.root / "results").rglob("*")):
        name = path.relative_to(project.root)
        of_a_job = not {"kept", "partial", "trained"} & set(name.parts) and ".parts" not in str(name)
        if path.is_file() and path.suffix in (".h5", ".csv") and of_a_job and path.name not in CLOCK_TIMES:
            found[str(name)] = path.read_bytes()
    return found
