# What jobs ask a cluster for. On one machine it is looked at only where --resources sets limits.
from pipeline.job_requests import MOST_MINUTES, request
from pipeline.live.expected import estimate_by

REQUESTS = {}


def request_of(stage, wildcards):
    """What a job asks for. wildcards: a mapping; what is not known is left out."""
    key = (stage, *sorted(wildcards.items()))
    if key not in REQUESTS:
        REQUESTS[key] = request(stage, CONFIG, wildcards)
    return REQUESTS[key]


estimate_by(request_of)  # for the time left that is shown while it runs


def asked(stage, wildcards):
    return request_of(stage, dict(wildcards.items()))


def minutes(stage):
    """Each attempt gets more: the first as much as estimated, the second twice that, …"""
    return lambda wildcards, attempt: min(asked(stage, wildcards).minutes * attempt, MOST_MINUTES)


def megabytes(stage):
    return lambda wildcards, attempt: asked(stage, wildcards).mem_mb * attempt


def gpus(stage):
    """1 with `device: cuda`. With `auto` a job takes what its node shows it, and asks for none."""
    return request(stage, CONFIG).gpus
