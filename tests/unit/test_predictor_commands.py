"""The commands `predictors` and `predictors_table`."""

from __future__ import annotations

from argparse import Namespace

import numpy as np
import pandas as pd
import pytest

from pipeline.artifacts import get_table, open_h5, read_run_record
from pipeline.benchmarks.tables import BenchmarkTable, write_table
from pipeline.errors import UserError
from pipeline.evaluation.measures import all_measures
from pipeline.job import Job
from pipeline.predictors import collect, command
from tests.unit.predictor_cells import SMALL, made_up_accuracies, some_cells


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


def predict(table_file, out, n_train=30, **changes) -> None:
    settings = {
        "benchmark": "digits101",
        "space": "nasbench101",
        "predictor": "mine",
        "method": "gates",
        "settings": {**SMALL, "epochs": 3, **changes},
        "evaluation": {"n_subsets": 2, "n_seeds": 2, "ks": [5]},
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


def test_predictor_table_has_mean_and_deviation_of_every_measure(table_file, tmp_path):
    files = [tmp_path / "n60.h5", tmp_path / "n30.h5"]
    for path, n_train in zip(files, (60, 30), strict=True):
        predict(table_file, path, n_train)
    collect.run(Namespace(predictions=files, out=tmp_path / "predictors.csv"), Job("predictors_table", {}))
    table = pd.read_csv(tmp_path / "predictors.csv")
    assert table["n_train"].tolist() == [30, 60] and table["n_runs"].tolist() == [4, 4]
    with open_h5(files[1]) as handle:
        runs = [
            all_measures(part["truth"], part["score"], [5]) for _, part in get_table(handle).groupby("run")
        ]
    for name in runs[0]:
        values = np.array([run[name] for run in runs])
        assert table[f"{name}_mean"][0] == pytest.approx(values.mean(), abs=1e-6)
        assert table[f"{name}_std"][0] == pytest.approx(values.std(ddof=1), abs=1e-6)


def test_command_refuses_what_it_cannot_do_in_one_line(table_file, tmp_path):
    with pytest.raises(UserError, match="61 training cells, but digits101 has labels of 60") as error:
        predict(table_file, tmp_path / "x.h5", n_train=61)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="not finite numbers; lower its lr"):
        predict(table_file, tmp_path / "x.h5", lr=10.0, epochs=60, loss="mse", layers=20)
    assert not (tmp_path / "x.h5").exists()
