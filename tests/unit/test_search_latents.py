"""Strategies that move in a latent space: on a toy space whose latents are smooth in accuracy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.errors import ConfigError, UserError
from pipeline.search import latent_cells, latent_neighbours, reinforce
from pipeline.search.context import Context
from pipeline.search.domain import Domain
from pipeline.search.latent_cells import LatentCells
from pipeline.search.loop import spend
from pipeline.search.policies import Policies
from pipeline.spaces.archs import Archs
from tests.unit import toy_space as toy

DOMAIN = Domain(toy, toy.unique_cells())
N_INITIAL, BUDGET, N_RUNS = 5, 60, 4
STRATEGIES = {
    "reinforce": (reinforce, {"steps": 8, "baseline": None, "hidden": 16}),
    "neighbours": (latent_neighbours, {"neighbours": 3}),
}


def smooth(archs: Archs) -> np.ndarray:
    """Points all over a cube of side 2, float32 (n, 3)."""
    key = toy.canonical_key(archs).astype(np.float64)[:, None]
    return np.sin(key * np.sqrt([2.0, 3.0, 5.0])).astype(np.float32)


def quality(archs: Archs) -> np.ndarray:
    """The nearer to one place of the latent space, the better."""
    return 0.95 - 0.1 * np.linalg.norm(smooth(archs) - [0.6, -0.5, 0.7], axis=1)


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """Replace the autoencoder; return how many cells were embedded in each call."""
    sizes = []

    def embed(archs):
        sizes.append(len(archs))
        return smooth(archs)

    monkeypatch.setattr(latent_cells, "embedding", lambda context, settings: embed)
    return sizes


def search(name, n_runs=N_RUNS, budget=BUDGET, domain=DOMAIN, failing=(), **changes):
    module, settings = STRATEGIES[name]
    context = Context(domain, [], [11 * run + 3 for run in range(n_runs)], budget)
    strategy = module.Strategy(module.Settings(latents="a", **(settings | changes)), context)
    draws = [np.random.default_rng(run).permutation(len(DOMAIN.cells))[:N_INITIAL] for run in range(n_runs)]
    initial = DOMAIN.cells[np.concatenate(draws)]
    oracle = toy.CountingOracle(toy, quality, failing)
    return spend(strategy, oracle, domain, initial, n_runs, budget, name).columns


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_budget_is_spent_on_unseen_cells_alone_and_the_domain_is_embedded_once(name, asked):
    columns = search(name)
    assert columns["query"].tolist() == list(range(1, BUDGET + 1)) * N_RUNS
    assert not columns["repeats"].any() and not columns["invalid"].any()
    assert asked == [len(DOMAIN.cells)]


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_run_is_the_same_whatever_runs_beside_it(name):
    four, two = search(name), search(name, n_runs=2)
    assert four["cell"][: 2 * BUDGET].tolist() == two["cell"].tolist()
    assert four["cell"].tolist() == search(name)["cell"].tolist()
    runs = four["cell"].reshape(N_RUNS, BUDGET)[:, N_INITIAL:]
    assert len({tuple(run) for run in runs.tolist()}) == N_RUNS


def test_local_search_finds_better_cells_than_random_search_where_latents_are_smooth():
    found = search("neighbours", budget=100)["best_val_acc"].reshape(N_RUNS, 100)[:, -1]
    every, rng = quality(DOMAIN.cells), np.random.default_rng(0)
    blind = [every[rng.choice(len(every), 100, replace=False)].max() for _ in range(200)]
    assert found.min() > np.mean(blind) + np.std(blind)


def test_reinforce_comes_to_ask_for_better_cells_than_random_search():
    asked = search("reinforce", budget=200, lr=0.03, deviation=0.4)["val_acc"].reshape(N_RUNS, 200)
    every = quality(DOMAIN.cells)
    assert (asked[:, -50:].mean(axis=1) > np.mean(every) + np.std(every)).all()


@pytest.mark.parametrize("name", STRATEGIES)
def test_failed_networks_do_no_harm(name):
    columns = search(name, failing=toy.canonical_key(DOMAIN.cells)[::2].tolist())
    assert np.isnan(columns["val_acc"]).any()
    assert np.isfinite(columns["best_val_acc"][BUDGET - 1 :: BUDGET]).all()


def test_policies_move_towards_what_was_rewarded():
    policies = Policies([1, 2], dim=2, hidden=16, lr=0.05)
    target, state = torch.tensor([[2.0, 0.0], [0.0, -2.0]]), torch.zeros(2, 2)
    before = policies.means_at(state)
    policies.forget()
    stream = torch.Generator().manual_seed(0)
    for _ in range(60):
        actions = [policies.means_at(state) + torch.randn(2, 2, generator=stream) for _ in range(8)]
        actions = torch.stack(actions)
        reward = -(actions - target).square().sum(2)
        policies.learn(actions, reward - reward.mean(0), deviation=1.0)
    after = policies.means_at(state)
    assert ((after - target).norm(dim=1) < 0.5 * (before - target).norm(dim=1)).all()


def test_policies_are_lstm_cells():
    policies = Policies([5], dim=3, hidden=4, lr=0.01)
    cell, head = torch.nn.LSTMCell(3, 4), torch.nn.Linear(4, 3)
    pairs = {"from_state": cell.weight_ih, "from_hidden": cell.weight_hh}
    pairs |= {"to_mean": head.weight, "mean_bias": head.bias}
    with torch.no_grad():
        for name, theirs in pairs.items():
            theirs.copy_(policies.weight[name][0])
        cell.bias_ih.copy_(policies.weight["gate_bias"][0, 0])
        cell.bias_hh.copy_(policies.weight["gate_bias"][0, 1])
    memory = None
    for state in torch.randn(3, 1, 3, generator=torch.Generator().manual_seed(0)):
        memory = cell(state, memory)
        torch.testing.assert_close(policies.means_at(state), head(memory[0]))


def test_the_nearest_unseen_cells_are_found_in_order_until_none_is_left():
    archs = DOMAIN.cells[:6]
    points = np.array([[0.0], [1], [3], [6], [10], [15]], np.float32)
    cells = LatentCells(DOMAIN, archs, points, smooth, n_runs=2)
    cells.visit(np.array([1, 1]), archs[[3, 2]])
    runs, rows = cells.nearest(np.array([0, 1]), torch.tensor([[4.0], [4.0]]), k=2)
    assert (runs.tolist(), rows.tolist()) == ([0, 0, 1, 1], [2, 3, 1, 0])
    cells.visit(np.array([1, 1]), archs[[0, 1]])
    runs, rows = cells.nearest(np.array([1]), torch.tensor([[4.0]]), k=6)
    assert (runs.tolist(), rows.tolist()) == ([1, 1], [4, 5])
    assert cells.rows(DOMAIN.cells[4:8]).tolist() == [4, 5, -1, -1]


def test_of_a_space_without_a_list_cells_are_drawn_and_others_embedded_when_met(asked):
    class Unlisted:
        SIZE = toy.N_OPS**toy.SLOTS
        cell_key, from_key, validate = map(staticmethod, (toy.cell_key, toy.from_key, toy.validate))

        @staticmethod
        def sample(n, rng):
            cells = toy.unique_cells()
            return cells[rng.choice(len(cells), n, replace=False)]

    domain = Domain(Unlisted, None)
    columns = search("neighbours", domain=domain, n_drawn=300)
    assert asked[0] == 300 and 0 < sum(asked[1:]) <= N_RUNS * N_INITIAL
    assert not columns["repeats"].any()
    with pytest.raises(ConfigError, match=r"n_drawn is 59, less than search.budget = 60"):
        search("neighbours", domain=domain, n_drawn=59)


def test_latents_that_were_not_given_are_one_line(monkeypatch):
    monkeypatch.undo()
    with pytest.raises(UserError, match="latents of 'a', but --latents gave none"):
        search("neighbours")
