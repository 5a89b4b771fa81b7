"""Settings that differ by benchmark: what is checked, what each job reads, what stays fresh."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from pipeline.by_benchmark import on, whole_on
from pipeline.config.model import check, merge
from pipeline.errors import ConfigError
from pipeline.staleness.recipes import recipe, recipe_json

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
WILD = {
    "gates": {"predictor": "gates", "n_train": "78"},
    "xgboost": {"predictor": "xgboost", "n_train": "78"},
    "random": {"strategy": "random"},
    "predictor_evolution": {"strategy": "predictor_evolution"},
}


@pytest.fixture(scope="module")
def two() -> dict:
    """Two public benchmarks with the same predictors and strategies."""
    raw: dict = {}
    for name in ("nasbench301", "nasbench201"):
        merge(raw, yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()))
    raw["evaluation"] |= {"n_train": [59, 78]}
    raw["autoencoders"] = {}
    raw["predictors"] = {"gates": {"method": "gates"}, "xgboost": {"method": "xgboost"}}
    return raw


def changed(raw: dict, **changes) -> dict:
    raw = copy.deepcopy(raw)
    merge(raw, changes)
    return raw


def recipes(raw: dict) -> dict[tuple[str, str], str]:
    config = check(raw)
    return {
        (name, benchmark): recipe_json(
            "search" if "strategy" in wild else "predictors", config, benchmark=benchmark, **wild
        )
        for name, wild in WILD.items()
        for benchmark in ("nasbench201", "nasbench301")
    }


@pytest.mark.parametrize(
    ("changes", "concerned"),
    [
        (
            {"predictors": {"gates": {"by_benchmark": {"nasbench201": {"epochs": 300}}}}},
            {("gates", "nasbench201"), ("predictor_evolution", "nasbench201")},
        ),
        (
            {"strategies": {"random": {"benchmarks": ["nasbench201", "nasbench301"]}}},
            set(),
        ),
        (
            {"evaluation": {"by_benchmark": {"nasbench301": {"n_seeds": 1, "protocol": {"pool": 500}}}}},
            {("gates", "nasbench301"), ("xgboost", "nasbench301")},
        ),
        ({"evaluation": {"by_benchmark": {"nasbench201": {"n_train": [39]}}}}, set()),
        (
            {"search": {"by_benchmark": {"nasbench201": {"budget": 400}}}},
            {("random", "nasbench201"), ("predictor_evolution", "nasbench201")},
        ),
        (
            {"search": {"by_benchmark": {"nasbench201": {}, "nasbench301": None}}},
            set(),
        ),
    ],
)
def test_what_differs_concerns_the_jobs_of_its_benchmark(two, changes, concerned):
    before, after = recipes(two), recipes(changed(two, **changes))
    assert {key for key in before if before[key] != after[key]} == concerned


def test_a_job_reads_what_holds_on_its_benchmark(two):
    raw = changed(two, predictors={"gates": {"epochs": 10, "by_benchmark": {"nasbench201": {"lr": "1e-2"}}}})
    config = check(raw)
    made = {b: recipe("predictors", config, benchmark=b, **WILD["gates"]) for b in config.benchmarks}
    read = {
        b: (s["settings"]["settings"]["epochs"], s["settings"]["settings"]["lr"]) for b, s in made.items()
    }
    assert read["nasbench201"] == (10, 0.01) and read["nasbench301"][1] != 0.01
    assert all("by_benchmark" not in str(s["settings"]) for s in made.values())
    assert on(config.predictors["gates"], "nasbench201")["lr"] == 0.01
    assert check(config.model_dump(mode="json")) == config  # what `python -m pipeline config` shows is one
    here = whole_on(config.model_dump(mode="json"), "nasbench201")
    assert here["predictors"]["gates"]["lr"] == 0.01 and "by_benchmark" not in here["search"]


def test_a_value_is_replaced_whole(two):
    changes = {"protocol": "P1", "by_benchmark": {"nasbench301": {"protocol": {"pool": 200, "test": "rest"}}}}
    evaluation = check(changed(two, evaluation=changes)).evaluation
    assert evaluation.on("nasbench201").protocol.name == "P1"
    assert evaluation.on("nasbench301").protocol.name is None
    assert evaluation.on("nasbench301").protocol.pool == 200


def test_predictors_and_strategies_are_for_some_benchmarks(two):
    raw = changed(
        two,
        predictors={"xgboost": {"benchmarks": ["nasbench201"]}},
        strategies={"random": {"benchmarks": ["nasbench301"]}},
    )
    config = check(raw)
    assert set(config.predictors_of("nasbench301")) == {"gates"}
    assert set(config.predictors_of("nasbench201")) == {"gates", "xgboost"}
    assert "random" in config.strategies_of("nasbench301") and "random" not in config.strategies_of(
        "nasbench201"
    )
    with pytest.raises(ConfigError, match="predictors.xgboost.benchmarks: nasbench301 is not among them"):
        recipe("predictors", config, benchmark="nasbench301", **WILD["xgboost"])
    with pytest.raises(ConfigError, match="strategies.random.benchmarks: nasbench201 is not among them"):
        recipe("search", config, benchmark="nasbench201", **WILD["random"])
    raw["predictors"]["gates"]["benchmarks"] = ["nasbench201"]
    assert check(raw).tested() == ["nasbench201"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"predictors": {"gates": {"by_benchmark": {"nasbench201": {"epoks": 3}}}}},
            "predictors.gates.by_benchmark.nasbench201.epoks: unknown key",
        ),
        (
            {"predictors": {"gates": {"by_benchmark": {"nasbench201": {"lr": -1}}}}},
            "predictors.gates.by_benchmark.nasbench201.lr: Input should be greater than 0, got -1",
        ),
        (
            {"predictors": {"gates": {"by_benchmark": {"nasbench201": {"method": "gcn"}}}}},
            "predictors.gates.by_benchmark.nasbench201.method: this cannot differ by benchmark; give it an",
        ),
        (
            {"predictors": {"gates": {"by_benchmark": {"nasbench21": {"epochs": 3}}}}},
            "predictors.gates.by_benchmark: there is no 'nasbench21'; expected one of nasbench301, nasb",
        ),
        ({"predictors": {"gates": {"by_benchmark": [3]}}}, "predictors.gates.by_benchmark: Input should be"),
        ({"predictors": {"gates": {"benchmarks": []}}}, "predictors.gates.benchmarks: "),
        (
            {"strategies": {"random": {"benchmarks": ["nasbench21"]}}},
            "strategies.random.benchmarks: there is no 'nasbench21'; expected one of nasbench301, nasb",
        ),
        (
            {"evaluation": {"by_benchmark": {"nasbench201": {"n_train": [78, 39]}}}},
            "evaluation.by_benchmark.nasbench201.n_train: expected increasing numbers without repeats",
        ),
        (
            {"evaluation": {"by_benchmark": {"nasbench201": {"above": 0.9}}}},
            "evaluation.by_benchmark.nasbench201.above: this is the same for all benchmarks",
        ),
        (
            {"evaluation": {"by_benchmark": {"nasbench201": {"n_train": [7814]}}}},
            "evaluation.n_train: 7814 training cells, but only benchmarks.nasbench201.split.labelled = 7813",
        ),
        (
            {"search": {"by_benchmark": {"nasbench201": {"budget": 3}}}},
            "search.by_benchmark.nasbench201.budget: 3 is less than n_initial",
        ),
    ],
)
def test_a_mistake_is_one_line_with_the_path_of_the_key(two, changes, message):
    with pytest.raises(ConfigError) as error:
        check(changed(two, **changes), "c.yaml")
    assert str(error.value).startswith(f"c.yaml: {message}") and "\n" not in str(error.value)


@pytest.mark.parametrize("null", [None, "null"])  # the text is what `snakemake --config` makes of it
def test_a_benchmark_that_is_null_takes_what_is_said_of_it_along(two, null):
    raw = changed(
        two,
        benchmarks={"nasbench301": null},
        predictors={"xgboost": {"benchmarks": ["nasbench301"]}},
        strategies={"random": {"benchmarks": ["nasbench201", "nasbench301"]}},
        evaluation={
            "benchmarks": ["nasbench201", "nasbench301"],
            "by_benchmark": {"nasbench301": {"ks": [1]}},
        },
    )
    config = check(raw)
    assert list(config.benchmarks) == ["nasbench201"] and config.evaluation.benchmarks == ["nasbench201"]
    assert list(config.predictors) == ["gates"] and config.evaluation.by_benchmark == {}
    assert config.strategies["random"]["benchmarks"] == ["nasbench201"]
