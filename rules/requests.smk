# What jobs ask a cluster for. On one machine it is looked at only where --resources sets limits.
from functools import cache

from pipeline.job_requests import MOST_MINUTES, request
from pipeline.live.expected import estimate_by


@cache
def request_of(stage, benchmark, n_train):
    return request(stage, CONFIG, benchmark, n_train)


estimate_by(request_of)  # for the time left that the logger nasflow shows


def asked(stage, wildcards):
    n_train = int(wildcards.n_train) if "n_train" in wildcards.keys() else None
    return request_of(stage, wildcards.get("benchmark"), n_train)


def minutes(stage):
    """Each attempt gets more: the first as much as estimated, the second twice that, …"""
    return lambda wildcards, attempt: min(asked(stage, wildcards).minutes * attempt, MOST_MINUTES)


def megabytes(stage):
    return lambda wildcards, attempt: asked(stage, wildcards).mem_mb * attempt


def gpus(stage):
    """1 with `device: cuda`. With `auto` a job takes what its node shows it, and asks for none."""
    return request(stage, CONFIG).gpus
