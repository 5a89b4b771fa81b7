"""Autoencoders in the configuration: runs, latents by name, spaces, where outputs come from; recipes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pipeline.autoencoders.names import LatentsName, latents_in, parse_latents
from pipeline.config.model import check, io_benchmark_of
from pipeline.errors import ConfigError
from pipeline.staleness.recipes import recipe, recipe_json

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def raw() -> dict:
    """The default configuration."""
    return yaml.safe_load((ROOT / "config.yaml").read_text())


@pytest.fixture
def of_files() -> dict:
    """The three public benchmarks, and one of networks trained on digits."""
    raw = yaml.safe_load((ROOT / "config.yaml").read_text())
    raw = {key: raw[key] for key in ("seed", "images", "benchmarks")}
    for name in ("nasbench101", "nasbench201", "nasbench301"):
        raw["benchmarks"] |= yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text())["benchmarks"]
    return raw


def autoencoder_recipe(config, run: int = 1, name: str = "arch2vec", benchmark: str = "digits101") -> str:
    wildcards = {"benchmark": benchmark, "autoencoder": name, "autoencoder_seed": str(run)}
    return recipe_json("autoencoders", config, **wildcards)


def test_more_runs_leave_those_that_there_are_as_they_are(raw):
    one = check(raw)
    raw["autoencoders"]["arch2vec"]["n_seeds"] = 3
    three = check(raw)
    recipes = [autoencoder_recipe(three, run) for run in (1, 2, 3)]
    assert recipes[0] == autoencoder_recipe(one) and len(set(recipes)) == 3
    assert json.loads(recipes[2])["settings"]["run"] == 3
    by_hand = recipe("autoencoders", one, benchmark="digits101", autoencoder="arch2vec")
    assert by_hand == json.loads(recipes[0])
    for run in (0, 4):
        with pytest.raises(ConfigError, match=f"autoencoders.arch2vec: there is no run {run}; n_seeds: 3"):
            autoencoder_recipe(three, run)


def test_an_autoencoder_is_trained_beside_its_benchmarks_alone(of_files):
    both = {"a": {"model": "arch2vec"}, "i": {"model": "infonas"}}
    both["i"] |= {"io_dataset": "digits101", "benchmarks": ["nasbench101", "digits101"]}
    config = check(of_files | {"autoencoders": both})  # other spaces have no networks for it
    assert config.encoders_of("nasbench101") == ["a", "i"] and config.encoders_of("nasbench201") == ["a"]
    before = autoencoder_recipe(config, name="i")
    both["i"]["benchmarks"] = ["digits101"]
    config = check(of_files | {"autoencoders": both})
    assert autoencoder_recipe(config, name="i") == before
    with pytest.raises(ConfigError, match="autoencoders.i.benchmarks: nasbench101 is not among them"):
        autoencoder_recipe(config, name="i", benchmark="nasbench101")
    learners = {
        "predictors.r.latents": {"predictors": {"r": {"method": "ridge", "latents": "i"}}},
        "strategies.s.latents": {"strategies": {"s": {"method": "reinforce", "latents": "i"}}},
    }
    for path, learner in learners.items():
        with pytest.raises(
            ConfigError, match=rf"{path}: i is needed on nasbench\d01, which autoencoders\.i\.b"
        ):
            check(of_files | {"autoencoders": both} | learner)
    evaluation = {"evaluation": {"benchmarks": ["digits101"], "n_train": [10]}}
    check(of_files | {"autoencoders": both} | learners["predictors.r.latents"] | evaluation)
    evolution = {"strategies": {"e": {"method": "predictor_evolution", "predictor": "r"}}}
    with pytest.raises(ConfigError, match="strategies.e.predictor: i is needed on nasbench"):
        check(of_files | {"autoencoders": both} | learners["predictors.r.latents"] | evaluation | evolution)
    both["i"]["benchmarks"] = ["elsewhere"]
    with pytest.raises(ConfigError, match="autoencoders.i.benchmarks: there is no 'elsewhere'"):
        check(of_files | {"autoencoders": both})


def test_latents_are_named_by_autoencoder_and_run():
    assert parse_latents("a2v") == LatentsName("a2v", 1) and parse_latents("a2v/12") == LatentsName("a2v", 12)
    for text in ("a2v/", "a2v/0", "a2v/x", "A", "", "a/1/2"):
        with pytest.raises(ValueError, match="names no latents; expected NAME"):
            parse_latents(text)
    assert latents_in({}) == latents_in({"latents": None}) == []
    assert latents_in({"latents": "a"}) == ["a"] and latents_in({"latents": ["a", "b/2"]}) == ["a", "b/2"]


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        ("vec", "there is no 'vec'; expected one of arch2vec, infonas"),
        ("arch2vec/2", "there is no run 2 of arch2vec; autoencoders.arch2vec.n_seeds is 1"),
        (
            "arch2vec/x",
            "'arch2vec/x' names no latents; expected NAME, NAME/3 for the third run, or either with @",
        ),
    ],
)
def test_latents_must_be_those_of_a_run(raw, latents, message):
    raw["predictors"]["random_forest_arch2vec"]["latents"] = latents
    with pytest.raises(ConfigError) as error:
        check(raw)
    assert "predictors.random_forest_arch2vec.latents: " + message in str(error.value)
    if latents.startswith("arch2vec/2"):
        raw["autoencoders"]["arch2vec"]["n_seeds"] = 2
        check(raw)


def test_every_space_has_autoencoders(of_files):
    config = check(of_files | {"autoencoders": {"a": {"model": "arch2vec"}}})
    for benchmark, space in (("nasbench201", "nasbench201"), ("nasbench301", "darts")):
        made = json.loads(autoencoder_recipe(config, name="a", benchmark=benchmark))
        assert made["settings"]["space"] == space and f"pipeline.spaces.{space}" in made["entries"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_cells": 0}, "autoencoders.a.n_cells: darts has too many cells to learn from all; give a number"),
        ({"split": "whole_space"}, "autoencoders.a.split: the cells of darts are drawn, not listed"),
        ({"split": "of_table"}, "autoencoders.a.split: the cells of darts are drawn, not listed"),
    ],
)
def test_cells_of_a_space_without_a_list_are_given_by_number(of_files, settings, message):
    with pytest.raises(ConfigError, match=message):
        check(of_files | {"autoencoders": {"a": {"model": "arch2vec", **settings}}})


def test_info_nas_of_a_file_learns_from_networks_of_the_same_space(of_files):
    del of_files["benchmarks"]["nasbench201"], of_files["benchmarks"]["nasbench301"]
    own = of_files | {"autoencoders": {"i": {"model": "infonas"}}}
    with pytest.raises(
        ConfigError, match=r"autoencoders.i.io_dataset: infonas learns from networks trained h"
    ):
        check(own)
    config = check(of_files | {"autoencoders": {"i": {"model": "infonas", "io_dataset": "digits101"}}})
    assert io_benchmark_of(config, "nasbench101", "i") == "digits101"
    made = json.loads(autoencoder_recipe(config, name="i", benchmark="nasbench101"))
    assert made["settings"]["io_dataset"] == "digits101"
    named = json.loads(autoencoder_recipe(config, name="i"))["settings"]
    del of_files["benchmarks"]["nasbench101"]
    unnamed = json.loads(autoencoder_recipe(check(own | {"benchmarks": of_files["benchmarks"]}), name="i"))
    assert named == unnamed["settings"]  # said or by default, it is the benchmark's own


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("cifar", "autoencoders.i.io_dataset: there is no 'cifar'"),
        ("nasbench101", "but benchmarks.nasbench101 is read from a file; name a benchmark of trained"),
        (
            "digits101",
            "benchmarks.digits101 has networks of nasbench101, but benchmarks.nasbench201.space is",
        ),
    ],
)
def test_outputs_of_other_networks_are_refused(of_files, source, message):
    with pytest.raises(ConfigError) as error:
        check(of_files | {"autoencoders": {"i": {"model": "infonas", "io_dataset": source}}})
    assert message in str(error.value) and "\n" not in str(error.value)
