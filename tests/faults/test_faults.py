"""The long form: many faults over several seeds, and after each the plain command comes to the same bytes."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.conftest import own_disk
from tests.faults.faults import FAULTS
from tests.faults.harness import Harness

SEEDS = [int(seed) for seed in os.environ.get("NASFLOW_FAULT_SEEDS", "1 2 3 4").split()]
SIDE_BY_SIDE = int(os.environ.get("NASFLOW_FAULT_PROJECTS", "1"))  # projects that are struck at the same time
ROUNDS = 2  # of every kind of fault, in a random order, for each seed
AT_ONCE = 4  # faults in one run, at most


@pytest.mark.faults_long
@pytest.mark.workflow
@pytest.mark.timeout(4 * 3600)
def test_faults_change_no_byte(undisturbed, tmp_path):
    def strike(seed: int) -> dict[str, int]:
        with own_disk(tmp_path / f"seed_{seed}") as (folder, mounted):
            harness = Harness(undisturbed.copy(folder / "project"), undisturbed, seed, mounted)
            try:
                strike_all(harness)
            except BaseException as error:  # told at once: other projects are still at work
                print(f"seed {seed}: {error}", flush=True)
                raise
            not_fresh = harness.project.not_fresh()
            assert not [file for file in not_fresh if not file.endswith(".part")], not_fresh
            return harness.struck

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        done = list(pool.map(strike, SEEDS))
    assert done == [dict.fromkeys(FAULTS, ROUNDS)] * len(SEEDS)


def strike_all(harness: Harness) -> None:
    """Strike a project with ROUNDS of every kind of fault, and say what came of it."""
    waiting = [*FAULTS] * ROUNDS
    harness.chance.shuffle(waiting)
    while waiting:
        harness.set_back()
        for kind in harness.strike(waiting[: harness.chance.randint(1, AT_ONCE)]):
            waiting.remove(kind)
        harness.finish()
    minutes = (time.monotonic() - harness.began) / 60
    print(f"seed {harness.seed}: {harness.struck}, {harness.answers}, {minutes:.0f} minutes", flush=True)
