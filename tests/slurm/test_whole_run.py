"""Every stage as jobs of a real cluster, from nothing to the report."""

from __future__ import annotations

import pytest

from tests.slurm.conftest import Submitted, same_as
from tests.workflow.conftest import copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.timeout(900), pytest.mark.slurm_long]


def test_the_whole_run_reaches_the_report_with_the_bytes_of_a_local_one(cluster, tmp_path):
    project = copy_project(tmp_path / "project")
    run = Submitted(cluster, project, targets=("report",))
    try:
        said = run.wait(600)
    finally:
        run.end()
    assert run.process.returncode == 0, said
    assert project.plan() == {}
    assert "<svg" in (project.root / "results/report/index.html").read_text()
    names = {comment.partition("_wildcards")[0] for _, comment in cluster.jobs("all").values()}
    assert {"rule_first_enumerate_space_read_images", "rule_train_children", "rule_score_cells"} <= names
    assert any(name.startswith("rule_last_") for name in names), "tables and report are one job"
    local = copy_project(tmp_path / "local")
    local.snakemake()
    artifacts = [str(path.relative_to(local.root)) for path in (local.root / "results").rglob("*.h5")]
    assert len(artifacts) > 15 and same_as(local, project, artifacts)
