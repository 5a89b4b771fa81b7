"""Configurations of benchmarks that are read from files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pipeline.config import check, images_of, load_config
from pipeline.errors import ConfigError
from pipeline.recipes import origin_of, recipe_json

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
NAMES = {"nasbench101": 101, "nasbench201": 201, "nasbench301": 301}


@pytest.fixture
def raw(tmp_path) -> dict:
    """The configuration of NAS-Bench-201 with an empty file of its csv in place."""
    (tmp_path / "nasbench201_15625.csv.gz").write_bytes(b"")
    return yaml.safe_load((CONFIGS / "nasbench201.yaml").read_text()) | {"data_dir": str(tmp_path)}


@pytest.mark.parametrize("name", NAMES)
def test_ready_configurations_are_right(name):
    config = load_config(CONFIGS / f"{name}.yaml")
    assert list(config.benchmarks) == [name] and not config.trained() and not config.scored()
    assert images_of(config.benchmarks[name]) is None
    shown = check(config.model_dump(mode="json"))  # what `config` prints is a configuration again
    assert shown == config


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("source", "file", "benchmarks.nasbench201: "),
        ("files", [], "benchmarks.nasbench201.files: "),
        (
            "files",
            [{"reader": "tfrecord", "file": "x"}],
            "unknown reader 'tfrecord'; expected one of csv, nas",
        ),
        ("files", [{"reader": "nats_bench"}], "benchmarks.nasbench201.files.0.file: this key is missing"),
        ("files", [{"reader": "nats_bench", "file": "x", "fil": 1}], "files.0.fil: unknown key"),
        ("files", [{"reader": "nats_bench", "file": "x", "md5": "no"}], "files.0.md5: "),
        ("val_metric", "val_acc", "benchmarks.nasbench201.val_metric: "),
        ("split", {"labelled": -1}, "benchmarks.nasbench201.split.labelled: "),
        ("images", "cifar10", "benchmarks.nasbench201.images: there is no 'cifar10'"),
        ("children", {}, "benchmarks.nasbench201.children: unknown key"),
    ],
)
def test_a_mistake_is_one_line_with_the_path_of_the_key(raw, path, value, message):
    raw["benchmarks"]["nasbench201"][path] = value
    with pytest.raises(ConfigError) as error:
        check(raw, "c.yaml")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_autoencoders_need_a_space_that_they_know_and_networks_for_info_nas(raw):
    with pytest.raises(ConfigError, match=r"autoencoders.a: arch2vec takes cells of nasbench101, but"):
        check(raw | {"autoencoders": {"a": {"model": "arch2vec"}}})
    raw101 = yaml.safe_load((CONFIGS / "nasbench101.yaml").read_text())
    with pytest.raises(
        ConfigError, match="infonas learns from networks trained here, but benchmarks.nasbench101"
    ):
        check(raw101 | {"autoencoders": {"i": {"model": "infonas"}}})


def test_a_table_depends_on_the_file_that_is_there(raw, tmp_path):
    config = check(raw)
    recipe = json.loads(recipe_json("ingest", config, benchmark="nasbench201"))
    assert recipe["settings"]["file"]["reader"] == "csv"
    assert "pipeline.benchmarks.readers.csv" in recipe["entries"]
    assert not any("nats_bench" in entry for entry in recipe["entries"])
    (tmp_path / "NATS-tss-v1_0-3ffb9-simple").mkdir()
    assert '"reader":"nats_bench"' in recipe_json("ingest", config, benchmark="nasbench201")
    with pytest.raises(ConfigError, match="it is read from a file; no networks are trained for it"):
        recipe_json("children", config, benchmark="nasbench201", chunk="0")


def test_where_accuracies_come_from_decides_what_a_search_depends_on(raw):
    config = check(raw)
    table = json.loads(recipe_json("search", config, benchmark="nasbench201", strategy="random"))
    assert table["settings"]["origin"] == "table" and "oracle" not in table["settings"]
    raw["benchmarks"]["nasbench201"]["surrogate"] = {}
    config = check(raw)
    assert origin_of(config.benchmarks["nasbench201"]) == "surrogate"
    surrogate = json.loads(recipe_json("search", config, benchmark="nasbench201", strategy="random"))
    assert set(surrogate["entries"]) ^ set(table["entries"]) == {
        "pipeline.search.origins.table",
        "pipeline.search.origins.surrogate",
    }
    val = json.loads(recipe_json("surrogate", config, benchmark="nasbench201", target="val_acc"))
    assert val["settings"]["metric"] == "cifar10-valid/val_acc@200"
