"""Isomorphic spellings of cells, and whether predictors score them alike (GATES, section 4.2)."""

from __future__ import annotations

import importlib
import math
from itertools import permutations

import numpy as np
import pytest

from pipeline import spaces
from pipeline.evaluation.isomorphism import isomorphic_measures, spellings
from pipeline.evaluation.measures import kendall_tau
from pipeline.predictors.replicates import load
from pipeline.spaces.archs import Archs
from tests.unit.predictor_cells import SMALL, made_up_accuracies, some_cells

NAMES = ("nasbench101", "nasbench201", "darts")
SEQUENCE = {"mlp": {"layers": [64, 64]}, "lstm": {"hidden": 16, "token_dim": 8}}


def isomorphs(name: str, archs: Archs):
    return importlib.import_module(f"pipeline.spaces.{name}.isomorphs").isomorphs(archs)


def cells_of(name: str, n: int) -> Archs:
    return some_cells(n) if name == "nasbench101" else spaces.load(name).sample(n, np.random.default_rng(1))


@pytest.mark.parametrize("name", NAMES)
def test_isomorphs_are_valid_and_different_and_of_the_same_class(name):
    space, archs = spaces.load(name), cells_of(name, 60)
    forms, rows = isomorphs(name, archs)
    assert space.validate(forms).all() and (np.diff(rows) >= 0).all() and set(rows) == set(range(60))
    assert np.array_equal(space.canonical_key(forms), space.canonical_key(archs)[rows])
    first = np.unique(rows, return_index=True)[1]
    assert np.array_equal(forms.ops[first], archs.ops)
    spelt = [forms.ops.reshape(len(forms), -1)] + ([] if forms.adj is None else [forms.adj.reshape(-1, 49)])
    everything = np.concatenate([rows[:, None], *spelt], axis=1)
    assert len(np.unique(everything, axis=0)) == len(forms)


def test_isomorphs_of_nasbench101_are_all_orders_that_keep_edges_forward():
    archs = some_cells(40)
    _, rows = isomorphs("nasbench101", archs)
    for row in range(40):
        ops, adj = archs.ops[row], archs.adj[row]
        inside = (ops != spaces.load("nasbench101").NONE).sum() - 2
        found = set()
        for order in permutations(range(1, 1 + inside)):
            place = [0, *order, *range(1 + inside, 7)]
            moved = adj[place][:, place]
            if not np.tril(moved).any():
                found.add((ops[place].tobytes(), moved.tobytes()))
        assert len(found) == (rows == row).sum()


def test_classes_of_nasbench201_and_of_symmetric_darts_cells_have_their_size():
    from pipeline.spaces import darts, nasbench201

    cells = nasbench201.enumerate_cells()
    size = np.bincount(nasbench201.canonical_key(cells).astype(int), minlength=len(cells))
    _, rows = isomorphs("nasbench201", cells[::7])
    assert np.array_equal(np.bincount(rows), size[nasbench201.canonical_key(cells[::7]).astype(int)])
    # every node takes the two inputs: with equal operations 1 spelling, with all different 4!
    sources, codes = np.tile([0, 1], (2, 2, 4, 1)), np.full((2, 2, 4, 2), 3)
    codes[1, 0] = np.arange(1, 5)[:, None]
    assert np.bincount(isomorphs("darts", darts.from_edges(sources, codes))[1]).tolist() == [1, 24]


def test_spellings_are_limited_and_drawn_with_the_cell_itself_first():
    archs = some_cells(50)
    every, rows = spellings(archs, 1000, np.random.default_rng(0))
    few, row = spellings(archs, 3, np.random.default_rng(0))
    again, _ = spellings(archs, 3, np.random.default_rng(0))
    other, _ = spellings(archs, 3, np.random.default_rng(1))
    assert np.array_equal(np.bincount(row), np.minimum(np.bincount(rows), 3)) and len(few) < len(every)
    first = np.unique(row, return_index=True)[1]
    assert np.array_equal(few.adj[first], archs.adj) and np.array_equal(few.adj, again.adj)
    assert not np.array_equal(few.adj, other.adj)
    assert len(spellings(archs[:0], 3, np.random.default_rng(0))[0]) == 0


def test_measures_by_hand():
    truth, rows = [0.9, 0.5, 0.7], [0, 0, 1, 2, 2, 2]
    score = np.array([3.0, 5.0, 0.0, 2.0, 2.0, 5.0])
    found = isomorphic_measures(truth, score, rows)
    assert found["isomorphic_kendall_tau"] == pytest.approx(
        kendall_tau([0.9, 0.9, 0.5, 0.7, 0.7, 0.7], score)
    )
    within = (2.0 + 3.0) / 2  # variances of (3, 5) and (2, 2, 5); a single spelling has none
    assert found["isomorphic_std"] == pytest.approx(math.sqrt(within) / score.std())
    assert math.isnan(isomorphic_measures(truth, [1.0, 2.0, 3.0], [0, 1, 2])["isomorphic_std"])
    assert math.isnan(isomorphic_measures(truth, np.ones(6), rows)["isomorphic_std"])


@pytest.fixture(scope="module")
def forms():
    """Spellings of 150 cells of NAS-Bench-101, and 60 other cells to learn from."""
    cells = some_cells(210)
    return cells[:60], cells[60:], *spellings(cells[60:], 10, np.random.default_rng(0))


def scored(method: str, forms, **settings) -> tuple[float, dict]:
    train, test, spelt, rows = forms
    module = load(method)
    settings = module.Settings(**settings, epochs=10, mlp=[32], batch_size=32)
    predictor = module.Predictor(settings).fit(train, made_up_accuracies(train))
    truth = made_up_accuracies(test)
    tau = kendall_tau(truth, predictor.predict(test))
    return tau, isomorphic_measures(truth, predictor.predict(spelt), rows)


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("gates", {k: SMALL[k] for k in ("layers", "hidden", "information_hidden")}),
        ("gcn", {"layers": 2, "hidden": 24}),
        ("gcn_global", {"layers": 2, "hidden": 24}),
    ],
)
def test_encoders_of_graphs_score_isomorphic_cells_alike(method, settings, forms):
    _, found = scored(method, forms, **settings)
    assert found["isomorphic_std"] < 1e-5  # rounding: sums come in another order


@pytest.mark.parametrize("method", SEQUENCE)
def test_encoders_of_sequences_do_not(method, forms):
    _, found = scored(method, forms, **SEQUENCE[method])
    assert found["isomorphic_std"] > 0.05


def test_gates_is_blind_to_the_order_of_nodes_on_edges_too():
    """NAS-Bench-201: nodes 1 and 2 may change places if no edge runs between them. DARTS: any order."""
    from pipeline.spaces import darts, nasbench201

    ops = nasbench201.sample(80, np.random.default_rng(2)).ops.copy()
    ops[:, 2] = nasbench201.NONE
    cells, swapped = Archs("nasbench201", ops), Archs("nasbench201", ops[:, [1, 0, 2, 3, 5, 4]])
    drawn = darts.sample(80, np.random.default_rng(2))
    spelt, rows = spellings(drawn, 5, np.random.default_rng(0))
    module = load("gates")
    settings = module.Settings(**SMALL, epochs=5)
    for archs, others, row in ((cells, swapped, np.arange(80)), (drawn, spelt, rows)):
        predictor = module.Predictor(settings).fit(archs, np.linspace(0.1, 0.9, 80))
        scores = predictor.predict(archs)
        assert np.abs(predictor.predict(others) - scores[row]).max() < 1e-5 * scores.std()
