"""Faults, the short form: a killed Snakemake and flipped bytes (the long form: tests/faults)."""

from __future__ import annotations

import os

import pytest

from tests.faults.harness import Harness
from tests.faults.run import Run

pytestmark = pytest.mark.workflow


def flip(path, keep_times=False):
    times = os.stat(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)
    if keep_times:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_after_kills_and_a_flipped_byte_the_plain_command_comes_to_the_same_bytes(finished, fresh_copy):
    harness = Harness(fresh_copy, finished, seed=1)
    (fresh_copy.root / "results/search/digits101/random.h5").unlink()
    assert harness.strike(["kill snakemake"]) == ["kill snakemake"]  # no worker outlives it
    flip(fresh_copy.root / "results/zeroshot/digits101.h5")
    harness.finish()
    assert harness.answers["unlocked"] == 1
    assert harness.answers["deleted what was named"] == 1
    assert "results/zeroshot/digits101.h5: its content is not what was written" in "\n".join(harness.log)


def test_a_byte_that_was_flipped_silently_is_used_by_no_job(fresh_copy):
    table = fresh_copy.root / "results/benchmarks/digits101.h5"
    flip(table, keep_times=True)
    flip(fresh_copy.root / "results/tables/search.csv", keep_times=True)
    out = fresh_copy.root / "results/predictors/digits101/gates/n4.h5"
    out.unlink()
    run = Run(fresh_copy)
    assert run.end() == 1
    said = (
        f"{table.relative_to(fresh_copy.root)}: its content is not what was written (checksum); delete it and"
    )
    assert said in run.said() and "Traceback" not in run.said()
    assert not out.exists() and not list(out.parent.glob("*.part"))
    differs = ["its content differs from what was written"]
    not_fresh = fresh_copy.not_fresh()
    assert not_fresh["results/benchmarks/digits101.h5"] == not_fresh["results/tables/search.csv"] == differs
