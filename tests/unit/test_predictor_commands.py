"""The commands `predictors` and `predictors_table`."""

from __future__ import annotations

import math
from argparse import Namespace
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.benchmarks.tables import BenchmarkTable, load_table, write_table
from pipeline.errors import UserError
from pipeline.evaluation.measures import all_measures
from pipeline.job import Job
from pipeline.predictors import collect, command
from pipeline.storage.artifacts import get_table, open_h5
from pipeline.storage.sidecars import read_run_record
from tests.unit.predictor_cells import SMALL, made_up_accuracies, some_cells

TABLE = Job("predictors_table", {"above": None, "ks": {"digits101": [5]}})


@pytest.fixture
def table_file(tmp_path):
    """A benchmark of 60 labelled and 20 held-out cells."""
    cells = some_cells(80)
    truth = made_up_accuracies(cells)
    role = np.array(["held_out"] * 20 + ["labelled"] * 60)
    val = np.stack([truth, truth + 0.001], axis=1).astype(np.float32)
    metrics = {"digits/val_acc@2": val, "digits/test_acc@2": val - 0.01}
    names = [f"cell{i}" for i in range(80)]
    table = BenchmarkTable(
        name="digits101",
        archs=cells,
        cells=names,
        role=role,
        metrics=metrics,
        val_metric="digits/val_acc@2",
        test_metric="digits/test_acc@2",
    )
    write_table(tmp_path / "table.h5", table, Job("benchmarks", {}))
    return tmp_path / "table.h5"


def predict(table_file, out, n_train=30, labels="val", protocol=None, isomorphic=0, **changes) -> None:
    settings = {
        "benchmark": "digits101",
        "space": "nasbench101",
        "predictor": "mine",
        "method": "gates",
        "settings": {**SMALL, "epochs": 3, **changes},
        "evaluation": {
            "n_subsets": 2,
            "n_seeds": 2,
            "labels": labels,
            "protocol": protocol or {},
            "isomorphic": isomorphic,
        },
        "n_train": n_train,
    }
    job = Job("predictors", settings, seed=3, device="cpu")
    args = Namespace(
        benchmark_table=table_file, predictor="mine", n_train=n_train, latents=[], zeroshot=None, out=out
    )
    command.run(args, job)


