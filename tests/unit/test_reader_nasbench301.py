"""The reader of NAS-Bench-301's folder of results, on files written in its form."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline import spaces
from pipeline.benchmarks.readers import nasbench301
from pipeline.benchmarks.source import check
from pipeline.errors import ConfigError, DataError

DARTS = spaces.load("darts")
PREFIX = "NetworkSelectorDatasetInfo:darts:"
VAL, TEST, SECONDS = "cifar10/val_acc@100", "cifar10/test_acc@100", "cifar10/train_seconds@100"


def result(configuration: dict, k: int = 0, **changes) -> dict:
    """What a file of the benchmark holds."""
    others = {"OptimizerSelector:sgd:learning_rate": 0.025, f"{PREFIX}layers": 8}
    content = {
        "final_metric_score": -1,
        "optimized_hyperparamater_config": {**others, **configuration},
        "budget": 100,
        "info": [{"val_accuracy": 93.0 + k / 100, "epochs": 98, "model_parameters": 7 + k}],
        "test_accuracy": 92.0 + k / 100,
        "runtime": 6000 + k,
    }
    return content | changes


def write(path: Path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.fixture(scope="module")
def archs():
    return DARTS.sample(12, np.random.default_rng(0))


@pytest.fixture
def folder(tmp_path, archs) -> Path:
    """12 trainings in the folders of three optimisers."""
    for k, configuration in enumerate(DARTS.to_configurations(archs)):
        write(tmp_path / "nb" / ("re", "de", "tpe")[k % 3] / f"results_{k}.json", result(configuration, k))
    return tmp_path / "nb"


def read(folder: Path, **changes):
    source = nasbench301.read(folder, nasbench301.Settings(**changes), "darts")
    check(source, folder)
    return source


def test_read(folder, archs):
    source = read(folder)
    order = sorted(range(12), key=lambda k: (["re", "de", "tpe"][k % 3], f"results_{k}.json"))
    assert source.cells == DARTS.cell_ids(archs[np.array(order)])
    expected = np.array(order)[:, None] / 100
    np.testing.assert_allclose(source.metrics[VAL], (93 + expected) / 100, rtol=1e-6)
    np.testing.assert_allclose(source.metrics[TEST], (92 + expected) / 100, rtol=1e-6)
    np.testing.assert_array_equal(source.costs[SECONDS], 6000 + np.array(order)[:, None])
    np.testing.assert_array_equal(source.costs["params"], 7 + np.array(order))
    assert set(source.metrics) == {VAL, TEST} and source.metrics[VAL].dtype == np.float32


def test_trainings_of_isomorphic_cells_are_trials(folder, archs):
    nodes = archs[5]
    swapped = DARTS.from_key(DARTS.canonical_key(nodes))  # another spelling, perhaps, of the same cell
    for k, cell in enumerate([nodes, swapped]):
        write(folder / f"z/results_{20 + k}.json", result(DARTS.to_configurations(cell)[0], 20 + k))
    source = read(folder)
    assert source.metrics[VAL].shape == (12, 3)
    row = source.cells.index(DARTS.cell_ids(nodes)[0])
    np.testing.assert_allclose(source.metrics[VAL][row], [0.9305, 0.932, 0.9321], rtol=1e-6)
    assert np.isnan(source.metrics[VAL][np.arange(12) != row, 1:]).all()
    np.testing.assert_array_equal(source.costs[SECONDS][row], [6005, 6020, 6021])


def test_other_budgets_are_left_out(folder, archs, caplog):
    configurations = DARTS.to_configurations(archs)
    write(folder / "a/results_0.json", result(configurations[0], budget=50))
    write(folder / "a/results_1.json", result(configurations[1], budget=50.0))
    with caplog.at_level("INFO", logger="nasflow"):
        assert len(read(folder).archs) == 12
    assert "left out 2 files of other budgets" in caplog.text
    half = nasbench301.read(folder, nasbench301.Settings(budget=50), "darts")
    assert len(half.archs) == 2 and "cifar10/val_acc@50" in half.metrics
    with pytest.raises(
        DataError, match=r"no file has budget 98; there are 50 epochs \(2 files\), 100 epochs"
    ):
        read(folder, budget=98)


def test_the_last_of_several_measurements_counts(folder, archs):
    curve = [{"epochs": e, "val_accuracy": 50.0 + e} for e in (1, 33, 20)]
    write(folder / "re/results_0.json", result(DARTS.to_configurations(archs)[0], info=curve))
    source = read(folder)
    assert source.metrics[VAL][source.cells.index(DARTS.cell_ids(archs)[0])] == pytest.approx(0.83)
    assert "params" not in source.costs  # not stated by all


def without(content: dict, key: str) -> dict:
    return {name: value for name, value in content.items() if name != key}


WRONG = [
    (lambda c: json.dumps(c)[:-40], "no whole JSON file"),
    (lambda c: "", "no whole JSON file"),
    (lambda c: "[" * 100_000, "nested too deeply"),
    (lambda c: json.dumps(c).replace("93.0", "NaN"), "NaN is no finite number"),
    (lambda c: json.dumps(c).replace("93.0", "1e999"), r"info\[0\].val_accuracy is .*a finite number"),
    (
        lambda c: json.dumps(c).replace("93.0", "9" * 4000),
        r"val_accuracy is a huge number, expected a finite",
    ),
    (lambda c: json.dumps(c).replace("93.0", "9" * 5000), "no whole JSON file"),
    (lambda c: [c], "holds a list of 1, expected a mapping"),
    *[
        (lambda c, key=key: without(c, key), f"{key} is missing; it has ")
        for key in ("optimized_hyperparamater_config", "info", "test_accuracy", "budget", "runtime")
    ],
    (lambda c: c | {"info": []}, "info is a list of 0, expected a list of mappings"),
    (lambda c: c | {"info": [{}]}, r"info\[0\].val_accuracy is missing"),
    (lambda c: c | {"info": [{"val_accuracy": 93}] * 2}, r"info\[0\].epochs is missing"),
    (lambda c: c | {"info": {"val_accuracy": 93}}, "info is a mapping of 1, expected a list"),
    (lambda c: c | {"test_accuracy": "93"}, 'test_accuracy is "93", expected a number'),
    (lambda c: c | {"test_accuracy": True}, "test_accuracy is true"),
    (lambda c: c | {"test_accuracy": 0.93}, "test_accuracy is 0.93, expected percent .*a fraction"),
    (lambda c: c | {"test_accuracy": 930}, "test_accuracy is 930.0, expected percent, 0 to 100"),
    (lambda c: c | {"runtime": -1}, "runtime is -1.0, expected seconds"),
    (lambda c: c | {"budget": 0}, "budget is 0.0, expected a positive"),
    (
        lambda c: c | {"optimized_hyperparamater_config": {}},
        "edge_normal_0 is None; expected one of max_pool",
    ),
    (
        lambda c: c | {"optimized_hyperparamater_config": {f"{PREFIX}edge_normal_0": ["skip"]}},
        "edge_normal_0 is a list of 1, expected the name",
    ),
]


@pytest.mark.parametrize(("change", "says"), WRONG)
def test_refused(folder, archs, change, says):
    content = result(DARTS.to_configurations(archs)[0])
    write(folder / "re/results_0.json", change(content))
    with pytest.raises(DataError, match=says) as refused:
        read(folder)
    assert "re/results_0.json" in str(refused.value) and len(str(refused.value)) < 1000


@pytest.mark.parametrize(
    ("key", "value"),
    [("inputs_node_normal_4", "2_2"), ("inputs_node_reduce_3", "0_3"), ("edge_normal_0", "conv_7x7")],
)
def test_invalid_cells_are_refused(folder, archs, key, value):
    content = result(DARTS.to_configurations(archs)[0])
    content["optimized_hyperparamater_config"][PREFIX + key] = value
    write(folder / "re/results_0.json", content)
    with pytest.raises(DataError, match=rf"re/results_0.json: .*{key} is '{value}'"):
        read(folder)


def test_no_folder(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no results_<k>.json in it"):
        read(tmp_path / "empty")
    with pytest.raises(DataError, match="not a folder"):
        read(folder / "re" / "results_0.json")
    with pytest.raises(ConfigError, match="holds cells of darts"):
        nasbench301.read(folder, nasbench301.Settings(), "nasbench201")


def test_copies_do_not_fill_the_memory(folder, archs, monkeypatch):
    monkeypatch.setattr(nasbench301, "MOST_TRIALS", 3)
    for k in range(4):
        write(folder / f"z/results_{k}.json", result(DARTS.to_configurations(archs)[3]))
    with pytest.raises(DataError, match=r"results_\d\.json: more than 3 trainings of its cell"):
        read(folder)


def test_fuzz(tmp_path, archs):
    rng, file = np.random.default_rng(0), tmp_path / "results_0.json"
    content = json.dumps(result(DARTS.to_configurations(archs)[0])).encode()
    tokens = [
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b"null",
        b"-",
        b"1e999",
        b"9" * 40,
        b"true",
        b"NaN",
        b"\xff",
    ]
    refused = 0
    for _ in range(1500):
        data = bytearray(content)
        for _ in range(int(rng.integers(1, 4))):
            at, length = int(rng.integers(len(data) + 1)), int(rng.integers(1, 20))
            kind = rng.integers(4)
            if kind == 0:
                data[at : at + 1] = bytes([rng.integers(256)])
            elif kind == 1:
                del data[at : at + length]
            else:
                data[at : at + (length if kind == 2 else 0)] = tokens[rng.integers(len(tokens))]
        file.write_bytes(data)
        try:
            source = read(tmp_path)
        except DataError as error:
            refused += 1
            assert len(str(error)) < 2000
        else:
            assert np.isfinite(source.metrics[VAL]).all() and np.isfinite(source.costs[SECONDS]).all()
    assert refused > 700
