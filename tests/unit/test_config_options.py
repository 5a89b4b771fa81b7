"""Several configuration files and changes mean to every command what they mean to snakemake."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from snakemake.cli import parse_config
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from pipeline.config.model import check, load_config
from pipeline.config.options import add_config_options, settings_of
from pipeline.errors import ConfigError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
OVER = """
seed: 3
search: {budget: 40, n_runs: 2}
predictors:
  gates: null
  xgb: {method: xgboost}
"""


@pytest.mark.parametrize(
    "changes",
    [(), ("seed=5", "search={budget: 70}"), ("predictors={xgb: {n_estimators: 7}}", "device=cpu")],
)
def test_files_and_changes_are_merged_as_snakemake_merges_them(tmp_path, changes):
    (tmp_path / "over.yaml").write_text(OVER)
    files = [CONFIGS / "cifar10_small.yaml", tmp_path / "over.yaml"]
    expected: dict = {}
    for file in files:
        update_config(expected, load_configfile(file))
    update_config(expected, parse_config(changes))
    found = load_config(files, changes)
    assert found == check(expected)
    assert "gates" not in found.predictors and "xgb" in found.predictors


def test_an_error_names_all_files_that_were_merged(tmp_path):
    (tmp_path / "over.yaml").write_text("search: {budget: many}")
    with pytest.raises(ConfigError, match=r"cifar10_small\.yaml \+ .*over\.yaml: search\.budget"):
        load_config([CONFIGS / "cifar10_small.yaml", tmp_path / "over.yaml"])


def test_a_target_in_a_files_place_is_told_where_it_belongs(tmp_path):
    parser = argparse.ArgumentParser()
    add_config_options(parser)
    args = parser.parse_args(["--configfile", str(tmp_path / "a.yaml"), "predictors"])
    (tmp_path / "a.yaml").write_text("seed: 1")
    with pytest.raises(ConfigError, match="--configfile predictors: no such file .*name it before"):
        settings_of(args.configfile, args.config)


@pytest.mark.parametrize(("change", "words"), [("seed", "expected KEY=VALUE"), ("1=2", "valid identifier")])
def test_a_change_that_is_none_is_refused(change, words):
    with pytest.raises(ConfigError, match=words):
        settings_of([], [change])
