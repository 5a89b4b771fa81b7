"""A search in parts: some of its runs in each, so that several cores can work on it.

How runs are shared out depends on their number and on the strategy, never on the threads that are there: a
strategy may train its runs' predictors in one batch, and sums come out otherwise in another batch.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from threadpoolctl import threadpool_limits

from pipeline.autoencoders.names import latents_in
from pipeline.job import Job
from pipeline.parent import end_with
from pipeline.predictors.resources import named_files
from pipeline.progress import track
from pipeline.randomness import derive
from pipeline.search.context import Context
from pipeline.search.kept import KeptParts
from pipeline.search.loop import Trajectory, spend
from pipeline.search.settings import SearchSettings
from pipeline.spaces.archs import Archs

RUNS_AT_ONCE = 5  # of a strategy whose module does not say otherwise by a constant of this name


def search(args: argparse.Namespace, job: Job, inputs: Sequence[Path] | None = None) -> Trajectory:
    """Run the strategy that the job's settings describe, in all of its runs.

    inputs: the files that it reads; where there are several parts, finished ones are then kept for a later
    call, until `remove_parts`. None: nothing is kept.
    """
    s = job.settings
    settings = SearchSettings(**{key: s[key] for key in SearchSettings.model_fields if key in s})
    method = importlib.import_module(f"pipeline.search.{s['method']}")
    parts = shares(settings.n_runs, s["origin"], method)
    single = job if s["origin"] == "children" else replace(job, threads=1)
    device = str(_device(job))
    keeps = inputs is not None and len(parts) > 1
    given = args, single, settings, KeptParts(args.out, job, inputs, device) if keeps else None
    workers = min(job.threads, len(parts))
    if workers == 1 or device != "cpu":
        with threadpool_limits(limits=single.threads):
            return Trajectory.join([_kept(*given, part) for part in parts])
    start = multiprocessing.get_context("spawn")  # threads of linear algebra do not survive a fork
    ending = {"initializer": end_with, "initargs": (os.getpid(),)}
    with ProcessPoolExecutor(workers, mp_context=start, **ending) as pool:
        waiting = [pool.submit(_worker, *given, part) for part in parts]
        return Trajectory.join([each.result() for each in track(waiting, "parts of the search")])


def shares(n_runs: int, origin: str, method: ModuleType) -> list[range]:
    """Return the runs of each part. Networks are trained in one place, so that none is trained twice."""
    size = n_runs if origin == "children" else getattr(method, "RUNS_AT_ONCE", RUNS_AT_ONCE)
    return [range(first, min(first + size, n_runs)) for first in range(0, n_runs, size)]


def _worker(*given) -> Trajectory:
    """Compute a part in a process of its own, with linear algebra on one thread."""
    with threadpool_limits(limits=1):
        return _kept(*given)


def _kept(
    args: argparse.Namespace, job: Job, search: SearchSettings, kept: KeptParts | None, runs: range
) -> Trajectory:
    if kept is None:
        return _part(args, job, search, runs)
    return kept.get(runs, lambda part: _part(args, job, search, part))


def _part(args: argparse.Namespace, job: Job, search: SearchSettings, runs: range) -> Trajectory:
    origin = importlib.import_module(f"pipeline.search.origins.{job.settings['origin']}")
    begun = origin.begin(args, job, search, _device(job))
    return run_part(job, search, runs, begun, named_files(args.latents), args.zeroshot)


def run_part(
    job: Job,
    search: SearchSettings,
    runs: range,
    begun: tuple,
    latents: Mapping[str, Path],
    zeroshot: Path | None,
) -> Trajectory:
    """Run some of a search's runs. begun: what the origin of its accuracies returned for all of them."""
    s = job.settings
    method = importlib.import_module(f"pipeline.search.{s['method']}")
    domain, oracle, initial, reserve = begun
    initial, reserve = _of_runs(initial, search.n_initial, runs), [reserve[run] for run in runs]
    names = ("search", s["benchmark"], s["strategy"])
    context = Context(
        space=domain,
        reserve=reserve,
        seeds=[derive(job.seed, *names, run) for run in runs],
        budget=search.budget,
        predictor=s["predictor"],
        latents=latents,
        zeroshot=zeroshot,
        device=_device(job),
        common_seed=derive(job.seed, *names, "all runs"),
    )
    strategy = method.Strategy(method.Settings(**s["settings"]), context)
    return spend(strategy, oracle, domain, initial, len(runs), search.budget, s["strategy"], search.metric)


def _device(job: Job):
    """Return the torch device; without importing torch where nothing of a search needs it."""
    s = job.settings
    idle = s["origin"] == "table" and s["predictor"] is None and not latents_in(s["settings"])
    learns = getattr(importlib.import_module(f"pipeline.search.{s['method']}"), "LEARNS", False)
    return "cpu" if idle and not learns else job.torch_device()


def _of_runs(initial: Archs, n_initial: int, runs: range) -> Archs:
    return initial[runs.start * n_initial : runs.stop * n_initial]
