"""Searches of the real NAS-Bench-201: what a comparison of strategies must show."""

from __future__ import annotations

import gzip
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.search import bayesian, local_search, random, regularized_evolution
from pipeline.search.context import Context
from pipeline.search.domain import Domain
from pipeline.search.loop import spend
from pipeline.spaces import nasbench201

N_INITIAL, N_RUNS = 10, 8
METRICS = {"val": "cifar10_val_acc_200", "test": "cifar10_test_acc_200_mean"}


@pytest.fixture(scope="module")
def table(data_dir):
    """All cells, and an oracle of their accuracies."""
    with gzip.open(data_dir / "nasbench201_15625.csv.gz") as file:
        frame = pd.read_csv(file)
    cells = nasbench201.from_columns({"arch_str": frame["arch_str"].tolist()})
    keys = nasbench201.cell_key(cells)
    order = np.argsort(keys)

    def evaluate(archs):
        rows = order[np.searchsorted(keys[order], nasbench201.cell_key(archs))]
        known = {f"{which}_acc": frame[column].to_numpy()[rows] / 100 for which, column in METRICS.items()}
        names = {
            "cell": frame["arch_str"].to_numpy(object)[rows],
            "source": np.full(len(rows), "known", object),
        }
        return {**known, **names, "train_seconds": np.full(len(rows), np.nan)}

    ranks = SimpleNamespace(**{column: frame[column].to_numpy() / 100 for column in METRICS.values()})
    return cells, evaluate, ranks


def search(table, module, budget, metric="val", **settings):
    cells, evaluate, known = table
    domain = Domain(nasbench201, cells)
    best = getattr(known, METRICS[metric]).max()
    context = Context(domain, [cells[:0]] * N_RUNS, [7 + run for run in range(N_RUNS)], budget)
    strategy = module.Strategy(module.Settings(**settings), context)
    first = [np.random.default_rng(run).permutation(len(cells))[:N_INITIAL] for run in range(N_RUNS)]
    oracle = SimpleNamespace(evaluate=evaluate, optimum=best)
    found = spend(strategy, oracle, domain, cells[np.concatenate(first)], N_RUNS, budget, "real", metric)
    return found.columns["regret"].reshape(N_RUNS, budget)


@pytest.mark.real_data
def test_bayesian_optimisation_finds_the_best_of_15625_cells_within_64_queries(table):
    for metric in METRICS:
        regret = search(table, bayesian, 64, metric)
        assert np.median(np.where((regret <= 0).any(1), (regret <= 0).argmax(1) + 1, 999)) <= 64, metric
        assert regret[:, -1].mean() < 0.003, "random search is .010 and more behind"


@pytest.mark.real_data
def test_guided_strategies_beat_random_search(table):
    blind = search(table, random, 150)[:, -1]
    for module in (regularized_evolution, local_search):
        assert search(table, module, 150)[:, -1].mean() < blind.mean() - blind.std() / 2
