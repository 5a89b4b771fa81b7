"""Local search, predictor-guided search and Bayesian optimisation, on a toy space whose optimum is known."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.errors import ConfigError
from pipeline.search import bayesian, local_search, predictor_search, retraining
from pipeline.search.context import Context
from pipeline.search.domain import Domain
from pipeline.search.loop import spend
from pipeline.spaces.archs import Archs
from tests.unit import toy_space as toy

DOMAIN = Domain(toy, toy.unique_cells())
N_INITIAL, BUDGET, N_RUNS = 6, 30, 3
GUIDED = {"predictor": "fake", "rounds": 3, "steps": 30, "population": 5, "parents": 2}
STRATEGIES = {
    "local": (local_search, {}),
    "whole": (local_search, {"whole_neighbourhood": True, "mutations": 30}),
    "evolution": (predictor_search, GUIDED | {"inner": "evolution"}),
    "annealing": (predictor_search, GUIDED | {"inner": "annealing", "temperature": 0.1}),
    "sample": (predictor_search, GUIDED | {"inner": "sample"}),
    "bayesian": (bayesian, {}),
    "ranks": (bayesian, {"targets": "ranks"}),
    "batches": (bayesian, {"batch": 4}),
    "latents": (bayesian, {"latents": "a"}),
    "drawn": (bayesian, {"n_candidates": 300, "n_mutations": 50}),
}


@pytest.fixture(autouse=True)
def no_training(monkeypatch):
    """A perfect predictor for guided strategies; operations of a cell and its mirror image as its point."""
    monkeypatch.setattr(retraining, "fit", lambda *given: [toy.PerfectPredictor() for _ in given[-1]])

    def feature_points(context, like, zeroshot):
        def points(archs: Archs) -> np.ndarray:
            hot = archs.ops[:, :, None] == np.arange(toy.N_OPS)
            return ((hot + hot[:, ::-1]).reshape(len(archs), -1) / 2).astype(np.float32)

        return points

    monkeypatch.setattr(bayesian, "feature_points", feature_points)
    monkeypatch.setattr(bayesian, "latent_points", feature_points)


def search(name, n_runs=N_RUNS, budget=BUDGET, seed=0, failing=(), domain=DOMAIN, **changes):
    module, settings = STRATEGIES[name]
    context = Context(domain, [], [seed * 100 + run for run in range(n_runs)], budget, common_seed=seed)
    strategy = module.Strategy(module.Settings(**settings | changes), context)
    draws = [np.random.default_rng(run).permutation(domain.size)[:N_INITIAL] for run in range(n_runs)]
    initial = domain.cells[np.concatenate(draws)]
    oracle = toy.CountingOracle(toy, failing=failing)
    return spend(strategy, oracle, domain, initial, n_runs, budget, name).columns


@pytest.mark.parametrize("name", STRATEGIES)
def test_runs_spend_their_budget_repeatably_and_apart_from_one_another(name):
    three, two, again = search(name), search(name, n_runs=2), search(name)
    assert three["query"].tolist() == list(range(1, BUDGET + 1)) * N_RUNS
    assert three["cell"].tolist() == again["cell"].tolist()
    assert three["cell"][: 2 * BUDGET].tolist() == two["cell"].tolist()
    own_draws = name not in ("bayesian", "ranks", "batches", "latents")  # these have no use for chance
    assert (three["cell"].tolist() != search(name, seed=1)["cell"].tolist()) == own_draws
    assert not three["invalid"].any()


@pytest.mark.parametrize("name", STRATEGIES)
def test_each_finds_far_better_cells_than_chance(name):
    found = search(name, budget=80, n_runs=8)["best_val_acc"].reshape(8, -1)[:, -1]
    every, rng = toy.quality(DOMAIN.cells), np.random.default_rng(0)
    blind = [every[rng.choice(len(every), 80, replace=False)].max() for _ in range(200)]
    assert found.mean() > np.mean(blind) + np.std(blind)


@pytest.mark.parametrize("name", STRATEGIES)
def test_failed_networks_cost_a_query_and_do_no_other_harm(name):
    columns = search(name, failing=toy.canonical_key(DOMAIN.cells)[::3].tolist())
    assert np.isnan(columns["val_acc"]).any()
    assert np.isfinite(columns["best_val_acc"][BUDGET - 1 :: BUDGET]).all()


def test_bayesian_optimisation_asks_for_the_optimum_soon():
    columns = search("bayesian", budget=60, n_runs=5)
    best = toy.quality(DOMAIN.cells).max()
    first = [
        (row >= best).argmax() + 1 if (row >= best).any() else 99 for row in columns["val_acc"].reshape(5, -1)
    ]
    assert np.median(first) < 40, "of 7,875 cells"


def test_a_batch_holds_different_cells():
    columns = search("batches", budget=N_INITIAL + 12)
    cells = columns["cell"].reshape(N_RUNS, -1)
    assert all(len(set(row)) == N_INITIAL + 12 for row in cells) and not columns["repeats"].any()


def test_every_cell_can_be_asked_for():
    few = Domain(toy, DOMAIN.cells[::400], restricted=True)
    for name in STRATEGIES:
        columns = search(name, n_runs=1, budget=few.size, domain=few)
        assert len(set(columns["cell"])) == few.size


def test_local_search_moves_to_the_first_better_cell_or_to_the_best_of_all():
    centre = Archs(toy.NAME, np.zeros((1, toy.SLOTS), np.uint8))
    worse, better, best = (Archs(toy.NAME, np.array([[0, 0, 0, 0, 0, op]], np.uint8)) for op in (1, 3, 2))
    for whole, expected in ((False, better), (True, best)):
        context = Context(DOMAIN, [], [3], 50)
        strategy = local_search.Strategy(
            local_search.Settings(whole_neighbourhood=whole, mutations=999), context
        )
        run = np.array([0])
        strategy.tell(run, centre, np.array([0.5]))
        strategy.ask(np.array([9]))
        for cell, score in ((worse, 0.4), (better, 0.6)) + (((best, 0.7),) if whole else ()):
            strategy.tell(run, cell, np.array([score]))
        if whole:
            assert (strategy.centre[0].ops == centre.ops).all(), "it waits for the others"
            beside = Archs(toy.NAME, np.array([[0, 0, 0, 0, 1, 2]], np.uint8))  # of the best one
            seen = set(toy.canonical_key(toy.cells()).tolist()) - set(toy.canonical_key(beside).tolist())
            strategy.seen[0] |= seen
            assert toy.canonical_key(strategy._next(0)) == toy.canonical_key(beside)
        assert (strategy.centre[0].ops == expected.ops).all()


def test_local_search_leaves_a_cell_without_neighbours_in_the_table():
    apart = DOMAIN.cells[np.unique(toy.quality(DOMAIN.cells) // 0.07, return_index=True)[1]]
    few = Domain(toy, Archs.concatenate([apart, DOMAIN.cells[5000:5400:40]]), restricted=True)
    context = Context(few, [], [3], few.size)
    strategy = local_search.Strategy(local_search.Settings(), context)
    lonely = Archs(toy.NAME, np.full((1, toy.SLOTS), 4, np.uint8))
    strategy.tell(np.array([0]), lonely, np.array([0.99]))
    strategy.ask(np.array([5]))
    assert strategy.centre[0] is None and strategy.height[0] == -np.inf, "a random cell is the next start"


def test_annealing_accepts_what_is_worse_only_while_it_is_hot():
    context = Context(DOMAIN, [], [3], 50)
    cold = predictor_search.Settings(**GUIDED | {"inner": "annealing", "temperature": 1e-6, "steps": 200})
    strategy = predictor_search.Strategy(cold, context)
    archs, scores = strategy._annealed(4, toy.quality, np.random.default_rng(0))
    hot = predictor_search.Settings(**GUIDED | {"inner": "annealing", "cooling": 1.0, "steps": 200})
    strategy = predictor_search.Strategy(hot, context)
    _, wandering = strategy._annealed(4, toy.quality, np.random.default_rng(0))
    assert scores.max(axis=0).mean() > wandering.max(axis=0).mean() + 0.03
    assert scores[-50:].mean() > wandering[-50:].mean() + 0.15


def test_latents_and_scores_are_not_points_at_once():
    with pytest.raises(ValidationError, match="latents and zeroshot: .* take one of both"):
        bayesian.Settings(latents="arch2vec", zeroshot=["synflow"])


def test_fewer_candidates_than_queries_are_refused():
    with pytest.raises(ConfigError, match="n_candidates is 20, less than search.budget = 30; raise n_cand"):
        search("drawn", n_candidates=20)
