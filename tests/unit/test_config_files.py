"""Configurations of benchmarks that are read from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
import yaml

from pipeline.benchmarks.file_settings import SplitSettings
from pipeline.benchmarks.settings import images_of
from pipeline.benchmarks.split import roles
from pipeline.config.model import check, load_config
from pipeline.errors import ConfigError
from pipeline.staleness.fingerprint import closure
from pipeline.staleness.recipes import origin_of, recipe, recipe_json, scored_cells
from pipeline.zeroshot.settings import Metric

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
NAMES = ("nasbench101", "nasbench201", "nasbench301")


@pytest.fixture
def raw(tmp_path) -> dict:
    """The configuration of NAS-Bench-201 with an empty file of its csv in place."""
    (tmp_path / "nasbench201_15625.csv.gz").write_bytes(b"")
    return yaml.safe_load((CONFIGS / "nasbench201.yaml").read_text()) | {"data_dir": str(tmp_path)}


@pytest.mark.parametrize(
    ("name", "n_cells"), [("cifar10", 608 + 77), ("cifar10_small", 8), ("cifar100", 1000)]
)
def test_ready_configurations_of_trained_networks_are_right(name, n_cells):
    config = load_config(CONFIGS / f"{name}.yaml")
    (benchmark,) = config.trained()
    assert config.benchmarks[benchmark].children.n_cells == n_cells
    assert check(config.model_dump(mode="json")) == config


def test_the_configuration_of_latent_search_names_latents_in_its_recipes():
    config = load_config(CONFIGS / "latent_search.yaml")
    found = recipe("search", config, benchmark="nasbench101", strategy="reinforce")
    settings = found["settings"]["settings"]
    assert (settings["latents"], settings["point"], settings["steps"]) == ("arch2vec", "mean", 16)
    assert check(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("name", ["search_nasbench201", "search_nasbench301"])
def test_configurations_that_compare_searches_are_right(name):
    config = load_config(CONFIGS / f"{name}.yaml")
    assert check(config.model_dump(mode="json")) == config
    for benchmark in config.benchmarks:
        for strategy in config.strategies_of(benchmark):
            found = recipe("search", config, benchmark=benchmark, strategy=strategy)["settings"]
            assert found["metric"] == "val" and found["budget"] in (192, 200)
            assert (found["predictor"] is not None) == (strategy == "predictor_search")
    latent = [name for name, entry in config.strategies.items() if entry.get("latents")]
    assert not set(latent) & set(config.strategies_of(list(config.benchmarks)[-1]))


@pytest.mark.parametrize("name", NAMES)
def test_ready_configurations_are_right(name):
    config = load_config(CONFIGS / f"{name}.yaml")
    assert list(config.benchmarks) == [name] and not config.trained() and not config.scored()
    assert images_of(config.benchmarks[name]) is None
    shown = check(config.model_dump(mode="json"))  # what `config` prints is a configuration again
    assert shown == config


def test_the_configuration_of_zero_shot_scores_is_right():
    config = load_config(CONFIGS / "zeroshot_nasbench201.yaml")
    assert config.scored() == ["nasbench201"] and scored_cells(config, "nasbench201") == 15_625
    assert check(config.model_dump(mode="json")) == config
    last = recipe("zeroshot", config, benchmark="nasbench201", chunk="15")["settings"]
    assert (last["start"], last["count"]) == (15_000, 625) and last["metrics"] == list(get_args(Metric))


@pytest.mark.parametrize(
    ("n_scored", "message"),
    [
        ("many", "n_scored: expected a number of cells from 1 on, or all, got 'many'"),
        (0, "n_scored: expected a number of cells from 1 on, or all, got 0"),
        (True, "n_scored: expected a number of cells from 1 on, or all, got True"),
    ],
)
def test_how_many_cells_are_scored_is_checked(raw, n_scored, message):
    raw["benchmarks"]["nasbench201"]["n_scored"] = n_scored
    with pytest.raises(ConfigError, match=f"^configuration: benchmarks.nasbench201.{message}$"):
        check(raw)
    raw["benchmarks"]["nasbench201"]["n_scored"] = "17"
    assert check(raw).benchmarks["nasbench201"].n_scored == 17


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_scored": 15_626}, "benchmarks.nasbench201.n_scored: 15626 cells, but nasbench201 has 15625"),
        ({"n_scored": 15_625}, None),
        ({"batch_size": 101}, "zeroshot.batch_size: 101 images, but images.digits.n_train is 100"),
        ({"batch_size": 100}, None),
    ],
)
def test_more_cells_or_images_than_there_are_is_refused_before_any_job(raw, changes, message):
    raw["images"] = {"digits": {"source": "digits", "n_train": 100, "n_valid": 50, "n_test": 50}}
    raw["benchmarks"]["nasbench201"] |= {"images": "digits", "n_scored": changes.get("n_scored", 10)}
    raw["zeroshot"] = {"batch_size": changes.get("batch_size", 10)}
    if message is None:
        assert check(raw).scored() == ["nasbench201"]
    else:
        with pytest.raises(ConfigError, match=f"^configuration: {message}$"):
            check(raw)


def test_all_cells_of_a_space_that_cannot_be_listed_are_refused():
    raw = yaml.safe_load((CONFIGS / "nasbench301.yaml").read_text())
    raw["benchmarks"]["nasbench301"]["n_scored"] = "all"
    with pytest.raises(
        ConfigError, match="n_scored: all cells of darts are too many to be listed; give a num"
    ):
        check(raw)


@pytest.mark.parametrize(
    ("kind", "name", "metric", "message"),
    [
        (
            "predictors",
            "xgboost",
            ["zen_"],
            "predictors.xgboost.zeroshot: there is no 'zen_'; expected one of",
        ),
        (
            "predictors",
            "xgboost",
            ["snip"],
            "benchmarks.nasbench201 has no zero-shot scores; give it `images`",
        ),
        ("strategies", "best", "zen_", "strategies.best.zeroshot: there is no 'zen_'; expected one of"),
    ],
)
def test_scores_that_are_used_must_be_computed(raw, kind, name, metric, message):
    method = {"predictors": "xgboost", "strategies": "zeroshot_ranking"}[kind]
    raw[kind][name] = {"method": method, "zeroshot": metric}
    with pytest.raises(ConfigError, match=message):
        check(raw)


def test_scores_are_asked_of_the_benchmarks_where_they_are_used(raw):
    raw["benchmarks"]["plain"] = yaml.safe_load(yaml.safe_dump(raw["benchmarks"]["nasbench201"]))
    raw["images"] = {"digits": {"source": "digits", "n_train": 100, "n_valid": 50, "n_test": 50}}
    raw["benchmarks"]["nasbench201"]["images"] = "digits"
    raw["predictors"] = {"xgboost": {"method": "xgboost", "zeroshot": ["snip"]}}
    raw["strategies"] = {"random": {"method": "random"}}
    refused = "predictors.xgboost.zeroshot: benchmarks.plain has no zero-shot scores"
    with pytest.raises(ConfigError, match=refused):
        check(raw)
    raw["evaluation"]["benchmarks"] = ["nasbench201"]
    assert check(raw).tested() == check(raw).scored() == ["nasbench201"]
    raw["strategies"]["guided"] = {"method": "predictor_evolution", "predictor": "xgboost"}
    refused = "strategies.guided.predictor: benchmarks.plain has no zero-shot scores"
    with pytest.raises(ConfigError, match=refused):  # all benchmarks are searched, and with it
        check(raw)
    raw["strategies"] = {"best": {"method": "zeroshot_ranking", "zeroshot": "snip"}}
    with pytest.raises(ConfigError, match="strategies.best.zeroshot: benchmarks.plain has no zero-shot"):
        check(raw)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("source", "file", "benchmarks.nasbench201.source: expected one of 'children', 'files', got 'file'"),
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
        (
            "split",
            {"labelled": 1.5},
            "split.labelled: 1.5 is neither a number of cells (1, 2",
        ),
        ("split", {"labelled": 9, "held_out": True}, "split.held_out: True is neither a number of cells"),
        ("split", {"labelled": float("inf")}, "split.labelled: inf is neither a number of cells"),
        (
            "split",
            {"labelled": 780, "order": "file"},
            "n_train: 781 training cells, but only benchmarks.nasbench201.split.labelled = 780",
        ),
        ("val_metric", "./val_acc@200", "expected <data set>/<what>@<epochs>, such as cifar10/val_acc@200"),
    ],
)
def test_a_mistake_is_one_line_with_the_path_of_the_key(raw, path, value, message):
    raw["benchmarks"]["nasbench201"][path] = value
    with pytest.raises(ConfigError) as error:
        check(raw, "c.yaml")
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("value", [None, [1], "nasbench201"])
def test_a_benchmark_that_is_no_mapping_is_one_line(raw, value):
    with pytest.raises(ConfigError, match="benchmarks.b: "):
        check(raw | {"benchmarks": {"b": value}})


def test_a_benchmark_of_files_without_its_source_misses_just_that(raw):
    del raw["benchmarks"]["nasbench201"]["source"]
    with pytest.raises(ConfigError, match="benchmarks.nasbench201.source: this key is missing$"):
        check(raw)


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ({"a/b/c": "index"}, "expected a name, such as params, or <data set>/<what>@<epochs>"),
        ({"": "index"}, "expected a name, such as params"),
        ({".": "index"}, "expected a name, such as params"),
        (
            {"cifar10": "index", "cifar10/train_seconds@200": "index"},
            "costs: 'cifar10' is a cost and the",
        ),
    ],
)
def test_costs_have_names_that_a_table_can_hold(raw, costs, message):
    raw["benchmarks"]["nasbench201"]["files"][2]["costs"] = costs
    with pytest.raises(ConfigError) as error:
        check(raw)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_networks_of_a_space_without_a_list_are_of_its_catalogue(raw):
    raw["images"] = {"digits": {"source": "digits"}}
    raw["benchmarks"] = {"d": {"space": "darts", "children": {"images": "digits"}}}
    raw |= {"autoencoders": {}, "predictors": {}, "strategies": {}, "zeroshot": {"n_candidates": 51}}
    with pytest.raises(ConfigError, match=r"catalogue: 200 cells of darts, but .* need 201; raise catalogue"):
        check(raw | {"catalogue": 200})
    listed = [recipe("space", check(raw | {"catalogue": n}), space="darts") for n in (201, 300)]
    assert [one["settings"] for one in listed] == [{"space": "darts", "catalogue": n} for n in (201, 300)]
    assert "pipeline.spaces.darts.variation" in listed[0]["entries"]
    assert recipe("space", check(raw), space="nasbench101")["settings"] == {"space": "nasbench101"}


def test_a_table_depends_on_the_file_that_is_there(raw, tmp_path):
    config = check(raw)
    made = json.loads(recipe_json("ingest", config, benchmark="nasbench201"))
    assert made["settings"]["file"]["reader"] == "csv"
    assert "pipeline.benchmarks.readers.csv" in made["entries"]
    assert not any("nats_bench" in entry for entry in made["entries"])
    (tmp_path / "NATS-tss-v1_0-3ffb9-simple").mkdir()
    assert '"reader":"nats_bench"' in recipe_json("ingest", config, benchmark="nasbench201")
    with pytest.raises(ConfigError, match="it is read from a file; no networks are trained for it"):
        recipe_json("children", config, benchmark="nasbench201", chunk="0")


def test_by_hand_the_name_of_the_file_says_how_it_is_read(raw):
    config = check(raw)  # in data_dir is only the csv
    made = recipe("ingest", config, benchmark="nasbench201", file="/data/NATS-tss-v1_0-3ffb9-simple")
    assert made["settings"]["file"]["reader"] == "nats_bench"
    here = recipe("ingest", config, benchmark="nasbench201", file="nasbench201_15625.csv.gz")
    assert here == recipe("ingest", config, benchmark="nasbench201")
    with pytest.raises(ConfigError, match="which of them says how other.pth is read"):
        recipe("ingest", config, benchmark="nasbench201", file="other.pth")
    del raw["benchmarks"]["nasbench201"]["files"][:2]
    only = recipe("ingest", check(raw), benchmark="nasbench201", file="other.csv")
    assert only["settings"]["file"]["file"] == "nasbench201_15625.csv.gz"


CODE = {  # what an artifact of a table is computed with beside what its command imports
    "ingest": {"hashing", "keys", "layout", "official"},
    "zeroshot": {"costs", "hashing", "keys", "network"},
    "surrogate": {"keys"},
}


@pytest.mark.parametrize("name", NAMES)
def test_recipes_hold_the_code_of_the_space_that_an_artifact_is_computed_with(name, tmp_path):
    raw = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())
    raw |= {"data_dir": str(tmp_path), "images": {"digits": {"source": "digits"}}}
    raw["benchmarks"][name] |= {"images": "digits", "surrogate": {}}
    (tmp_path / raw["benchmarks"][name]["files"][0]["file"]).mkdir()
    config, wild = check(raw), {"benchmark": name, "chunk": "0", "target": "val_acc"}
    space = config.benchmarks[name].space
    for stage, parts in CODE.items():
        modules = closure(recipe(stage, config, **wild)["entries"])
        assert {f"pipeline.spaces.{space}.{part}" for part in parts} <= modules.keys(), stage
        assert f"pipeline.spaces.{space}.variation" not in modules, stage
    assert "pipeline.children.settings" not in closure(recipe("ingest", config, **wild)["entries"])
    if space == "darts":
        assert "pipeline.spaces.darts.configurations" in closure(recipe("ingest", config, **wild)["entries"])
    space_file = closure(recipe("space", config, space="nasbench201")["entries"])
    assert "pipeline.spaces.nasbench201.hashing" in space_file  # its table names the cells


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


@pytest.mark.parametrize(
    ("file", "n", "labelled"),
    [
        ("nasbench_only108.tfrecord", 423_624, 381_262),
        ("nasbench101_validation_30001.csv.gz", 30_001, 27_000),
    ],
)
def test_a_file_may_be_split_otherwise_than_the_benchmark(tmp_path, file, n, labelled):
    """GATES learns from the first 381,262 cells of the official file (P2), and here from 27,000 of 30,001."""
    (tmp_path / file).write_bytes(b"")
    config = load_config(CONFIGS / "papers/gates.yaml", [f"data_dir={tmp_path}"])
    made = recipe("ingest", config, benchmark="nasbench101")["settings"]
    role = roles(n, SplitSettings(**made["split"]), 1, "nasbench101")
    assert (role[:labelled] == "labelled").all() and (role[labelled:] == "held_out").all()
    assert made["file"]["file"] == file and "split" not in made["file"]
