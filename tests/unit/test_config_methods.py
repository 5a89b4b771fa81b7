"""Methods that do not fit a space, and predictors that a search cannot work under."""

from __future__ import annotations

import pytest

from pipeline.config.model import check
from pipeline.errors import ConfigError
from pipeline.search.retraining import scores_at_once


def config(space: str, predictor: dict, strategy: dict | None = None):
    """Return the checked configuration of a predictor, and of a strategy under it, on a space."""
    file = {"reader": "csv", "file": "x.csv", "columns": {"cell": "c"}, "metrics": {"a/val_acc@1": "val"}}
    table = {"space": space, "source": "files", "files": [file], "val_metric": "a/val_acc@1"}
    if space == "darts":
        table["surrogate"] = {}
    raw = {
        "benchmarks": {"table": table},
        "predictors": {"mine": predictor},
        "evaluation": {"n_train": [50]},
        "strategies": {"found": {**strategy, "predictor": "mine"}} if strategy else {},
    }
    return check(raw)


@pytest.mark.parametrize(
    ("space", "predictor", "message"),
    [
        ("darts", {"method": "renas"}, "predictors.mine: on benchmarks.table, of darts: .*not of darts"),
        ("darts", {"method": "e2epp"}, "not of darts; use the method gates"),
        ("darts", {"method": "peephole"}, "use the method lstm"),
        ("darts", {"method": "ssa", "unlabelled": "space"}, "set unlabelled: table"),
        ("darts", {"method": "ssa", "matrix": "tensor"}, "not of darts"),
        ("nasbench101", {"method": "renas", "op_order": ["conv3x3"]}, "each operation of nasbench101 once"),
        ("nasbench101_skip", {"method": "e2epp", "op_order": []}, "of nasbench101_skip: op_order: nothing"),
        (
            "nasbench201",
            {"method": "ssa", "matrix": "one_hot", "op_order": ["conv3x3"]},
            "each operation of nasbench201 once",
        ),
    ],
)
def test_a_method_that_does_not_fit_a_space_is_told_with_the_configuration(space, predictor, message):
    with pytest.raises(ConfigError, match=message):
        config(space, predictor)
    with pytest.raises(ConfigError, match="strategies.found|predictors.mine"):
        config(space, predictor, {"method": "predictor_evolution"})


@pytest.mark.parametrize("space", ["nasbench101", "nasbench101_skip", "nasbench201"])
@pytest.mark.parametrize("method", ["renas", "e2epp", "peephole", "ssa"])
def test_those_that_fit_pass(space, method):
    assert config(space, {"method": method}, {"method": "predictor_search"}).predictors["mine"]
    config("darts", {"method": "ssa"})


def test_places_among_cells_scored_together_lead_no_evolution():
    comparator = {"method": "gates", "loss": "pairwise_comparator"}
    for strategy in (
        {"method": "predictor_evolution"},
        {"method": "predictor_search"},
        {"method": "predictor_search", "inner": "annealing"},
    ):
        with pytest.raises(ConfigError, match="strategies.found: .*scored together; take another loss"):
            config("nasbench101", comparator, strategy)
        config("nasbench101", {"method": "gates"}, strategy)
    for strategy in (
        {"method": "predictor_evolution", "generations": 0},
        {"method": "predictor_search", "inner": "sample"},
    ):
        config("nasbench101", comparator, strategy)


def test_a_strategy_that_says_nothing_compares_scores_of_different_times():
    assert not scores_at_once({"method": "local_search", "inner": "sample"})
