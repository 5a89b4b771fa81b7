"""How far a run is, from its logs, progress files and artifacts alone: wherever it runs, or ran."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipeline.live.expected import Estimate, expected_seconds
from pipeline.live.job_files import Progress, error_of, read_progress, result_of
from pipeline.live.stages import job_name, order, title
from pipeline.live.time_left import Running, seconds_left
from pipeline.progress import SUFFIX
from pipeline.staleness.freshness import Checksums, own_state
from pipeline.staleness.workflow_files import FileJob
from pipeline.storage.sidecars import read_run_record

LOGS = "results/logs"
MEASURED = 50  # jobs of a rule whose times are read
RESULTS = 5  # last results that are shown


@dataclass(frozen=True)
class Picture:
    """A run at a moment.

    stages: {rule, stage, done, total, running, failed} in order. running: {job, words, silent (s), log}.
    failed: {job, error, log}. results: {job, text, log}, the last one first. seconds_left: None if unknown.
    """

    done: int
    total: int
    seconds_left: float | None
    stages: list[dict] = field(default_factory=list)
    running: list[dict] = field(default_factory=list)
    failed: list[dict] = field(default_factory=list)
    results: list[dict] = field(default_factory=list)

    def as_dict(self) -> dict:
        """Return it for JSON."""
        return asdict(self)


class Watched:
    """The jobs of a run; `look` is called again and again, and reads only what changed."""

    def __init__(self, jobs: Sequence[FileJob], estimate: Estimate | None = None):
        """jobs: each after those that make its inputs (`Rules.jobs_for`)."""
        self.jobs = jobs
        makers = {file: place for place, job in enumerate(jobs) for file in job.outputs}
        self.upstream = [sorted({makers[f] for f in job.inputs if f in makers}) for job in jobs]
        self.names = [job_name(job.rule, job.wildcards) for job in jobs]
        self.expected = [expected_seconds(job.rule, job.wildcards, estimate) for job in jobs]
        self.checksums, self.times = Checksums(), {}
        self._judged: dict[int, tuple] = {}  # place -> (times of its files, whether it is fresh by itself)
        self._seconds: dict[int, tuple] = {}

    def look(self) -> Picture:
        """Return how far the run is now."""
        self._read_times()
        done: list[bool] = []
        for place, before in enumerate(self.upstream):
            done.append(self._is_fresh(place) and all(done[other] for other in before))
        told = self._progress(done)
        running = [(place, p) for place, p in told if p.state == "running" and not p.gone]
        failed = [(place, p) for place, p in told if p.state == "failed" or p.gone]
        return Picture(
            sum(done),
            len(done),
            self._left(done, running),
            self._stages(done, running, failed),
            [self._of(place, words=p.words(), silent=round(p.silent, 1)) for place, p in running],
            [self._of(place, error=self._why(place, p)) for place, p in failed],
            self._results(done),
        )

    def _of(self, place: int, **more) -> dict:
        return {"job": self.names[place], **more, "log": next(iter(self.jobs[place].logs), None)}

    def _read_times(self) -> None:
        """Note the times of all files; a changed file's checksum is forgotten."""
        files = {file for job in self.jobs for file in (*job.inputs, *job.outputs)}
        listed: dict[str, int] = {}
        for folder in {os.path.dirname(file) or "." for file in files}:
            try:
                with os.scandir(folder) as entries:
                    prefix = "" if folder == "." else f"{folder}/"
                    listed |= {f"{prefix}{e.name}": e.stat().st_mtime_ns for e in entries}
            except OSError:
                continue
        times = {file: listed.get(file) for file in files}
        for file, when in times.items():
            if self.times.get(file) != when:
                self.checksums.known.pop(file, None)
        self.times = times

    def _is_fresh(self, place: int) -> bool:
        """Say whether a job's outputs are what it would make now, apart from what lies upstream."""
        job = self.jobs[place]
        if any(self.times[file] is None for file in job.outputs):
            return False
        key = tuple(self.times[file] for file in (*job.outputs, *job.inputs))
        if self._judged.get(place, (None,))[0] != key:
            try:
                self._judged[place] = key, own_state(job, self.checksums)[0] == "fresh"
            except OSError:  # it is just being replaced
                return False
        return self._judged[place][1]

    def _progress(self, done: list[bool]) -> list[tuple[int, Progress]]:
        """Return (place, what it says) of jobs that are not done and say something."""
        there = {
            f"{folder}/{name}"
            for folder, _, names in os.walk(LOGS)
            for name in names
            if name.endswith(SUFFIX)
        }
        found = []
        for place, job in enumerate(self.jobs):
            if not done[place] and any(str(Path(log).with_suffix(SUFFIX)) in there for log in job.logs):
                progress = read_progress(job.logs[0])
                if progress is not None:
                    found.append((place, progress))
        return found

    def _why(self, place: int, progress: Progress) -> str:
        if progress.error:
            return progress.error
        said = next((text for log in self.jobs[place].logs if (text := error_of(log))), None)
        return said or "it is no longer there and left no word; was it killed?"

    def _left(self, done: list[bool], running: list[tuple[int, Progress]]) -> float | None:
        now = {place for place, _ in running}
        counted: Counter[str] = Counter()
        finished = []
        for place in self._newest(done):
            rule = self.jobs[place].rule
            if counted[rule] < MEASURED and (taken := self._taken(place)) is not None:
                counted[rule] += 1
                finished.append((rule, self.expected[place], taken))
        under_way = [
            Running(self.jobs[place].rule, self.expected[place], time.time() - p.started, p.seconds_left)
            for place, p in running
        ]
        waiting = [
            (self.jobs[place].rule, self.expected[place])
            for place, is_done in enumerate(done)
            if not is_done and place not in now
        ]
        return seconds_left(finished, under_way, waiting, max(len(running), 1))

    def _taken(self, place: int) -> float | None:
        """Return the seconds that a finished job took, by its artifact's sidecar."""
        output = self.jobs[place].outputs[0]
        if self._seconds.get(place, (None,))[0] != self.times[output]:
            self._seconds[place] = self.times[output], read_run_record(output).get("wall_seconds")
        return self._seconds[place][1]

    def _newest(self, done: list[bool]) -> list[int]:
        """Return the places of finished jobs, the last one first."""
        places = [place for place, is_done in enumerate(done) if is_done]
        return sorted(places, key=lambda place: -self.times[self.jobs[place].outputs[0]])

    def _results(self, done: list[bool]) -> list[dict]:
        found = []
        for place in self._newest(done)[: 4 * RESULTS]:
            said = next((text for log in self.jobs[place].logs if (text := result_of(log))), None)
            if said is not None:
                found.append(self._of(place, text=said))
        return found[:RESULTS]

    def _stages(self, done: list[bool], running, failed) -> list[dict]:
        total = Counter(job.rule for job in self.jobs)
        made = Counter(job.rule for job, is_done in zip(self.jobs, done, strict=True) if is_done)
        now, bad = (Counter(self.jobs[place].rule for place, _ in some) for some in (running, failed))
        return [
            {
                "rule": rule,
                "stage": title(rule),
                "done": made[rule],
                "total": total[rule],
                "running": now[rule],
                "failed": bad[rule],
            }
            for rule in sorted(total, key=order)
        ]
