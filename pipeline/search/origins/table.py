"""Accuracies from a benchmark table, whose cells are the ones that a search may ask for."""

from __future__ import annotations

import argparse

import numpy as np

from pipeline import spaces
from pipeline.benchmarks.queries import Benchmark
from pipeline.benchmarks.tables import mean_over_trials
from pipeline.errors import UserError
from pipeline.job import Job
from pipeline.search.context import draw_first
from pipeline.search.domain import Domain
from pipeline.search.settings import SearchSettings
from pipeline.spaces.archs import Archs


def begin(args: argparse.Namespace, job: Job, search: SearchSettings, device):
    """Return (Domain, oracle, initial cells of all runs, reserve of each run)."""
    return begin_on(Benchmark(args.benchmark_table, job.settings["benchmark"]), job, search)


def begin_on(benchmark: Benchmark, job: Job, search: SearchSettings):
    """Return what `begin` does, of a table that is open."""
    space = spaces.load(job.settings["space"])
    cells = benchmark.archs()
    domain = Domain(space, cells, restricted=len(cells) < space.SIZE)
    return (
        domain,
        TableOracle(benchmark, search.metric),
        *draw_first(domain, search, job.seed, job.settings["benchmark"]),
    )


class TableOracle:
    """Accuracies from a benchmark table that holds every cell a strategy may ask for.

    metric: "val" or "test", what is queried. optimum: its best value in the table.
    """

    def __init__(self, benchmark: Benchmark, metric: str = "val"):
        """Raises UserError if test accuracies are to be queried and the table has none."""
        if metric == "test" and benchmark.test_metric is None:
            raise UserError(
                f"search.metric: the table of {benchmark.name} has no test accuracy to query; "
                "take metric: val"
            )
        self.benchmark = benchmark
        self.cells = benchmark.cells()
        self.queried = benchmark.test_metric if metric == "test" else benchmark.val_metric
        self.optimum = float(np.nanmax(mean_over_trials(benchmark.values(self.queried))))

    def evaluate(self, archs: Archs) -> dict[str, np.ndarray]:
        """Return cell, val_acc, test_acc, source and train_seconds of each architecture.

        test_acc: NaN if the table has none. train_seconds: what the trainings behind the answer took by the
        benchmark's record. Raises DataError if one of the architectures is not in the table.
        """
        answer = self.benchmark.query(archs, self.queried)
        val, test = self.benchmark.val_metric, self.benchmark.test_metric
        return {
            "cell": self.cells[answer.rows],
            "val_acc": self.benchmark.query(archs, val).values,
            "test_acc": self.benchmark.query(archs, test).values if test else np.full(len(archs), np.nan),
            "source": np.full(len(archs), "known", dtype=object),
            "train_seconds": answer.train_seconds,
        }
