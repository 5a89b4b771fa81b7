"""The command `rank`: every cell of a space in the order of a predictor."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.__main__ import main
from pipeline.benchmarks.tables import BenchmarkTable, write_table
from pipeline.config.model import check
from pipeline.evaluation.protocols import training_runs
from pipeline.job import Job
from pipeline.predictors.rank import standardised
from pipeline.predictors.replicates import fit_replicates, load
from pipeline.predictors.resources import Resources
from pipeline.spaces import nasbench101
from pipeline.spaces.nasbench101.isomorphs import isomorphs
from pipeline.staleness.recipes import recipe
from pipeline.storage.artifacts import put, put_archs, read_provenance, write_h5
from tests.unit.predictor_cells import made_up_accuracies, some_cells
from tests.unit.test_predictor_bad_input import METRIC, RAW

CELLS = some_cells(200)
N_TABLE = 80  # the table's cells are the last of the space's


@pytest.fixture
def files(tmp_path):
    """A configuration, a table, and a space of 200 cells; the table spells its cells otherwise."""
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(RAW))
    forms, rows = isomorphs(CELLS[-N_TABLE:])
    last = np.append(np.flatnonzero(np.diff(rows)), len(rows) - 1)  # the last spelling of each cell
    role = np.array(["held_out"] * 20 + ["labelled"] * 60)
    labels = made_up_accuracies(CELLS[-N_TABLE:]).astype(np.float32)
    labels[3] = np.nan
    names = [f"c{i}" for i in range(N_TABLE)]
    table = BenchmarkTable("tiny", forms[last], names, role, {METRIC: labels[:, None]}, METRIC, None)
    write_table(tmp_path / "table.h5", table, Job("ingest", {}))
    with write_h5(tmp_path / "space.h5", "space", Job("space", {})) as handle:
        put_archs(handle, CELLS)
        put(handle, "keys", nasbench101.cell_key(CELLS))
    return tmp_path, table


def rank(folder, out="r.csv", predictor="gates", n_train=30, *more) -> pd.DataFrame:
    argv = ["--configfile", folder / "c.yaml", "--benchmark-table", folder / "table.h5", "--n-train", n_train]
    argv += ["--space-file", folder / "space.h5", "--predictor", predictor, "--out", folder / out, *more]
    assert main(["rank", *map(str, argv)]) == 0
    return pd.read_csv(folder / out, keep_default_na=False, na_values={"val_acc": "", "test_acc": ""})


def test_cells_are_in_the_order_of_the_mean_of_all_seeds(files):
    folder, table = files
    raw = {**RAW, "evaluation": {**RAW["evaluation"], "n_seeds": 3}}
    (folder / "c.yaml").write_text(yaml.safe_dump(raw))
    found = rank(folder)
    settings = load("gates").Settings(
        **{k: v for k, v in RAW["predictors"]["gates"].items() if k != "method"}
    )
    trained = np.array([int(name[1:]) for name in trained_on(found)])
    subsets, _, seeds = training_runs(60, 30, 1, 3, 0, "tiny")
    labels = table.mean(METRIC)
    fitted = fit_replicates("gates", settings, Resources(), table.archs[20:], labels[20:], subsets, seeds)
    scores = standardised(np.stack([predictor.predict(CELLS) for predictor in fitted])).mean(axis=0)
    assert sorted(trained - 120) == sorted(20 + subsets[0])
    order = [int(name[1:]) for name in cells_of(found)]
    np.testing.assert_allclose(found["score"], scores[order], atol=1e-4)
    assert found["rank"].tolist() == list(range(1, 201)) and (np.diff(found["score"]) <= 0).all()
    assert sorted(order) == list(range(200))


def cells_of(found: pd.DataFrame) -> list[str]:
    """Return `s<row in the space>` of each cell, by its id."""
    row = {name: f"s{i}" for i, name in enumerate(nasbench101.cell_ids(CELLS))}
    return [row[name] for name in found["cell"]]


def trained_on(found: pd.DataFrame) -> list[str]:
    return cells_of(found[found["trained_on"]])


def test_what_the_table_knows_stands_beside_each_cell(files):
    folder, table = files
    found = rank(folder)
    rows = np.array([int(name[1:]) for name in cells_of(found)])
    labels = np.append(np.full(120, np.nan), table.mean(METRIC))
    np.testing.assert_allclose(found["val_acc"], labels[rows], atol=1e-5)
    role = np.append(np.full(120, ""), table.role)
    assert found["role"].tolist() == role[rows].tolist()
    assert found["test_acc"].isna().all() and found["trained_on"].sum() == 30
    assert set(found["role"][found["trained_on"]]) == {"labelled"}


def test_scores_that_are_accuracies_stay_accuracies_and_only_the_best_may_be_written(files):
    folder, table = files
    raw = {**RAW, "predictors": {"trees": {"method": "xgboost", "targets": "accuracy", "n_estimators": 50}}}
    (folder / "c.yaml").write_text(yaml.safe_dump(raw))
    whole, best = rank(folder, "a.csv", "trees", 60), rank(folder, "b.csv", "trees", 60, "--top", 7)
    labels = table.mean(METRIC)
    assert np.nanmin(labels) - 0.01 < whole["score"].min() and whole["score"].max() < np.nanmax(labels) + 0.01
    pd.testing.assert_frame_equal(whole[:7], best)


def test_rankings_are_reproducible_and_say_what_made_them(files):
    folder, _ = files
    rank(folder, "a.csv")
    rank(folder, "b.csv")
    assert (folder / "a.csv").read_bytes() == (folder / "b.csv").read_bytes()
    made = read_provenance(folder / "a.csv")
    assert made["stage"] == "rank" and {p.rsplit("/")[-1] for p in made["inputs"]} == {"table.h5", "space.h5"}
    w = {"benchmark": "tiny", "predictor": "gates", "n_train": 30}
    assert made["settings"] == recipe("rank", check(RAW), **w)["settings"]
    more = {**RAW, "evaluation": {**RAW["evaluation"], "n_subsets": 9, "ks": [3], "isomorphic": 4}}
    assert recipe("rank", check(more), **w) == recipe("rank", check(RAW), **w)
