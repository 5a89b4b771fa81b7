"""Every stage as jobs of a real cluster, from nothing to the report, with a job cancelled on the way."""

from __future__ import annotations

import pytest

from tests.slurm.conftest import CHILDREN, LONG, SMALL, Submitted, same_as, times
from tests.workflow.conftest import copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.timeout(2 * LONG)]


def test_a_disturbed_run_and_a_plain_one_reach_the_report_with_the_bytes_of_a_local_run(
    cluster, undisturbed, tmp_path
):
    project = copy_project(tmp_path / "project", SMALL)
    run = Submitted(cluster, project, ("--retries", "0"), ("report",))
    try:
        disturb(run, cluster)
        said = run.wait()
    finally:
        run.end()
    assert run.process.returncode != 0
    assert "SLURM status is: 'CANCELLED'" in said and "'FAILED'" not in said
    finished = times(project)
    assert len(finished) == 2
    before = chunk_jobs(cluster)
    again = Submitted(cluster, project, ("--retries", "0"), ("report",))
    try:
        said = again.wait()
    finally:
        again.end()
    assert again.process.returncode == 0, said
    assert len(chunk_jobs(cluster) - before) == 1 and times(project).items() >= finished.items()
    assert project.plan() == {}
    local = undisturbed.copy(tmp_path / "local")
    local.snakemake()
    artifacts = [str(path.relative_to(local.root)) for path in (local.root / "results").rglob("*.h5")]
    assert len(artifacts) > 10 and same_as(local, project, artifacts)
    names = {comment.partition("_wildcards")[0] for _, comment in cluster.jobs("all").values()}
    assert {"rule_first_enumerate_space_read_images", f"rule_{CHILDREN}", "rule_score_cells"} <= names
    assert any(name.startswith("rule_last_") for name in names), "tables and report are one job"


def disturb(run, cluster) -> None:
    """Cancel one of three jobs, and start slurmd anew while the others run: they do not need it."""
    cancelled, *others = run.hold()
    assert len(others) == 2
    cluster.command("scancel", cancelled)
    cluster.stop_node()
    cluster.start_node()
    assert set(others) <= set(cluster.jobs("RUNNING"))
    run.go_on()


def chunk_jobs(cluster) -> set[str]:
    """Ids of all jobs that train networks, finished ones too."""
    return {name for name, (_, comment) in cluster.jobs("all").items() if CHILDREN in comment}
