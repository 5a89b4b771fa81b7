"""How long jobs are expected to take, before any was measured: what the requests to clusters are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from pipeline.live.stages import STAGES
from pipeline.live.time_left import START

Estimate = Callable[[str, Mapping[str, str]], object]  # stage, wildcards -> Request
_estimate: Estimate | None = None


def estimate_by(function: Estimate | None) -> None:
    """Take the estimates of the workflow that this process runs (`rules/requests.smk` says which)."""
    global _estimate
    _estimate = function


def estimate() -> Estimate | None:
    """Return the estimates of the workflow that this process runs, or None."""
    return _estimate


@contextmanager
def estimates_apart() -> Iterator[None]:
    """Forget, at the end, the estimates of a workflow that is only read within it."""
    before = _estimate
    try:
        yield
    finally:
        estimate_by(before)


def expected_seconds(rule: str, wildcards: Mapping, by: Estimate | None) -> float:
    """Return what a job of a rule is expected to take, in seconds.

    wildcards: what is known of it; it is the largest such job otherwise. by: None for all jobs alike.
    """
    if by is None or rule not in STAGES:
        return START
    return START + by(STAGES[rule][1], dict(wildcards)).seconds
