"""How long jobs are expected to take, before any was measured: the estimates that clusters are asked by."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipeline.live.stages import STAGES
from pipeline.live.time_left import START

Estimate = Callable[[str, "str | None", "int | None"], object]  # stage, benchmark, n_train -> Request
_estimate: Estimate | None = None


def estimate_by(function: Estimate) -> None:
    """Take the estimates of the workflow that this process runs (`rules/requests.smk` says which)."""
    global _estimate
    _estimate = function


def expected_seconds(rule: str, wildcards: Mapping, estimate: Estimate | None = None) -> float:
    """Return what a job of a rule is expected to take, in seconds.

    wildcards: what is known of it; without a benchmark or n_train it is the largest such job. estimate: None
    for those of `estimate_by`; without any, all jobs are alike.
    """
    estimate = estimate or _estimate
    if estimate is None or rule not in STAGES:
        return START
    n_train = wildcards.get("n_train")
    request = estimate(STAGES[rule][1], wildcards.get("benchmark"), int(n_train) if n_train else None)
    return START + request.seconds