def test_command_writes_one_row_a_run_and_held_out_cell(table_file, tmp_path):
    predict(table_file, tmp_path / "a.h5")
    predict(table_file, tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    with open_h5(tmp_path / "a.h5", "predictions") as handle:
        frame, subsets = get_table(handle), handle["subsets"][()]
    assert frame.groupby("run").size().tolist() == [20] * 4
    assert frame["subset"].unique().tolist() == [0, 1]
    assert subsets.shape == (4, 30) and subsets.min() >= 20  # rows of the table: none of the held-out ones
    truth = made_up_accuracies(some_cells(20)) + 0.0005
    np.testing.assert_allclose(frame["truth"][:20], truth, atol=1e-6)
    assert frame["cell"][20:40].tolist() == [f"cell{i}" for i in range(20)]
    assert read_run_record(tmp_path / "a.h5")["fit_seconds"] > 0


def test_a_protocol_says_which_rows_and_seeds(table_file, tmp_path):
    """Rows 0 to 19 of the table are held out, which a protocol by index does not care about."""
    predict(table_file, tmp_path / "a.h5", 20, protocol={"pool": 25, "test": "rest", "seeds": [21]})
    with open_h5(tmp_path / "a.h5", "predictions") as handle:
        frame, subsets = get_table(handle), handle["subsets"][()]
    assert subsets.shape == (2, 20) and subsets.max() < 25
    assert frame["cell"][:55].tolist() == [f"cell{i}" for i in range(25, 80)]
    predict(table_file, tmp_path / "b.h5", 20, protocol={"pool": "all", "test": "all"})
    with open_h5(tmp_path / "b.h5", "predictions") as handle:
        assert get_table(handle).groupby("run").size().tolist() == [80] * 4


def test_predictor_table_has_mean_and_deviation_of_every_measure(table_file, tmp_path):
    files = [tmp_path / "n60.h5", tmp_path / "n30.h5"]
    for path, n_train in zip(files, (60, 30), strict=True):
        predict(table_file, path, n_train)
    collect.run(Namespace(predictions=files, out=tmp_path / "predictors.csv"), TABLE)
    table = pd.read_csv(tmp_path / "predictors.csv")
    assert table["n_train"].tolist() == [30, 60] and table["n_runs"].tolist() == [4, 4]
    with open_h5(files[1]) as handle:
        runs = [
            all_measures(part["truth"], part["score"], [5], False)
            for _, part in get_table(handle).groupby("run")
        ]
    for name in runs[0]:
        values = np.array([run[name] for run in runs])
        assert table[f"{name}_mean"][0] == pytest.approx(values.mean(), abs=1e-6, nan_ok=True)
        assert table[f"{name}_std"][0] == pytest.approx(values.std(ddof=1), abs=1e-6, nan_ok=True)
    assert table[["mse_mean", "rmse_mean", "r2_mean"]].isna().all(axis=None)  # GATES only ranks, by default
    assert table["kendall_tau_mean"].notna().all() and not any("above" in name for name in table)
    assert table["labels"].tolist() == ["digits/val_acc@2"] * 2


def test_a_table_has_the_ks_of_each_benchmark_and_of_no_other(table_file, tmp_path):
    predict(table_file, tmp_path / "a.h5")
    args, ks = Namespace(predictions=[tmp_path / "a.h5"], out=tmp_path / "t.csv"), {"digits101": [2, 7]}
    collect.run(args, Job("predictors_table", {"above": None, "ks": ks | {"another": [3]}}))
    columns = pd.read_csv(tmp_path / "t.csv").columns
    assert [c for c in columns if c.startswith("n_at_") and c.endswith("mean")] == [
        "n_at_2_mean",
        "n_at_7_mean",
    ]
    with pytest.raises(UserError, match="a.h5: predictions on digits101, which the configuration does not"):
        collect.run(args, Job("predictors_table", {"above": None, "ks": {"another": [3]}}))


def test_predictor_table_above_an_accuracy(table_file, tmp_path):
    predict(table_file, tmp_path / "mse.h5", loss="mse", epochs=30)
    predict(table_file, tmp_path / "ranks.h5")
    files = [tmp_path / "mse.h5", tmp_path / "ranks.h5"]
    job = Job("predictors_table", {"above": 0.815, "ks": {"digits101": [5]}})
    collect.run(Namespace(predictions=files, out=tmp_path / "predictors.csv"), job)
    table = pd.read_csv(tmp_path / "predictors.csv")
    with open_h5(files[0]) as handle:
        frame = get_table(handle)
    high = frame[frame["truth"] > 0.815]
    per_run = [math.sqrt(((p["truth"] - p["score"]) ** 2).mean()) for _, p in high.groupby("run")]
    assert table["rmse_above_mean"][0] == pytest.approx(np.mean(per_run), abs=1e-6)
    correlations = [np.corrcoef(p["truth"], p["score"])[0, 1] for _, p in high.groupby("run")]
    assert table["pearson_above_std"][0] == pytest.approx(np.std(correlations, ddof=1), abs=1e-6)
    assert table["n_above"].tolist() == [len(high) // 4] * 2 and 0 < len(high) < len(frame)
    assert table["rmse_mean"].notna().tolist() == table["rmse_above_mean"].notna().tolist() == [True, False]
    assert table["pearson_above_mean"].notna().all()


def test_costs_stand_beside_tau_in_a_table_of_their_own(table_file, tmp_path):
    predict(table_file, tmp_path / "n30.h5")
    predict(table_file, tmp_path / "n20.h5", n_train=20)
    run = read_run_record(tmp_path / "n30.h5")
    (tmp_path / "n20.h5.run.json").unlink()
    files, out = [tmp_path / "n30.h5", tmp_path / "n20.h5"], tmp_path / "predictors.csv"
    args = Namespace(predictions=files, costs=tmp_path / "cost.csv", out=out)
    collect.run(args, TABLE)
    forgotten, known = pd.read_csv(tmp_path / "cost.csv").to_dict("records")
    assert known["fit_seconds"] == pytest.approx(run["fit_seconds"] / 4, abs=1e-4) and known["n_runs"] == 4
    assert known["space_seconds"] == pytest.approx(run["score_seconds"] / 4 / 20 * 423_624, abs=0.1)
    assert known["device"] == "cpu" and known["threads"] == 1 and known["n_scored"] == 20
    assert known["kendall_tau_mean"] == pytest.approx(pd.read_csv(out)["kendall_tau_mean"][1], abs=1e-3)
    assert math.isnan(forgotten["fit_seconds"]) and math.isnan(forgotten["space_seconds"])
    assert not any("seconds" in name for name in pd.read_csv(out))


def test_measures_on_isomorphic_cells_are_columns_where_they_were_taken(table_file, tmp_path):
    predict(table_file, tmp_path / "taken.h5", isomorphic=4)
    predict(table_file, tmp_path / "again.h5", isomorphic=4)
    predict(table_file, tmp_path / "left.h5", n_train=20)
    assert (tmp_path / "taken.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()
    with open_h5(tmp_path / "taken.h5") as handle:
        taus = handle["isomorphic/isomorphic_kendall_tau"][()]
    files = [tmp_path / "taken.h5", tmp_path / "left.h5"]
    collect.run(Namespace(predictions=files, out=tmp_path / "predictors.csv"), TABLE)
    left, taken = pd.read_csv(tmp_path / "predictors.csv").to_dict("records")
    assert taus.shape == (4,) and taken["isomorphic_kendall_tau_mean"] == pytest.approx(taus.mean(), abs=1e-6)
    assert taken["isomorphic_std_mean"] < 1e-5 and math.isnan(left["isomorphic_kendall_tau_mean"])
    collect.run(Namespace(predictions=files[1:], out=tmp_path / "one.csv"), TABLE)
    assert not [name for name in pd.read_csv(tmp_path / "one.csv") if "isomorphic" in name]


def test_test_accuracies_are_learned_where_they_are_asked_for(table_file, tmp_path):
    predict(table_file, tmp_path / "test.h5", labels="test")
    with open_h5(tmp_path / "test.h5") as handle:
        frame, labels = get_table(handle), handle.attrs["labels"]
    truth = made_up_accuracies(some_cells(20)) + 0.0005 - 0.01
    np.testing.assert_allclose(frame["truth"][:20], truth, atol=1e-6)
    assert labels == "digits/test_acc@2"
    table = replace(load_table(table_file), test_metric=None)
    write_table(tmp_path / "untested.h5", table, Job("benchmarks", {}))
    with pytest.raises(
        UserError, match="labels: the table of digits101 has no test accuracy .* take labels: val"
    ):
        predict(tmp_path / "untested.h5", tmp_path / "x.h5", labels="test")


def test_command_refuses_what_it_cannot_do_in_one_line(table_file, tmp_path):
    with pytest.raises(UserError, match="61 training cells, but digits101 has labels of 60") as error:
        predict(table_file, tmp_path / "x.h5", n_train=61)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="not finite numbers; lower its lr"):
        predict(table_file, tmp_path / "x.h5", lr=10.0, epochs=60, loss="mse", layers=20)
    assert not (tmp_path / "x.h5").exists()
