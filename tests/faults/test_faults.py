"""The long form: many faults over several seeds, and after each the plain command comes to the same bytes."""

from __future__ import annotations

import os
import time

import pytest

from tests.faults.faults import FAULTS
from tests.faults.harness import Harness

SEEDS = [int(seed) for seed in os.environ.get("NASFLOW_FAULT_SEEDS", "1 2 3 4").split()]
ROUNDS = 2  # of every kind of fault, in a random order, for each seed


@pytest.mark.faults_long
@pytest.mark.workflow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", SEEDS)
def test_faults_change_no_byte(seed, undisturbed, disk, tmp_path):
    project = undisturbed.copy((disk or tmp_path) / "project")
    harness, started = Harness(project, undisturbed, seed, disk is not None), time.monotonic()
    waiting = [*FAULTS] * ROUNDS
    harness.chance.shuffle(waiting)
    try:
        while waiting:
            harness.set_back()
            for kind in harness.strike(waiting[: harness.chance.randint(1, 3)]):
                waiting.remove(kind)
            harness.finish()
    finally:
        minutes = (time.monotonic() - started) / 60
        print(
            f"seed {seed}: {harness.struck}, {harness.answers}, {minutes:.0f} minutes", *harness.log, sep="\n"
        )
    assert harness.struck.keys() == FAULTS.keys() and set(harness.struck.values()) == {ROUNDS}
    not_fresh = project.not_fresh()
    assert not [file for file, why in not_fresh.items() if not file.endswith(".part")], not_fresh
