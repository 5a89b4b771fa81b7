"""The configuration: every mistake is one line with the key's path."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from pipeline.config.model import check, load_config
from pipeline.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def default():
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def changed(raw: dict, path: str, value):
    raw = copy.deepcopy(raw)
    *parents, last = path.split(".")
    place = raw
    for key in parents:
        place = place[key]
    place[last] = value
    return raw


def test_the_default_configuration_is_right_and_complete(default):
    config = check(default)
    assert config.only_benchmark() == "digits101"
    assert set(config.predictors) == {"gates", "random_forest_arch2vec", "random_forest_infonas"}
    assert config.predictors["gates"]["margin"] == 0.1  # a default of the plug-in, filled in


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sead", 1, "sead: unknown key"),
        ("seed", -1, "seed: Input should be greater than or equal to 0, got -1"),
        ("images.digits.n_valid", "many", "images.digits.n_valid: "),
        (
            "images.digits.source",
            "letters",
            "images.digits: unknown source 'letters'; expected one of cifar10, ",
        ),
        ("benchmarks.digits101.space", "nasbench999", "benchmarks.digits101.space: "),
        (
            "benchmarks.digits101.children.training.epochs",
            -3,
            "benchmarks.digits101.children.training.epochs: ",
        ),
        (
            "benchmarks.digits101.children.network.width",
            3,
            "benchmarks.digits101.children.network.width: unknown key",
        ),
        ("benchmarks.digits101.children.images", "letters", "there is no 'letters'; expected one of digits"),
        (
            "predictors.gates",
            {"method": "gattes"},
            "predictors.gates: unknown method 'gattes'; expected one of ",
        ),
        ("predictors.gates", {"epochs": 3}, "predictors.gates: expected a mapping with the key 'method'"),
        ("predictors.gates", {"method": "gates", "epoks": 3}, "predictors.gates.epoks: unknown key"),
        ("predictors.gates", {"method": "gates", "lr": -1}, "predictors.gates.lr: "),
        (
            "predictors.random_forest_arch2vec.latents",
            "arch3vec",
            "there is no 'arch3vec'; expected one of arch2vec",
        ),
        ("strategies.predictor_evolution.predictor", "gattes", "there is no 'gattes'; expected one of gates"),
        ("autoencoders.arch2vec.model", "arch3vec", "autoencoders.arch2vec"),
        (
            "evaluation.n_train",
            [30, 500],
            "evaluation.n_train: 500 training cells, but only benchmarks.digits101",
        ),
        ("evaluation.n_train", [60, 30], "evaluation.n_train: expected increasing numbers"),
        ("search.budget", 3, "search: budget: 3 is less than n_initial"),
        ("search.n_initial", 130, "search"),
        ("images.Digits!", {}, "images"),
    ],
)
def test_a_mistake_is_one_line_with_the_path_of_the_key(default, path, value, message):
    with pytest.raises(ConfigError) as error:
        check(changed(default, path, value), "config.yaml")
    text = str(error.value)
    assert text.startswith("config.yaml: ") and "\n" not in text
    assert message in text


def test_several_mistakes_are_counted(default):
    with pytest.raises(ConfigError, match="and 1 more"):
        check({**default, "one": 1, "two": 2})


def test_what_is_not_a_configuration_is_refused(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("seed: [1\nimages:")
    with pytest.raises(ConfigError, match=r"broken\.yaml: line 2 is not valid YAML"):
        load_config(broken)
    broken.write_text("- 1\n- 2\n")
    with pytest.raises(ConfigError, match="expected keys and values, found list"):
        load_config(broken)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.yaml")


def test_changes_from_the_command_line_are_merged_into_the_file():
    config = load_config(ROOT / "config.yaml", ["seed=5", "search={budget: 70}"])
    assert (config.seed, config.search.budget, config.search.n_runs) == (5, 70, 3)
    with pytest.raises(ConfigError, match="expected KEY=VALUE"):
        load_config(ROOT / "config.yaml", ["seed"])
