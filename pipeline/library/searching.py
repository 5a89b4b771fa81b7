"""Searches on a benchmark table in memory."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

from pipeline.benchmarks.in_memory import TableInMemory
from pipeline.benchmarks.tables import BenchmarkTable
from pipeline.errors import ConfigError
from pipeline.job import Job
from pipeline.library.checked import plugged_in, settings_of
from pipeline.plug_ins import plug_ins_of
from pipeline.search.loop import Trajectory
from pipeline.search.settings import SearchSettings


def run_search(
    table: BenchmarkTable,
    strategy: str = "bayesian",
    *,
    budget: int = 100,
    n_initial: int = 10,
    n_runs: int = 1,
    metric: str = "val",
    predictor: str | Mapping | None = None,
    seed: int = 1,
    name: str | None = None,
    device: str = "cpu",
    latents_files: Mapping[str, Path | str] | None = None,
    zeroshot_file: Path | str | None = None,
    **settings,
):
    """Let a strategy spend `budget` look-ups in a table, `n_runs` times; return what it asked for.

    strategy: a plug-in of `pipeline.search`; settings: its own, as in a configuration. predictor: for
    strategies that use one, its method, or {"method": …, its settings}. metric: "val" or "test", what is
    queried. name: what the strategy is called; its random streams are the workflow's for the same name,
    benchmark and seed.

    Returns a DataFrame with a row a query, run after run: run, query (1 = first), cell, val_acc, test_acc,
    best_val_acc and best_test_acc (of the best cell so far), regret, train_seconds, repeats, invalid, source.
    Raises ConfigError for an unknown strategy or setting, or a budget beyond the table.
    """
    import pandas as pd

    from pipeline.search.parts import run_part, shares

    learner = _predictor(strategy, predictor)
    named = settings | ({"predictor": learner["predictor"]} if learner else {})
    own = plugged_in("search", f"run_search {strategy}", method=strategy, **named)
    given = {"budget": budget, "n_initial": n_initial, "n_runs": n_runs, "metric": metric}
    search = settings_of(SearchSettings, "run_search", **given)
    own.pop("method")
    asked = {
        "benchmark": table.name,
        "space": table.archs.space,
        "strategy": name or strategy,
        "method": strategy,
        "settings": own,
        "predictor": learner,
        "origin": "table",
    }
    latents = {key: Path(file) for key, file in (latents_files or {}).items()}
    files = latents, Path(zeroshot_file) if zeroshot_file is not None else None
    job = Job("search", asked, seed=seed, device=device)
    method = importlib.import_module(f"pipeline.search.{strategy}")
    begun = importlib.import_module("pipeline.search.origins.table").begin_on
    parts = [
        run_part(job, search, runs, begun(TableInMemory(table), job, search), *files)
        for runs in shares(n_runs, "table", method)
    ]
    return pd.DataFrame(Trajectory.join(parts).columns)


def _predictor(strategy: str, given: str | Mapping | None) -> dict | None:
    """Return the checked predictor. Raises ConfigError if the strategy needs one, or does not use any."""
    known = strategy in plug_ins_of("search")
    uses = (
        known and "predictor" in importlib.import_module(f"pipeline.search.{strategy}").Settings.model_fields
    )
    if known and uses != (given is not None):
        needed = "needs predictor=…, such as 'gates'" if uses else "uses no predictor; leave it out"
        raise ConfigError(f"run_search {strategy}: this strategy {needed}")
    if given is None:
        return None
    said = {"method": given} if isinstance(given, str) else dict(given)
    own = plugged_in("predictors", "run_search: predictor", **said)
    method = own.pop("method")
    return {"predictor": method, "method": method, "settings": own}
