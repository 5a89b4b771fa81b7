"""Faults of a cluster, on a real one: nothing is lost, and nothing that was finished is done again."""

from __future__ import annotations

import signal

import pytest

from tests.slurm.conftest import CHILDREN, LONG, networks, same_as, times

pytestmark = [pytest.mark.workflow, pytest.mark.slurm_long, pytest.mark.timeout(2 * LONG)]


def test_an_interrupted_snakemake_takes_its_jobs_along_and_a_plain_run_goes_on(start, cluster, undisturbed):
    run = start()
    run.hold("*.h5")
    run.process.send_signal(signal.SIGINT)
    run.wait()
    cluster.wait_until(lambda: not cluster.jobs(), "jobs are cancelled")
    assert not times(run.project)
    kept = networks(run.project)
    again = start()
    again.hold("*.h5")
    assert len(kept) >= 3 and networks(run.project).items() >= kept.items()
    again.go_on()
    said = again.wait()
    assert again.process.returncode == 0, said
    assert same_as(undisturbed, run.project)


def test_after_power_failed_slurm_starts_the_jobs_again_and_the_run_goes_on(start, cluster, undisturbed):
    run = start()
    run.hold("*.h5")
    cluster.stop_node(jobs_too=True)
    kept = networks(run.project)
    cluster.start_node()
    run.hold("*.h5")
    assert len(kept) >= 3 and networks(run.project).items() >= kept.items()
    run.go_on()
    said = run.wait()
    assert run.process.returncode == 0, said
    assert same_as(undisturbed, run.project)


def test_a_job_over_its_time_goes_on_with_more_time(start, cluster, undisturbed):
    run = start("--set-resources", f"{CHILDREN}:runtime=58*attempt-56")
    run.hold("*.h5")
    cluster.wait_until(lambda: "TIMEOUT" in states(cluster), "time limit", seconds=LONG)
    kept = networks(run.project)
    run.go_on()
    said = run.wait()
    assert run.process.returncode == 0, said
    assert "SLURM status is: 'TIMEOUT'" in said and "Trying to restart job" in said
    assert len(kept) >= 3 and same_as(undisturbed, run.project)


def test_a_job_over_its_memory_is_tried_again_with_more(start, cluster, undisturbed):
    """The cluster here looks at memory once a second; a real one has cgroups, whose word is OUT_OF_MEMORY."""
    before = cluster.jobs("all").keys()
    run = start("--set-resources", f"{CHILDREN}:mem_mb=3000*attempt-2800")
    said = run.wait()
    assert run.process.returncode == 0, said
    jobs = cluster.jobs("all")
    ended = [jobs[name][0] for name in jobs.keys() - before if CHILDREN in jobs[name][1]]
    assert ended.count("FAILED") + ended.count("OUT_OF_MEMORY") == 3
    assert "exceeded memory limit" in (cluster.root / "slurmd.log").read_text()
    assert same_as(undisturbed, run.project)


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="plug-in 2.8: every task of an array looks for the first one's output",
)
def test_an_arrays_tasks_are_finished_though_the_first_was_cancelled(start, cluster):
    run = start("--retries", "0", "--jobs", "unlimited", "--slurm-array-jobs", CHILDREN)
    cluster.command("scancel", next(name for name in run.hold() if name.endswith("_1")))
    run.go_on()
    run.wait()
    assert len(times(run.project)) == 2


def states(cluster) -> set[str]:
    """States of all jobs that train networks, finished ones too."""
    return {state for state, comment in cluster.jobs("all").values() if CHILDREN in comment}
