"""Faults of a cluster, on a real one: nothing is lost, and nothing that was finished is done again."""

from __future__ import annotations

import signal
import time

import pytest

from tests.slurm.conftest import networks, same_as, times

pytestmark = [pytest.mark.workflow, pytest.mark.timeout(900)]


def test_after_scancel_a_plain_run_does_what_was_cancelled_and_nothing_else(start, cluster, undisturbed):
    run = start("--retries", "0")
    jobs = run.running("train_children")
    assert len(jobs) == 3
    cancelled, *others = jobs
    cluster.command("scancel", cancelled)
    cluster.stop_node()  # jobs do not need the daemon
    time.sleep(2)
    cluster.start_node()
    assert set(others) <= set(cluster.jobs("RUNNING,COMPLETING,COMPLETED"))
    said = run.wait()
    assert run.process.returncode != 0
    assert said.count("SLURM status is: 'CANCELLED'") == 1 and "'FAILED'" not in said
    finished = times(run.project)
    assert len(finished) == 2
    again = start("--retries", "0")
    said = again.wait()
    assert again.process.returncode == 0, said
    assert said.count("rule train_children:") == 1
    assert times(run.project).items() >= finished.items()
    assert same_as(undisturbed, run.project)


@pytest.mark.slurm_long
def test_an_interrupted_snakemake_takes_its_jobs_along_and_a_plain_run_goes_on(start, cluster):
    run = start(config=("epochs: 24", "epochs: 100"))  # long enough to be interrupted on any machine
    run.running("train_children")
    cluster.wait_until(lambda: networks(run.project), "a network is trained")
    run.process.send_signal(signal.SIGINT)
    run.wait(60)
    cluster.wait_until(lambda: not cluster.jobs(), "jobs are cancelled", seconds=30)
    assert not times(run.project)
    kept = networks(run.project)
    again = start()
    again.running("train_children")
    assert kept and networks(run.project).items() >= kept.items()
    said = again.wait(600)
    assert again.process.returncode == 0, said
    assert len(times(run.project)) == 3


@pytest.mark.slurm_long
def test_after_power_failed_slurm_starts_the_jobs_again_and_the_run_goes_on(start, cluster, undisturbed):
    run = start()
    run.running("train_children")
    cluster.wait_until(lambda: networks(run.project), "a network is trained")
    cluster.stop_node(jobs_too=True)
    kept = networks(run.project)
    cluster.start_node()
    run.running("train_children")
    assert kept and networks(run.project).items() >= kept.items()
    said = run.wait(600)
    assert run.process.returncode == 0, said
    assert same_as(undisturbed, run.project)


@pytest.mark.slurm_long
def test_a_job_over_its_time_goes_on_with_twice_the_time(start, cluster, undisturbed):
    run = start("--set-resources", "train_children:runtime=attempt", config=("epochs: 24", "epochs: 100"))
    run.running("train_children")
    cluster.wait_until(lambda: "TIMEOUT" in states(cluster, "train_children"), "time limit", seconds=240)
    kept = networks(run.project)
    said = run.wait(800)
    assert run.process.returncode == 0, said
    assert "SLURM status is: 'TIMEOUT'" in said and "Trying to restart job" in said
    assert kept and len(times(run.project)) == 3


@pytest.mark.slurm_long
def test_a_job_over_its_memory_is_tried_again_with_more(start, cluster, undisturbed):
    """The cluster here looks at memory once a second; a real one has cgroups, whose word is OUT_OF_MEMORY."""
    run = start("--set-resources", "train_children:mem_mb=3000*attempt-2800")
    said = run.wait(600)
    assert run.process.returncode == 0, said
    assert said.count("SLURM status is: 'FAILED'") + said.count("'OUT_OF_MEMORY'") == 3
    assert "exceeded memory limit" in (cluster.root / "slurmd.log").read_text()
    assert same_as(undisturbed, run.project)


@pytest.mark.slurm_long
@pytest.mark.xfail(strict=True, reason="plug-in 2.8: every task of an array looks for the first one's output")
def test_an_arrays_tasks_are_finished_though_the_first_was_cancelled(start, cluster):
    run = start("--retries", "0", "--jobs", "unlimited", "--slurm-array-jobs", "train_children")
    jobs = run.running("train_children")
    cluster.command("scancel", next(name for name in jobs if name.endswith("_1")))
    run.wait()
    assert len(times(run.project)) == 2


def states(cluster, text: str) -> set[str]:
    """States of all jobs of a rule, finished ones too."""
    return {state for state, comment in cluster.jobs("all").values() if text in comment}
