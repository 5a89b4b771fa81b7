"""The record of who works in a folder, and the words that it becomes."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from pipeline.errors import UserError
from pipeline.staleness import folder_use
from pipeline.staleness.folder_use import LOCKS, RUN, TELLER, begin, check_writable, who_works


@pytest.fixture(autouse=True)
def locked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    LOCKS.mkdir(parents=True)
    (LOCKS / "0.output.lock").write_text("results/images/digits.h5\n")


def changed(**values) -> str:
    begin(local=True)
    RUN.write_text(json.dumps(json.loads(RUN.read_text()) | values))
    return who_works()


def test_a_run_that_works_is_named_with_what_stops_it(tmp_path):
    begin(local=True)
    words = who_works()
    assert words.startswith(f"{tmp_path}: another snakemake works here, started by ")
    assert f"(process {os.getpid()} on " in words and f"kill -INT {os.getpid()}" in words


def test_of_a_run_that_was_killed_the_way_out_is_said():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    way_out = "snakemake --unlock, then the same command again"
    assert changed(process=ended.pid).endswith(f"was killed and left its lock; {way_out}")
    assert "was killed" in changed(ticks=1), "another process has its id"
    submitted = changed(ticks=1, local=False)
    assert f"cancel or wait for the jobs that it submitted (squeue), then {way_out}" in submitted


def test_of_another_machines_run_nobody_knows_whether_it_was_killed():
    words = changed(host="login9", process=1)
    assert "process 1 on login9" in words and "If it was killed: snakemake --unlock" in words


@pytest.mark.parametrize("left", [None, "", "{}", "[]"])
def test_a_lock_without_a_readable_record_is_still_a_lock(left):
    if left is not None:
        RUN.write_text(left)
    assert "another snakemake holds this folder" in who_works()


def test_without_locks_nobody_works_and_no_record_is_left():
    (LOCKS / "0.output.lock").unlink()
    assert who_works() is None
    begin(local=True)
    assert not RUN.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "results/images").mkdir(parents=True)
    check_writable(tmp_path / "results")
    monkeypatch.setattr(folder_use.os, "access", lambda path, mode: not str(path).endswith("images"))
    with pytest.raises(UserError, match=r"results/images: \w+ may not write there, it belongs to \w+;"):
        check_writable(tmp_path / "results")


def test_snakemakes_words_get_a_name():
    begin(local=True)
    assert said("LockException:\nError: Directory cannot be locked. Please make sure").endswith(
        f"kill -INT {os.getpid()}"
    )
    assert said("Building DAG of jobs...") == "Building DAG of jobs..."
    try:
        raise PermissionError(13, "Permission denied", "/there/.snakemake")
    except PermissionError:
        assert said("Traceback …", logging.ERROR).startswith("/there/.snakemake: ")
        assert said("a warning", logging.WARNING) == "a warning"


def said(message: str, level: int = logging.INFO) -> str:
    record = logging.LogRecord("snakemake", level, __file__, 1, message, (), None)
    assert TELLER.filter(record)
    return record.getMessage()
