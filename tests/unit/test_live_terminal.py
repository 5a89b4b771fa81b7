"""Snakemake with the logger `nasflow`: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SNAKEFILE = """
rule report:
    input: expand("out/{predictor}/n4.txt", predictor=config["predictors"])

rule train_predictor:
    output: "out/{predictor}/n{n_train}.txt"
    log: "logs/{predictor}/n{n_train}.log"
    shell: "python job.py {wildcards.predictor} {output} {log}"
"""
JOB = """
import json, os, socket, sys, time
predictor, output, log = sys.argv[1:]
with open(log, "w") as handle:
    handle.write("10:00:00 INFO reading\\n")
    if predictor == "broken":
        handle.write("10:00:00 ERROR broken.csv: row 3 is no cell; mend it\\n")
        sys.exit(1)
    now = time.time()
    said = {"command": "x", "pid": os.getpid(), "host": socket.gethostname(), "state": "running"}
    said |= {"started": now, "updated": now}
    said["parts"] = {"epochs": {"done": 3, "total": 8, "began": now - 3, "first": 0}}
    progress = log.replace(".log", ".progress")
    open(progress, "w").write(json.dumps(said))
    time.sleep(float(os.environ.get("SECONDS_EACH", 1.5)))
    os.remove(progress)
    handle.write(f"10:00:01 INFO {predictor}: Kendall's tau 0.71\\n")
open(output, "w").write("done")
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "job.py").write_text(JOB)
    return tmp_path


def command(*predictors: str, options: tuple = ("--logger", "nasflow")) -> list[str]:
    config = f"predictors=[{','.join(predictors)}]"
    return [sys.executable, "-m", "snakemake", "--cores", "3", "-k", *options, "--config", config]


def environment(**more) -> dict:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "300", **more}


def on_a_terminal(folder: Path, *predictors: str, interrupt: bool = False, **more) -> tuple[int, str]:
    """Run snakemake on a pseudo-terminal; return its exit status and what it drew."""
    controller, terminal = pty.openpty()
    options = {"stdin": terminal, "stdout": terminal, "stderr": terminal, "start_new_session": True}
    options["preexec_fn"] = lambda: signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # what runs tests may ignore it
    process = subprocess.Popen(command(*predictors), cwd=folder, env=environment(**more), **options)
    os.close(terminal)
    drawn, deadline, sent = b"", time.monotonic() + 200, False
    while time.monotonic() < deadline:
        if select.select([controller], [], [], 0.2)[0]:
            try:
                part = os.read(controller, 65536)
            except OSError:  # the other end was closed
                break
            if not part:
                break
            drawn += part
        if interrupt and not sent and b"3/8 epochs" in drawn:
            sent = True
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    return process.wait(timeout=30), drawn.decode()


def without_control(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_a_line_that_survives_parallel_jobs_and_errors_that_stay_whole(folder):
    status, drawn = on_a_terminal(folder, "gates", "mlp", "broken")
    plain = without_control(drawn)
    assert status == 1
    lines = [line for line in re.split(r"[\r\n]+", plain) if line.startswith("predictors ")]
    assert any(re.match(r"predictors \d/3 \| \d/3 jobs \| .*n4 3/8 epochs, 0:0", line) for line in lines)
    assert any("1 failed" in line for line in lines)
    assert all(len(line) <= 300 for line in lines)
    # the error and its log are lines of their own, above the live line
    errors = [line.strip() for line in plain.splitlines()]
    assert "failed: predictors broken n4: broken.csv: row 3 is no cell; mend it" in errors
    assert "log: logs/broken/n4.log" in errors
    assert re.search(r"2 of 3 jobs done in 0:\d\d, 1 failed", plain)
    assert drawn.count("\x1b[?25l") == drawn.count("\x1b[?25h")  # the cursor is there again
    for noise in ("Building DAG", "Select jobs", "resources:", "Execute", "CalledProcessError", "Exiting"):
        assert noise not in plain


def test_ctrl_c_gives_the_terminal_back(folder):
    status, drawn = on_a_terminal(folder, "gates", "mlp", interrupt=True, SECONDS_EACH="30")
    assert status != 0 and drawn.count("\x1b[?25l") == drawn.count("\x1b[?25h") == 1
    assert "0 of 2 jobs done" in without_control(drawn)


def test_plain_lines_without_a_terminal(folder):
    run = {"cwd": folder, "capture_output": True, "text": True, "timeout": 200}
    done = subprocess.run(command("gates", "broken"), env=environment(SECONDS_EACH="0.1"), **run)
    assert done.returncode == 1 and "\x1b" not in done.stderr
    lines = done.stderr.splitlines()
    timed = [line[9:] for line in lines if re.match(r"\d\d:\d\d:\d\d ", line)]
    assert "2 jobs to do" in timed
    assert any(line.startswith("predictors gates n4: gates: Kendall's tau 0.71 | ") for line in timed)
    assert "failed: predictors broken n4: broken.csv: row 3 is no cell; mend it" in timed
    assert re.match(r"1 of 2 jobs done in 0:\d\d, 1 failed", timed[-1])
    again = subprocess.run(command("gates"), env=environment(), **run)
    assert again.returncode == 0 and "Nothing to be done" in again.stderr


def test_whoever_asks_for_more_gets_snakemakes_own_log(folder):
    run = {"cwd": folder, "capture_output": True, "text": True, "timeout": 200}
    options = ("--logger", "nasflow", "--dry-run")
    done = subprocess.run(command("gates", options=options), env=environment(), **run)
    assert done.returncode == 0 and "This was a dry-run" in done.stdout
    assert "rule train_predictor" in done.stdout


def test_the_profiles_use_it():
    for name in ("workstation", "slurm"):
        assert re.search(
            r"^logger: nasflow", (ROOT / f"profiles/{name}/config.yaml").read_text(), re.MULTILINE
        )
