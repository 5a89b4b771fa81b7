"""The profile for SLURM names rules that there are, and nothing that the plug-in does not know."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from snakemake_executor_plugin_slurm import ExecutorSettings

ROOT = Path(__file__).resolve().parents[2]
PROFILE = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())


def test_grouped_rules_are_there_and_need_no_device():
    rules = "\n".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    bodies = dict(re.findall(r"(?ms)^ *rule (\w+):(.*?)(?=^ *rule |\Z)", rules))
    assert set(PROFILE["groups"]) <= set(bodies)
    assert not [rule for rule in PROFILE["groups"] if "device=" in bodies[rule]]
    assert set(PROFILE["groups"].values()) == set(PROFILE["group-components"])


def test_the_plug_in_knows_its_options():
    known = {f"slurm-{name.replace('_', '-')}" for name in ExecutorSettings.__dataclass_fields__}
    used = {key for key in PROFILE if key.startswith("slurm-")}
    assert used and used <= known
    assert "slurm-array-jobs" not in used


def test_staleness_is_judged_as_on_one_machine():
    workstation = yaml.safe_load((ROOT / "profiles/workstation/config.yaml").read_text())
    for key in ("max-checksum-file-size", "rerun-incomplete", "keep-going"):
        assert PROFILE[key] == workstation[key]


def test_jobs_are_tried_again():
    assert PROFILE["executor"] == "slurm" and PROFILE["retries"] >= 2 and PROFILE["latency-wait"] >= 30
