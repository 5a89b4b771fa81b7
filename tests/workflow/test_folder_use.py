"""Two runs in one folder, and two users: who comes second is told so in a line, or goes on with the work."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.workflow.conftest import Project, copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.timeout(1800)]
ANNA, BEN, LAB = 64001, 64002, 64003  # ids that nobody has
IMAGES, SPACE = "results/images/digits.h5", "results/spaces/nasbench101.h5"
needs_users = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv (to be two users)"
)


@pytest.fixture
def project(tmp_path) -> Project:
    return copy_project(tmp_path / "project")


def snakemake(project: Project, *words, user: int | None = None, **options) -> subprocess.CompletedProcess:
    """Run snakemake in the project, as another user where one is given; what it says is in stdout."""
    return subprocess.run(
        [*as_user(user), sys.executable, "-m", "snakemake", *words, *OPTIONS],
        cwd=project.root,
        env=environment(project, user),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        **options,
    )


OPTIONS = ("--cores", "1", "--configfile", "tiny.yaml")


def as_user(user: int | None) -> list[str]:
    """The command that gives a command another user, who may read whatever root may (Python lies there)."""
    if user is None:
        return []
    ids = (f"--reuid={user}", f"--regid={LAB}", "--clear-groups")
    return ["setpriv", *ids, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]


def environment(project: Project, user: int | None) -> dict[str, str]:
    given = {**os.environ, "PYTHONPATH": str(project.root)}
    if user is None:
        return given
    home = project.root.with_name(str(user))
    if not home.exists():
        home.mkdir()
        os.chown(home, user, LAB)
    return {
        **given,
        "LOGNAME": {ANNA: "anna", BEN: "ben"}[user],
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home),
    }


def test_a_second_snakemake_is_told_who_works_and_after_a_kill_what_to_do(project):
    first = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "images", *OPTIONS],
        cwd=project.root,
        env=environment(project, None),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        record = project.root / ".snakemake/locks/run.json"
        while not (record.exists() and record.read_text().endswith("\n")):
            assert first.poll() is None
            time.sleep(0.02)
        first.send_signal(signal.SIGSTOP)
        run = json.loads(record.read_text())
        second = snakemake(project, "images")
        plan = snakemake(project, "images", "-n")
        restored = project.run("pipeline", "status", "--restore", "--configfile", "tiny.yaml", check=False)
    finally:
        first.kill()
        first.wait()
    who = f"(process {first.pid} on {run['host']}, since {run['since']})"
    told = (
        f"{project.root}: another snakemake works here, started by {run['user']} {who}; wait until it is done"
    )
    assert second.returncode == 1 and told in last_line(second)
    assert plan.returncode == 0 and told in plan.stdout
    assert restored.returncode == 1 and restored.stderr.startswith(f"status --restore: {told}")
    killed = snakemake(project, "images")
    assert killed.returncode == 1 and "was killed and left its lock; snakemake --unlock, then" in last_line(
        killed
    )
    assert snakemake(project, "--unlock").returncode == 0
    assert snakemake(project, "images").returncode == 0
    assert not record.exists()


@needs_users
def test_who_may_not_write_is_told_where_and_whose_it_is(project):
    project.snakemake(IMAGES)
    before = project.artifacts()
    for words in ((SPACE,), (SPACE, "-n")):
        done = snakemake(project, *words, user=BEN)
        assert done.returncode == 1 and "Traceback" not in done.stdout
        assert f"{project.root}/.snakemake" in last_line(done)
        assert "ben may not write there, it belongs to root; run in a copy of your own, or" in last_line(done)
    share(project.root / ".snakemake")
    done = snakemake(project, SPACE, user=BEN)
    assert done.returncode == 1
    assert "results: ben may not write there, it belongs to root" in done.stdout
    assert "(3 jobs" not in done.stdout and project.artifacts() == before
    status = [*as_user(BEN), sys.executable, "-m", "pipeline", "status", IMAGES, "--configfile", "tiny.yaml"]
    assert subprocess.run(status, cwd=project.root, env=environment(project, BEN)).returncode == 0


@needs_users
def test_in_a_folder_of_a_group_one_goes_on_with_the_others_results(project):
    share(project.root)
    made = snakemake(project, IMAGES, user=ANNA, umask=0o002)
    assert made.returncode == 0, made.stdout
    before = (project.root / IMAGES).stat()
    assert before.st_uid == ANNA
    went_on = snakemake(project, IMAGES, SPACE, user=BEN, umask=0o002)
    assert went_on.returncode == 0, went_on.stdout
    after = (project.root / IMAGES).stat()
    assert (after.st_mtime_ns, after.st_uid) == (before.st_mtime_ns, ANNA)
    assert (project.root / SPACE).stat().st_uid == BEN
    project.edit("tiny.yaml", "n_valid: 300", "n_valid: 299")
    again = snakemake(project, IMAGES, SPACE, user=BEN, umask=0o002)  # Anna's image set, log and records
    assert again.returncode == 0, again.stdout
    assert (project.root / IMAGES).stat().st_uid == BEN
    back = snakemake(project, IMAGES, SPACE, user=ANNA, umask=0o002)
    assert back.returncode == 0 and "Nothing to be done" in back.stdout


def share(folder) -> None:
    """What docs/howto/cluster.md says of a shared folder."""
    for command in (
        ("chgrp", "-R", str(LAB), folder),
        ("chmod", "-R", "g+rwX", folder),
        ("find", folder, "-type", "d", "-exec", "chmod", "g+s", "{}", "+"),
    ):
        subprocess.run(command, check=True)


def last_line(done: subprocess.CompletedProcess) -> str:
    return done.stdout.strip().splitlines()[-1]
