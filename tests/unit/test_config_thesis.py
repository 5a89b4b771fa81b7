"""The configurations of info-NAS' experiments: what is left of them after merging, and what null does."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.autoencoders.names import parse_latents
from pipeline.config.model import check, load_config, merge
from pipeline.errors import ConfigError
from pipeline.staleness.recipes import recipe

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def merged(name: str, *between: str):
    raw = yaml.safe_load((CONFIGS / "infonas.yaml").read_text())
    for file in (*between, f"thesis/{name}"):
        merge(raw, yaml.safe_load((CONFIGS / f"{file}.yaml").read_text()))
    return check(raw, name)


def test_the_whole_line():
    config = load_config(CONFIGS / "infonas.yaml")
    assert list(config.autoencoders) == ["arch2vec", "infonas", "infonas_top10", "accuracy"]
    assert config.benchmarks["cifar101"].children.n_cells == 608 + 77
    later, control = config.autoencoders["infonas_top10"], config.autoencoders["accuracy"]
    assert (later.preprocessing.top_k, later.loss, later.epochs) == (10, "mse", 10)
    assert (control.regressor, control.loss) == ("accuracy", "mse")
    assert "infonas@reference" in [p["latents"] for p in config.predictors.values()]
    assert check(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("name", "n", "varied"),
    [
        ("scaling", 6, lambda s: (s.preprocessing.scale, s.preprocessing.weighted, s.preprocessing.multiply)),
        ("training_parameters", 6, lambda s: (s.loss, s.lr)),
        ("loss_weights", 12, lambda s: (s.vae_weight, s.io_weight)),
    ],
)
def test_an_experiment_varies_what_it_says_and_nothing_else(name, n, varied):
    config = merged(name)
    assert len(config.autoencoders) == n and not config.predictors
    settings = list(config.autoencoders.values())
    assert len({varied(s) for s in settings}) == n
    same = {"preprocessing", "loss", "lr", "vae_weight", "io_weight"}
    assert len({s.model_dump_json(exclude=same) for s in settings}) == 1
    assert (settings[0].epochs, settings[0].unlabelled_run, settings[0].image_width) == (8, "auto", 128)


def test_ten_seeds_are_ten_artifacts_of_one_setting():
    config = merged("seeds")
    assert list(config.autoencoders) == ["infonas"] and config.autoencoders["infonas"].n_seeds == 10
    found = recipe("autoencoders", config, benchmark="cifar101", autoencoder="infonas", autoencoder_seed=10)
    assert found["settings"]["run"] == 10 and found["settings"]["reference"] is True
    assert "pipeline.autoencoders.regressors.dense" in found["entries"]
    assert not any("concat" in entry or "accuracy" in entry for entry in found["entries"])


def test_reinforce_in_small_walks_in_the_same_latent_spaces_twice():
    raw: dict = {}
    for name in ("../config", "nasbench101", "thesis/reinforce", "thesis/reinforce_small"):
        merge(raw, yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()))
    config = check(raw)
    latents = [s["latents"] for s in config.strategies_of("nasbench101").values() if "latents" in s]
    assert latents == ["infonas", "infonas@reference", "infonas/2", "infonas/2@reference"]
    encoder = config.autoencoders["infonas"]
    assert (encoder.n_seeds, encoder.reference, encoder.split) == (2, True, "whole_space")
    assert encoder.io_dataset == "digits101" and not config.strategies_of("digits101")
    assert (config.search.budget, config.search.n_runs) == (600, 50)


@pytest.mark.parametrize("name", ["regressors", "regressors_sizes"])
def test_regressors_train_no_autoencoder_that_they_do_not_read(name):
    config = merged(name, "nasbench101")
    read = {parse_latents(predictor["latents"]).autoencoder for predictor in config.predictors.values()}
    assert config.encoders_of("cifar101") == [] and set(config.encoders_of("nasbench101")) == read
    assert config.tested() == ["nasbench101"]


def test_null_leaves_out_an_entry_or_a_section():
    raw = yaml.safe_load((CONFIGS / "infonas.yaml").read_text())
    raw["autoencoders"]["accuracy"] = raw["predictors"]["random_forest_accuracy"] = None
    assert "accuracy" not in check(raw).autoencoders
    raw["predictors"] = None
    assert check(raw).predictors == {}
    raw["benchmarks"]["cifar101"] = None
    with pytest.raises(ConfigError, match="benchmarks"):
        check(raw)


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        ("arch2vec@reference", "arch2vec has no reference"),
        ("accuracy@reference", "accuracy has no reference; set its reference: true"),
        ("infonas@other", "names no latents"),
        ("infonas/2@reference", "there is no run 2"),
    ],
)
def test_latents_of_a_reference_must_be_there(latents, message):
    raw = yaml.safe_load((CONFIGS / "infonas.yaml").read_text())
    raw["predictors"]["random_forest_infonas"]["latents"] = latents
    with pytest.raises(ConfigError, match=message):
        check(raw)
