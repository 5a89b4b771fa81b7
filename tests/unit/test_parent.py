"""Processes that end when the one that they work for is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from pipeline.parent import VARIABLE

WORKER = """
import sys, time
from pipeline.parent import end_with_snakemake
end_with_snakemake()
print("working", flush=True)
time.sleep(60)
"""
POOL = """
import multiprocessing, os, time
from concurrent.futures import ProcessPoolExecutor
from pipeline.parent import end_with
if __name__ == "__main__":
    start = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=start, initializer=end_with, initargs=(os.getpid(),)) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 60).result()
"""
pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Linux only")


def start(*command, **environment):
    return subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )


def ends(process: int, seconds: float = 20) -> bool:
    """Whether a process that is no child of this one ends in time; a zombie has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{process}/stat") as handle:
                if handle.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_a_worker_is_killed_with_the_snakemake_that_started_it():
    snakemake = subprocess.Popen(["sleep", "60"])
    worker = start("-c", WORKER, **{VARIABLE: str(snakemake.pid)})
    assert worker.stdout.readline() == "working\n" and worker.poll() is None
    snakemake.kill()  # not waited for: a zombie has ended, too
    assert worker.wait(20) == -9
    snakemake.wait()
    late = start("-c", WORKER, **{VARIABLE: str(snakemake.pid)})
    assert late.communicate(timeout=20)[0] == "" and late.returncode == -9


def test_a_pool_of_processes_ends_with_the_process_that_has_it(tmp_path):
    script = tmp_path / "pool.py"
    script.write_text(POOL)
    owner = start(str(script))
    worker = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    assert ends(worker)
