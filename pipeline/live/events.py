"""The state of a run of Snakemake, from the events that it logs."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.live.expected import estimate, expected_seconds
from pipeline.live.job_files import read_progress, result_of, whole_error
from pipeline.live.stages import TARGETS, job_name, order, title
from pipeline.live.time_left import Running, in_words, seconds_left
from pipeline.progress import clock

SILENT = "it ended without a word; was it killed?"
LOOK = 1.0  # seconds between looks at the progress files of running jobs


@dataclass
class Seen:
    """A job that Snakemake began. began: seconds since 1970; on a cluster, when it was submitted."""

    rule: str
    name: str
    expected: float
    logs: list[str]
    outputs: list[str]
    began: float = field(default_factory=time.time)


class RunState:
    """What is done, under way and to do; `take` is called by one thread, the rest by any."""

    def __init__(self):
        self.lock = threading.RLock()
        self.began = time.time()
        self.planned: Counter[str] = Counter()  # rule -> jobs
        self.done: Counter[str] = Counter()
        self.jobs: dict[int, Seen] = {}
        self.running: dict[int, Seen] = {}
        self.finished: list[tuple[str, float, float]] = []
        self.failed: list[str] = []
        self.slots, self.result = 1, ""
        self._looked, self._progress = 0.0, {}

    def plan(self, stats: dict[str, int]) -> None:
        """Take how many jobs of which rule there are."""
        with self.lock:
            self.planned = Counter({rule: n for rule, n in stats.items() if rule not in TARGETS | {"total"}})

    def begin(self, record) -> None:
        """Take a job's beginning."""
        if record.rule_name in TARGETS:
            return
        wildcards = dict(record.wildcards)
        expected = expected_seconds(record.rule_name, wildcards, estimate())
        name = job_name(record.rule_name, wildcards)
        with self.lock:
            seen = Seen(record.rule_name, name, expected, list(record.log), list(record.output))
            self.jobs[record.jobid] = self.running[record.jobid] = seen
            self.slots = max(self.slots, len(self.running))

    def end(self, jobid: int) -> str | None:
        """Take a job's good end; return what came out, "predictors gates n120: …". None for a mere target."""
        with self.lock:
            job = self.running.pop(jobid, None)
            if job is None:
                return None
            self.done[job.rule] += 1
            self.finished.append((job.rule, job.expected, _seconds(job)))
            said = next((text for log in job.logs if (text := result_of(log))), "done")
            self.result = f"{job.name}: {said}"
            return self.result

    def fail(
        self, jobid: int, rule: str, logs: Sequence[str], message: str | None = None, in_group: bool = False
    ) -> list[str]:
        """Take a job's failure; return lines that say it whole.

        message: what the executor says of it ("SLURM status is: 'TIMEOUT'"). in_group: a cluster ran it with
        others, and only those that left an error are known to have failed.
        """
        said = next((lines for log in logs if (lines := whole_error(log))), [])
        with self.lock:
            job = self.running.pop(jobid, None) or self.jobs.get(jobid)
            if in_group and not said:
                return []
            name = job.name if job else title(rule)
            self.failed.append(name)
        said = [*(said or [SILENT]), *([f"        {message}"] if message else [])]
        return [f"failed: {name}: {said[0]}", *said[1:], f"        log: {', '.join(logs) or 'it has none'}"]

    def time_left(self) -> float | None:
        """Return the seconds until all is done, or None while nothing was measured."""
        with self.lock:
            running = [self._running(jobid, job) for jobid, job in self.running.items()]
            here = Counter(job.rule for job in self.running.values())
            waiting = []
            for rule, n in self.planned.items():
                waiting += [(rule, expected_seconds(rule, {}, estimate()))] * max(
                    n - self.done[rule] - here[rule], 0
                )
            return seconds_left(self.finished, running, waiting, self.slots)

    def _running(self, jobid: int, job: Seen) -> Running:
        progress = self._looks().get(jobid)
        began = progress.started if progress else job.began
        left = progress.seconds_left if progress else None
        return Running(job.rule, job.expected, time.time() - began, left)

    def _looks(self) -> dict:
        """Return what running jobs say of themselves, read once a second at most."""
        if time.monotonic() - self._looked >= LOOK:
            found = {n: read_progress(job.logs[0]) for n, job in self.running.items() if job.logs}
            self._progress = {n: progress for n, progress in found.items() if progress is not None}
            self._looked = time.monotonic()
        return self._progress

    def words(self) -> list[str]:
        """Return what the live line says, the most important first."""
        with self.lock:
            rules = sorted({job.rule for job in self.running.values()}, key=order)
            stages = [f"{title(rule)} {self.done[rule]}/{max(self.planned[rule], 1)}" for rule in rules]
            parts = [", ".join(stages), f"{self.done.total()}/{self.planned.total()} jobs"]
            parts += [in_words(self.time_left())]
            if self.failed:
                parts.append(f"{len(self.failed)} failed")
            looks = self._looks()
            now = [(self.running[n].name, p) for n, p in looks.items() if n in self.running and p.what]
            if now:
                name, progress = max(now, key=lambda one: one[1].started)
                parts.append(f"{name} {progress.words()}")
            parts.append(self.result)
            return [part for part in parts if part]

    def ending(self) -> str:
        """Return how the run ended: "31 of 31 jobs done in 5:12"."""
        with self.lock:
            taken = clock(time.time() - self.began)
            text = f"{self.done.total()} of {self.planned.total()} jobs done in {taken}"
            return f"{text}, {len(self.failed)} failed" if self.failed else text


def _seconds(job: Seen) -> float:
    """Return how long a job took: by its artifact's sidecar, which leaves out a queue, or by the clock."""
    for output in job.outputs:
        try:
            with open(f"{output}.run.json") as handle:
                record = json.load(handle)
            if record["started"] >= job.began - 1:
                return float(record["wall_seconds"])
        except (OSError, ValueError, KeyError):
            continue
    return time.time() - job.began
