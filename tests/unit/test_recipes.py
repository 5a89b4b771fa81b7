"""Recipes: what an artifact depends on, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.config.model import load_config
from pipeline.errors import ConfigError
from pipeline.staleness.recipes import recipe, recipe_json
from pipeline.staleness.why import differences

CONFIG = Path(__file__).resolve().parents[2] / "config.yaml"
ARTIFACTS = {
    "children": {"benchmark": "digits101", "chunk": "3"},
    "benchmarks": {"benchmark": "digits101"},
    "io_dataset": {"benchmark": "digits101"},
    "arch2vec": {"benchmark": "digits101", "autoencoder": "arch2vec"},
    "infonas": {"benchmark": "digits101", "autoencoder": "infonas"},
    "zeroshot": {"benchmark": "digits101", "chunk": "0"},
    "gates": {"benchmark": "digits101", "predictor": "gates", "n_train": "30"},
    "forest": {"benchmark": "digits101", "predictor": "random_forest_arch2vec", "n_train": "30"},
    "random": {"benchmark": "digits101", "strategy": "random"},
    "guided": {"benchmark": "digits101", "strategy": "predictor_evolution"},
    "report": {},
}
STAGE = {
    **dict.fromkeys(("arch2vec", "infonas"), "autoencoders"),
    **dict.fromkeys(("gates", "forest"), "predictors"),
    **dict.fromkeys(("random", "guided"), "search"),
}


def recipes(*changes: str) -> dict[str, str]:
    config = load_config(CONFIG, changes)
    return {name: recipe_json(STAGE.get(name, name), config, **wild) for name, wild in ARTIFACTS.items()}


@pytest.mark.parametrize(
    ("change", "concerned"),
    [
        ("device=cpu", {"report"}),
        ("search={budget: 91}", {"random", "guided", "report"}),
        ("predictors={gates: {epochs: 150}}", {"gates", "guided", "report"}),
        ("predictors={random_forest_arch2vec: {n_estimators: 50}}", {"forest", "report"}),
        ("strategies={predictor_evolution: {rounds: 7}}", {"guided", "report"}),
        ("autoencoders={arch2vec: {epochs: 3}}", {"arch2vec", "report"}),
        ("evaluation={n_seeds: 4}", {"gates", "forest", "report"}),
        ("evaluation={isomorphic: 5}", {"gates", "forest", "report"}),
        ("evaluation={n_train: [30]}", {"report"}),
        ("io_dataset={n_unseen_images: 7}", {"io_dataset", "report"}),
        ("zeroshot={n_candidates: 500}", {"report"}),
        ("benchmarks={digits101: {children: {n_labelled: 135}}}", {"benchmarks", "report"}),
        (
            "benchmarks={digits101: {children: {training: {epochs: 2}}}}",
            {"children", "benchmarks", "io_dataset", "random", "guided", "report"},
        ),
        ("seed=7", set(ARTIFACTS)),
    ],
)
def test_a_setting_concerns_exactly_the_artifacts_that_read_it(change, concerned):
    before, after = recipes(), recipes(change)
    assert {name for name in before if before[name] != after[name]} == concerned


def test_a_recipe_names_the_plug_in_alone():
    config = load_config(CONFIG)
    gates = recipe("predictors", config, **ARTIFACTS["gates"])["entries"]
    forest = recipe("predictors", config, **ARTIFACTS["forest"])["entries"]
    assert "pipeline.predictors.gates" in gates and "pipeline.predictors.gates" not in forest
    assert "pipeline.predictors.random_forest" in forest and "pipeline.predictors.random_forest" not in gates


def test_isomorphic_spellings_are_code_of_those_who_test_on_them():
    for change, there in (([], False), (["evaluation={isomorphic: 5}"], True)):
        made = recipe("predictors", load_config(CONFIG, change), **ARTIFACTS["gates"])
        assert ("pipeline.spaces.nasbench101.isomorphs" in made["entries"]) == there
        assert ("isomorphic" in made["settings"]["evaluation"]) == there


def test_equal_recipes_are_equal_strings_and_chunks_have_bounds():
    assert recipes() == recipes()
    config = load_config(CONFIG)
    assert json.loads(recipes()["children"])["settings"]["start"] == 45
    with pytest.raises(ConfigError, match="there are 10 chunks"):
        recipe("children", config, benchmark="digits101", chunk="10")
    with pytest.raises(ConfigError, match="no 'nothing'"):
        recipe("predictors", config, benchmark="digits101", predictor="nothing", n_train=3)


def test_differences_name_each_key():
    old, new = {"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 3, "e": 4}, "d": [1]}
    assert list(differences(old, new)) == [("a.b", 1, 3), ("a.c", 2, "(absent)"), ("a.e", "(absent)", 4)]


def test_zero_shot_recipes_follow_what_is_asked_for():
    config = load_config(CONFIG, ["zeroshot={metrics: [snip, params]}"])
    made = recipe("zeroshot", config, benchmark="digits101", chunk="0")["settings"]
    assert made["metrics"] == ["snip", "params"] and "chunk_size" not in made
    with_scores = load_config(
        CONFIG,
        ["predictors={boosted: {method: xgboost, zeroshot: [snip]}}"],
    )
    settings = recipe("predictors", with_scores, benchmark="digits101", predictor="boosted", n_train="30")
    assert settings["settings"]["settings"]["zeroshot"] == ["snip"]
    assert "pipeline.predictors.xgboost" in settings["entries"]
