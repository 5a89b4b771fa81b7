"""The loop, its ledger, and the strategies, on a toy space whose optimum is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.search import predictor_evolution, random, regularized_evolution, retraining
from pipeline.search.context import Context, draw_initial
from pipeline.search.domain import Domain
from pipeline.search.ledger import NEW, OVER, REPEAT, Ledger
from pipeline.search.loop import best_so_far, spend
from pipeline.spaces.archs import Archs
from tests.unit import toy_space as toy

DOMAIN = Domain(toy, toy.unique_cells())
N_LABELLED, N_INITIAL, BUDGET, N_RUNS = 60, 10, 40, 3
STRATEGIES = {
    "random": (random, {}),
    "regularized": (regularized_evolution, {"population": 10, "tournament": 4}),
    "one_stream": (regularized_evolution, {"population": 10, "tournament": 4, "one_stream": True}),
    "predictor": (
        predictor_evolution,
        {"predictor": "fake", "rounds": 3, "population": 20, "generations": 4},
    ),
}


@pytest.fixture(autouse=True)
def fits(monkeypatch):
    """Replace the training of predictors; return what would have been trained on."""
    calls = []

    def fit(context, archs, scores, subsets, seeds):
        calls.append(SimpleNamespace(archs=archs, scores=scores, subsets=subsets, seeds=seeds))
        return [toy.PerfectPredictor() for _ in seeds]

    monkeypatch.setattr(retraining, "fit", fit)
    return calls


def labelled_cells() -> Archs:
    every = toy.unique_cells()
    return every[np.random.default_rng(5).choice(len(every), N_LABELLED, replace=False)]


def setting(n_runs=N_RUNS, budget=BUDGET, strategy="any", seed=0):
    labelled = labelled_cells()
    first, rest = draw_initial(N_LABELLED, N_INITIAL, n_runs, seed, "bench")
    seeds = [stream_seed(seed, strategy, run) for run in range(n_runs)]
    context = Context(DOMAIN, [labelled[rows] for rows in rest], seeds, budget)
    return context, labelled[first.reshape(-1)]


def stream_seed(seed, strategy, run) -> int:
    return seed * 1000 + sum(strategy.encode()) * 7 + run


def search(name, n_runs=N_RUNS, budget=BUDGET, oracle=None, seed=0, spy=None):
    module, settings = STRATEGIES[name]
    context, initial = setting(n_runs, budget, name, seed)
    strategy = module.Strategy(module.Settings(**settings), context)
    if spy is not None:
        tell = strategy.tell
        strategy.tell = lambda runs, archs, scores: (
            spy.append((runs, archs, scores)),
            tell(runs, archs, scores),
        )
    return spend(strategy, oracle or toy.CountingOracle(toy), DOMAIN, initial, n_runs, budget, name)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_run_spends_exactly_its_budget_on_different_cells(name):
    oracle = toy.CountingOracle(toy)
    trajectory = search(name, oracle=oracle)
    columns = trajectory.columns
    assert columns["query"].tolist() == list(range(1, BUDGET + 1)) * N_RUNS
    assert columns["run"].tolist() == np.repeat(range(N_RUNS), BUDGET).tolist()
    keys = toy.canonical_key(trajectory.archs).reshape(N_RUNS, BUDGET)
    assert all(len(set(row)) == BUDGET for row in keys.tolist())
    assert columns["cell"].tolist() == [f"cell{key}" for key in keys.reshape(-1)]
    assert len(oracle.asked) == len(set(oracle.asked)), (
        "a cell is evaluated once, however many runs ask for it"
    )
    np.testing.assert_array_equal(columns["val_acc"], toy.quality(trajectory.archs))
    assert set(columns["source"]) == {"known", "trained"}
    assert set(trajectory.sources) == {"known", "trained"}


def test_all_strategies_start_from_the_same_cells_which_differ_from_run_to_run():
    first = {
        name: search(name).columns["cell"].reshape(N_RUNS, BUDGET)[:, :N_INITIAL].tolist()
        for name in STRATEGIES
    }
    assert all(cells == first["random"] for cells in first.values())
    assert len({tuple(sorted(cells)) for cells in first["random"]}) == N_RUNS
    more, _ = draw_initial(N_LABELLED, N_INITIAL, 7, 0, "bench")
    fewer, rest = draw_initial(N_LABELLED, N_INITIAL, 2, 0, "bench")
    np.testing.assert_array_equal(more[:2], fewer)
    assert set(fewer[0]) | set(rest[0]) == set(range(N_LABELLED))


@pytest.mark.parametrize("name", STRATEGIES)
def test_strategies_are_told_validation_accuracy_and_nothing_else(name):
    spy = []
    search(name, spy=spy)
    for _, archs, scores in spy:
        np.testing.assert_array_equal(scores, toy.quality(archs))
        assert (scores < 5).all()  # test accuracies of this oracle are above 10
    assert sum(len(runs) for runs, _, _ in spy) == N_RUNS * BUDGET


@pytest.mark.parametrize("name", STRATEGIES)
def test_same_seed_same_trajectory_other_seed_another(name):
    one, two, other = search(name), search(name), search(name, seed=1)
    for column, values in one.columns.items():
        assert values.tolist() == two.columns[column].tolist()
    np.testing.assert_array_equal(one.archs.ops, two.archs.ops)
    assert one.columns["cell"].tolist() != other.columns["cell"].tolist()


@pytest.mark.parametrize("name", ["random", "regularized", "predictor"])
def test_a_run_is_the_same_however_many_there_are(name):
    few, many = search(name, n_runs=1), search(name, n_runs=4)
    assert few.columns["cell"].tolist() == many.columns["cell"][:BUDGET].tolist()


def test_guided_search_beats_random_search():
    best = {
        name: search(name, n_runs=20, budget=60).columns["best_val_acc"][59::60].mean() for name in STRATEGIES
    }
    assert best["regularized"] > best["random"] + 0.05
    assert best["one_stream"] > best["random"] + 0.05
    assert best["predictor"] > best["regularized"]
    assert best["predictor"] > 0.915  # the space's best is 0.92 plus at most 0.01


def test_random_takes_labelled_cells_before_fresh_ones():
    context, initial = setting(budget=100)
    strategy = random.Strategy(random.Settings(), context)
    trajectory = spend(strategy, toy.CountingOracle(toy), DOMAIN, initial, N_RUNS, 100, "random")
    keys = toy.canonical_key(trajectory.archs).reshape(N_RUNS, 100)
    labelled = set(toy.canonical_key(labelled_cells()).tolist())
    for row in keys.tolist():
        assert set(row[:N_LABELLED]) == labelled
        assert len(set(row[N_LABELLED:]) - labelled) == 40
    assert set(keys[0, N_LABELLED:].tolist()) != set(keys[1, N_LABELLED:].tolist())


class Scripted:
    """A strategy that proposes what it was given."""

    def __init__(self, *rounds):
        self.rounds, self.told = list(rounds), []

    def ask(self, left):
        runs, ops = self.rounds.pop(0)
        return np.array(runs), Archs(toy.NAME, np.array(ops, dtype=np.uint8).reshape(-1, toy.SLOTS))

    def tell(self, runs, archs, scores):
        self.told.append((runs.tolist(), archs.ops.tolist()))


def test_repeats_and_invalid_proposals_are_free_and_counted():
    start = Archs(toy.NAME, np.array([[0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 2]], dtype=np.uint8))
    mirror, broken, new, more = [1, 0, 0, 0, 0, 0], [9, 0, 0, 0, 0, 0], [0, 0, 3, 0, 0, 0], [4, 0, 0, 0, 0, 0]
    strategy = Scripted(
        ([0, 0, 1, 1], [mirror, broken, broken, mirror]),  # known to run 0, new to run 1
        ([0, 0, 0, 1, 1], [new, new, more, new, more]),  # the last is beyond run 1's budget
    )
    oracle = toy.CountingOracle(toy)
    columns = spend(strategy, oracle, DOMAIN, start, 2, 3, "scripted").columns
    assert columns["run"].tolist() == [0, 0, 0, 1, 1, 1]
    assert columns["repeats"].tolist() == [0, 1, 2, 0, 0, 0]
    assert columns["invalid"].tolist() == [0, 1, 1, 0, 1, 1]
    assert len(oracle.asked) == 4 and len(set(oracle.asked)) == 4
    assert strategy.told[1:] == [([1], [mirror]), ([0, 0, 1], [new, more, new])], (
        "only what cost a query is told"
    )


def test_ledger_charges_each_cell_once_a_run_and_stops_at_the_budget():
    ledger = Ledger(2, 2)
    verdicts = ledger.enter(np.array([0, 0, 1, 0, 0, 0]), np.array([7, 7, 7, 8, 9, 8], dtype=np.uint64))
    assert verdicts.tolist() == [NEW, REPEAT, NEW, NEW, OVER, REPEAT]
    assert ledger.left.tolist() == [0, 1]
    assert ledger.repeats.tolist() == [2, 0]


class Stubborn:
    """A strategy that proposes the same cells again and again, or nothing at all."""

    def __init__(self, archs):
        self.archs = archs

    def ask(self, left):
        return np.zeros(len(self.archs), dtype=np.int64), self.archs

    def tell(self, runs, archs, scores):
        pass


@pytest.mark.parametrize(
    ("kept", "says"), [(slice(0, 0), "nothing left to propose"), (slice(0, 3), "nothing new in")]
)
def test_a_strategy_without_new_cells_ends_with_one_clear_line(kept, says):
    initial = labelled_cells()[:5]
    with pytest.raises(
        UserError, match=rf"strategies\.stuck: run 0 .*{says}.* 5 of 9 queries.*lower search\.budget"
    ):
        spend(Stubborn(initial[kept]), toy.CountingOracle(toy), DOMAIN, initial, 1, 9, "stuck")


def test_best_so_far_follows_validation_accuracy():
    nan = np.nan
    run = np.array([0, 0, 0, 0, 1, 1, 1])
    val = np.array([0.5, 0.7, 0.7, 0.6, nan, nan, 0.3])
    test = np.array([1, 2, 3, 4, 5, 6, 7.0])
    best = best_so_far(run, val, test)
    np.testing.assert_array_equal(best["best_val_acc"], [0.5, 0.7, 0.7, 0.7, nan, nan, 0.3])
    np.testing.assert_array_equal(best["best_test_acc"], [1, 2, 2, 2, nan, nan, 7])


def test_regularized_evolution_keeps_the_latest_and_mutates_the_best():
    context, initial = setting(n_runs=1)
    strategy = regularized_evolution.Strategy(
        regularized_evolution.Settings(population=4, tournament=60), context
    )
    scores = np.array([0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.95, 0.6, 0.7, np.nan])
    strategy.tell(np.zeros(10, dtype=np.int64), initial, scores)
    runs, child = strategy.ask(np.array([1]))  # 60 draws of 4: the best is among them
    assert runs.tolist() == [0]
    assert (child.ops != initial[6].ops).sum() == 1
    strategy.tell(runs, child, np.array([0.65]))  # the oldest, which was the best, dies
    _, child = strategy.ask(np.array([1]))
    assert (child.ops != initial[8].ops).sum() == 1


def test_predictor_is_trained_once_a_round_on_what_its_run_has_evaluated(fits):
    trajectory = search("predictor")  # 3 rounds over 30 queries, after 10 initial ones
    assert [call.subsets.shape for call in fits] == [(N_RUNS, 10), (N_RUNS, 20), (N_RUNS, 30)]
    keys = toy.canonical_key(trajectory.archs).reshape(N_RUNS, BUDGET)
    for call in fits:
        n = call.subsets.shape[1]
        for run, rows in enumerate(call.subsets):
            np.testing.assert_array_equal(toy.canonical_key(call.archs[rows]), keys[run, :n])
            np.testing.assert_allclose(call.scores[rows], toy.quality(call.archs[rows]), rtol=1e-6)
    assert len({seed for call in fits for seed in call.seeds}) == 3 * N_RUNS
    fits.clear()
    settings = {"predictor": "fake", "rounds": 1, "population": 20, "generations": 4}
    context, initial = setting()
    strategy = predictor_evolution.Strategy(predictor_evolution.Settings(**settings), context)
    spend(strategy, toy.CountingOracle(toy), DOMAIN, initial, N_RUNS, BUDGET, "once")
    assert [call.subsets.shape for call in fits] == [(N_RUNS, 10)]


def test_a_search_under_predictors_says_how_many_runs_are_done(monkeypatch):
    said = []
    monkeypatch.setattr(retraining, "say", lambda *words: said.append(words))
    monkeypatch.setattr(retraining, "finish", lambda what: said.append((what,)))
    settings = predictor_evolution.Settings(predictor="fake", rounds=1, generations=1)
    context, initial = setting()
    strategy = predictor_evolution.Strategy(settings, context)
    spend(strategy, toy.CountingOracle(toy), DOMAIN, initial, N_RUNS, BUDGET, "x")
    assert said == [*(("runs searched", run, N_RUNS) for run in range(N_RUNS)), ("runs searched",)]


def test_predictor_proposes_the_best_unseen_cells():
    settings = predictor_evolution.Settings(predictor="fake", rounds=1, population=20_000, generations=0)
    context, initial = setting(n_runs=1)
    strategy = predictor_evolution.Strategy(settings, context)
    proposed = spend(strategy, toy.CountingOracle(toy), DOMAIN, initial, 1, BUDGET, "all").columns["val_acc"][
        N_INITIAL:
    ]
    unseen = ~np.isin(toy.canonical_key(DOMAIN.cells), toy.canonical_key(initial))
    np.testing.assert_allclose(
        proposed, np.sort(toy.quality(DOMAIN.cells[unseen]))[::-1][: BUDGET - N_INITIAL]
    )


def test_failed_networks_cost_a_query_and_train_no_predictor(fits):
    keys = toy.canonical_key(setting()[1])
    failing = np.setdiff1d(keys[:N_INITIAL], keys[N_INITIAL:])[
        :3
    ].tolist()  # three that only run 0 starts from
    columns = search("predictor", oracle=toy.CountingOracle(toy, failing=failing)).columns
    assert {call.subsets.shape[1] for call in fits[:2]} == {7, 10}
    assert np.isnan(columns["val_acc"][:BUDGET]).sum() == 3
    assert not np.isnan(columns["best_val_acc"][3:]).any()
    every = toy.canonical_key(setting()[1]).tolist()
    with pytest.raises(UserError, match="run 0 has 0 different accuracies of 10 .*'fake'.*n_initial"):
        search("predictor", oracle=toy.CountingOracle(toy, failing=every))


def test_regularized_evolution_goes_on_where_its_population_has_no_new_neighbours():
    every = toy.unique_cells()
    apart = every[(every.ops == every.ops[:, :1]).all(axis=1) | (every.ops[:, 1:] == 0).all(axis=1)]
    few = Domain(toy, apart, restricted=True)  # a small table: islands of cells that are no neighbours
    context = Context(few, [apart[:0]], [3], few.size)
    strategy = regularized_evolution.Strategy(regularized_evolution.Settings(population=3), context)
    trajectory = spend(strategy, toy.CountingOracle(toy), few, apart[:2], 1, few.size, "islands")
    assert len(np.unique(toy.cell_key(trajectory.archs))) == few.size
