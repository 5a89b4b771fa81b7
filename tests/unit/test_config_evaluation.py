"""What predictors are tested on: benchmarks, labels, the bar above which errors are also taken."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.benchmarks.locate import check_labels
from pipeline.config.model import check, load_config, merge
from pipeline.errors import ConfigError
from pipeline.staleness.recipes import recipe, recipe_json

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"


@pytest.fixture
def raw() -> dict:
    return yaml.safe_load((CONFIGS / "nasbench101.yaml").read_text())


def changed(raw: dict, **changes):
    raw = yaml.safe_load(yaml.safe_dump(raw))
    merge(raw, {"evaluation": changes})
    return check(raw)


def thesis(name: str):
    files = ["infonas.yaml", "nasbench101.yaml", f"thesis/{name}.yaml"]
    raw: dict = {}
    for file in files:
        merge(raw, yaml.safe_load((CONFIGS / file).read_text()))
    return check(raw)


def test_a_bar_changes_the_table_and_not_the_predictions(raw):
    one, other = changed(raw), changed(raw, above=0.8)
    wildcards = {"benchmark": "nasbench101", "predictor": "gates", "n_train": "381"}
    assert recipe_json("predictors", one, **wildcards) == recipe_json("predictors", other, **wildcards)
    assert recipe("predictors_table", one)["settings"]["above"] is None
    assert recipe("predictors_table", other)["settings"]["above"] == 0.8


def test_other_ks_change_the_table_and_not_the_predictions(raw):
    one, other = changed(raw), changed(raw, by_benchmark={"nasbench101": {"ks": [3, 20]}})
    for stage in ("predictors", "rank"):
        wildcards = {"benchmark": "nasbench101", "predictor": "gates", "n_train": "381"}
        assert recipe_json(stage, one, **wildcards) == recipe_json(stage, other, **wildcards)
    assert recipe("predictors_table", other)["settings"]["ks"] == {"nasbench101": [3, 20]}
    assert recipe("predictors_table", one)["settings"]["ks"] == {"nasbench101": one.evaluation.ks}


def test_other_labels_are_other_predictions_and_other_benchmarks_are_not(raw):
    wildcards = {"benchmark": "nasbench101", "predictor": "gates", "n_train": "381"}
    known = recipe_json("predictors", changed(raw), **wildcards)
    assert recipe_json("predictors", changed(raw, labels="test"), **wildcards) != known
    assert recipe_json("predictors", changed(raw, benchmarks=["nasbench101"]), **wildcards) == known


def test_predictors_are_tested_where_the_configuration_says():
    default = yaml.safe_load((ROOT / "config.yaml").read_text())
    assert check(default).tested() == ["digits101"]
    merge(default, yaml.safe_load((CONFIGS / "nasbench101.yaml").read_text()))
    default["search"]["n_initial"] = 50
    default["autoencoders"]["infonas"]["io_dataset"] = "digits101"
    with pytest.raises(ConfigError, match="n_train: 381 training cells, but only .*digits101.* = 120"):
        check(default)
    default["evaluation"]["benchmarks"] = ["nasbench101"]
    assert check(default).tested() == ["nasbench101"]
    default["evaluation"]["benchmarks"] = ["nasbench102"]
    with pytest.raises(
        ConfigError, match="evaluation.benchmarks: there is no 'nasbench102'; expected one of"
    ):
        check(default)


def test_test_accuracies_that_are_not_there_are_refused_before_any_job(raw, tmp_path):
    config = changed(raw, labels="test")
    benchmark = config.benchmarks["nasbench101"]
    (tmp_path / "nasbench101_validation_30001.csv.gz").touch()
    with pytest.raises(ConfigError, match="evaluation.labels: benchmarks.nasbench101 has no test accuracy"):
        check_labels("nasbench101", benchmark, tmp_path)
    (tmp_path / "nasbench_full.tfrecord").touch()
    check_labels("nasbench101", benchmark, tmp_path)
    raw["benchmarks"]["nasbench101"]["test_metric"] = None
    with pytest.raises(ConfigError, match="benchmarks.nasbench101.test_metric is null; take labels: val"):
        changed(raw, labels="test")
    assert changed(raw).tested() == ["nasbench101"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"above": 80}, "evaluation.above"),
        ({"labels": "train"}, "evaluation.labels"),
        ({"benchmarks": []}, "evaluation.b"),
    ],
)
def test_mistakes_are_one_line(raw, wrong, message):
    with pytest.raises(ConfigError, match=message) as error:
        changed(raw, **wrong)
    assert "\n" not in str(error.value)


def test_regressors_of_the_thesis():
    config = thesis("regressors")
    assert config.tested() == ["nasbench101"] and not config.strategies
    assert (config.evaluation.n_train, config.evaluation.n_subsets, config.evaluation.n_seeds) == (
        [250],
        10,
        1,
    )
    assert config.evaluation.above == 0.8 and list(config.autoencoders) == ["infonas"]
    assert config.autoencoders["infonas"].io_dataset == "cifar101"
    by_latents = {
        latents: sorted(
            (p["method"], p.get("n_estimators"), p.get("targets"))
            for p in config.predictors.values()
            if p["latents"] == latents
        )
        for latents in ("infonas", "infonas@reference")
    }
    assert by_latents["infonas"] == by_latents["infonas@reference"] and len(by_latents["infonas"]) == 7
    forests = {(n, targets) for method, n, targets in by_latents["infonas"] if method == "random_forest"}
    assert forests == {(100, "accuracy"), (1000, "accuracy"), (200, "ranks")}


def test_forests_of_the_later_paper():
    config = thesis("regressors_sizes")
    assert config.evaluation.n_train == [608, 1000, 2500, 5000, 10_000] and config.tested() == ["nasbench101"]
    settings = [(p["n_estimators"], p["max_features"]) for p in config.predictors.values()]
    assert settings == [(200, 4)] * 3
    assert {a.epochs for a in config.autoencoders.values()} == {10}


def test_every_new_predictor_is_found_by_its_name():
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    for method in ("gradient_boosting", "gaussian_process", "svr", "ridge"):
        raw["predictors"][method] = {"method": method, "latents": ["arch2vec", "infonas"]}
    raw["predictors"]["both"] = {"method": "xgboost", "latents": "arch2vec"}
    config = check(raw)
    for name in ("svr", "both"):
        found = recipe("predictors", config, benchmark="digits101", predictor=name, n_train="60")
        assert f"pipeline.predictors.{config.predictors[name]['method']}" in found["entries"]
    raw["predictors"]["svr"]["latents"] = ["arch2vec", "arch3vec"]
    with pytest.raises(ConfigError, match="predictors.svr.latents: there is no 'arch3vec'"):
        check(raw)
    assert load_config(ROOT / "config.yaml").predictors.keys() < raw["predictors"].keys()


def test_one_isomorphic_spelling_is_none(raw):
    assert changed(raw).evaluation.isomorphic == 0 and changed(raw, isomorphic=2).evaluation.isomorphic == 2
    with pytest.raises(
        ConfigError, match="^configuration: evaluation.isomorphic: 1 is the cell alone; give 2"
    ):
        changed(raw, isomorphic=1)


def test_cifar100_is_a_second_task_with_the_same_predictors():
    first = yaml.safe_load((CONFIGS / "nasbench201.yaml").read_text())
    both = yaml.safe_load((CONFIGS / "nasbench201.yaml").read_text())
    merge(both, yaml.safe_load((CONFIGS / "nasbench201_cifar100.yaml").read_text()))
    one, other = check(first), check(both)
    assert other.predictors == one.predictors and not other.strategies and not other.autoencoders
    w = {"benchmark": "nasbench201", "predictor": "gates", "n_train": "78"}
    made = recipe("predictors", other, **w)["settings"]
    assert made["evaluation"]["labels"] == "test" and made["evaluation"]["protocol"]["pool"] == 7813
    assert other.benchmarks["nasbench201"].test_metric == "cifar100/test_acc@200"
    assert made["settings"] == recipe("predictors", one, **w)["settings"]["settings"]


def test_reinforce_of_the_thesis_walks_in_both_latent_spaces_on_the_table_alone():
    config = thesis("reinforce")
    assert list(config.strategies_of("nasbench101")) == ["random", "reinforce_infonas", "reinforce_reference"]
    assert not config.strategies_of("cifar101") and not config.predictors
    assert (config.search.budget, config.search.n_runs) == (600, 500)
    latents = [config.strategies[f"reinforce_{name}"]["latents"] for name in ("infonas", "reference")]
    assert latents == ["infonas", "infonas@reference"]
