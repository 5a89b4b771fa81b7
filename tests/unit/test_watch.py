"""`watch`: how far a run is, from artifacts, logs and progress files alone."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from pipeline.job import Job
from pipeline.live import watch
from pipeline.live.expected import estimate
from pipeline.live.picture import Picture, Watched
from pipeline.staleness.workflow_files import FileJob
from pipeline.storage.artifacts import write_text_artifact
from tests.unit.test_live import write_progress

ROOT = Path(__file__).resolve().parents[2]
RECIPE = {"settings": {"a": 1}, "seed": 1, "code": "c", "entries": []}
CELLS = ("results/cells.csv", "results/logs/cells.log")


def file_job(rule: str, name: str, *inputs: str, **wildcards) -> FileJob:
    log = f"results/logs/{name}.log"
    return FileJob(rule, (f"results/{name}.csv",), inputs, RECIPE, wildcards, (log,))


def made(job: FileJob, said: str = "all well", seed: int = 1, text: str = "a\n1\n") -> None:
    """Write a job's output and log as its command would."""
    write_text_artifact(job.outputs[0], text, Job("x", {"a": 1}, seed=seed, code="c"), job.inputs)
    log = Path(job.logs[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f"10:00:00 INFO {said}\n")


@pytest.fixture
def jobs(tmp_path, monkeypatch) -> list[FileJob]:
    """Two chunks and the table that is made of them."""
    monkeypatch.chdir(tmp_path)
    chunks = [file_job("train_children", f"chunk_{k}", benchmark="b", chunk=str(k)) for k in range(2)]
    table = file_job("build_benchmark", "table", *(c.outputs[0] for c in chunks), benchmark="b")
    return [*chunks, table]


def counts(picture) -> dict[str, tuple[int, int]]:
    return {stage["stage"]: (stage["done"], stage["total"]) for stage in picture.stages}


def test_a_run_from_nothing_to_its_end(jobs):
    watched = Watched(jobs)
    picture = watched.look()
    assert (picture.done, picture.total, picture.seconds_left) == (0, 3, None)
    assert counts(picture) == {"child networks": (0, 2), "benchmark table": (0, 1)}
    made(jobs[0], "15 networks trained")
    write_progress(Path(jobs[1].logs[0]))
    picture = watched.look()
    assert counts(picture)["child networks"] == (1, 2) and picture.seconds_left > 0
    assert picture.results[0]["text"] == "15 networks trained"
    running = picture.running[0]
    assert running["job"] == "child networks chunk 1 (b)" and running["words"].startswith("6/10 networks")
    assert running["log"] == jobs[1].logs[0] and running["silent"] < 30
    made(jobs[1])
    made(jobs[2])
    os.remove("results/logs/chunk_1.progress")
    picture = watched.look()
    assert (
        picture.done == 3
        and picture.running == []
        and watch.as_text(picture).startswith("3/3 jobs, all done")
    )


@pytest.mark.workflow
def test_a_configurations_estimates_are_used_and_forgotten(monkeypatch):
    monkeypatch.chdir(ROOT)
    args = Args(once=True, json=False)
    args.snakefile = ROOT / "Snakefile"
    watched = watch.watched_run(args)
    expected = dict(zip(watched.names, watched.expected, strict=True))
    assert expected["search predictor_evolution (digits101)"] > expected["search random (digits101)"] > 5
    assert estimate() is None


def test_what_failed_and_what_was_killed(jobs):
    Path("results/logs").mkdir(parents=True)
    write_progress(Path(jobs[0].logs[0]), state="failed", error="chunk.h5: the disk is full")
    write_progress(Path(jobs[1].logs[0]), pid=2**22 + 1)
    picture = Watched(jobs).look()
    assert [(one["job"], one["error"]) for one in picture.failed] == [
        ("child networks chunk 0 (b)", "chunk.h5: the disk is full"),
        ("child networks chunk 1 (b)", "it is no longer there and left no word; was it killed?"),
    ]
    text = watch.as_text(picture)
    assert "child networks            0/2      2 failed" in text and "log: results/logs/chunk_0.log" in text
    write_progress(Path(jobs[1].logs[0]), host="elsewhere", pid=2**22 + 1)
    old = time.time() - 600
    os.utime("results/logs/chunk_1.progress", (old, old))
    assert "silent for 10:0" in watch.as_text(Watched(jobs).look())


def test_what_is_stale_is_not_done(jobs):
    for job in jobs:
        made(job)
    watched = Watched(jobs)
    assert watched.look().done == 3
    made(jobs[0], seed=2)  # made by other settings: it, and what was made from it, is to be made again
    assert counts(watched.look()) == {"child networks": (1, 2), "benchmark table": (0, 1)}
    made(jobs[0])
    assert watched.look().done == 3
    made(jobs[0], text="a\n2\n")  # another content: what was made from it is stale
    assert counts(watched.look()) == {"child networks": (2, 2), "benchmark table": (0, 1)}
    Path(jobs[1].outputs[0]).write_text("damaged")
    assert counts(watched.look())["child networks"] == (1, 2)


def test_a_look_reads_only_what_changed(jobs, monkeypatch):
    from pipeline.live import picture

    for job in jobs:
        made(job)
    watched, judged = Watched(jobs), []
    whole = picture.own_state
    monkeypatch.setattr(picture, "own_state", lambda job, sums: judged.append(job) or whole(job, sums))
    watched.look()
    watched.look()
    assert len(judged) == 3
    made(jobs[2])
    watched.look()
    assert judged[3:] == [jobs[2]]


class Args:
    targets, config, snakefile, every = [], [], None, 0.01
    configfile: list = []

    def __init__(self, once: bool, json: bool):
        self.once, self.json = once, json


def test_json_and_the_end_of_a_run(jobs, monkeypatch, capsys):
    watched, looks = Watched(jobs), []
    monkeypatch.setattr(watch, "watched_run", lambda args: watched)
    assert watch.run(Args(once=True, json=True), None) == 0
    assert json.loads(capsys.readouterr().out)["total"] == 3

    def sleep(seconds):  # the run goes on while we wait
        made(jobs[len(looks)])
        looks.append(seconds)

    monkeypatch.setattr(watch.time, "sleep", sleep)
    assert watch.run(Args(once=False, json=True), None) == 0  # ends by itself
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["done"] for line in lines] == [0, 1, 2, 3]


def test_a_picture_on_a_terminal_is_drawn_until_all_is_done(jobs, monkeypatch, capsys):
    left = list(jobs)
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: made(left.pop(0)))
    assert watch._draw(Watched(jobs), 0.01) == 0 and left == []
    assert "3/3 jobs, all done" in capsys.readouterr().out


def test_of_hundreds_of_jobs_some_are_shown(jobs):
    job = {"job": "x", "words": "0:01", "silent": 1.0, "error": "e", "log": "l"}
    text = watch.as_text(Picture(0, 1000, None, running=[job] * 500, failed=[job] * 30))
    assert text.count("runs    x") == text.count("failed  x") == watch.SHOWN
    assert "488 more run" in text and "18 more failed" in text


def test_ctrl_c_leaves_with_0(jobs, monkeypatch):
    def stopped(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(watch, "watched_run", stopped)
    assert watch.run(Args(once=False, json=False), None) == 0
