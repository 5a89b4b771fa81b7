"""The commands `search` and `search_table` on NAS-Bench-101 cells: from files to files."""

from __future__ import annotations

import argparse
import copy
import csv
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.benchmarks.queries import Benchmark
from pipeline.benchmarks.tables import BenchmarkTable, write_table
from pipeline.children.kept import Kept
from pipeline.errors import ConfigError, UserError
from pipeline.images import command as images_command
from pipeline.job import Job
from pipeline.search import collect, command
from pipeline.search.origins.table import TableOracle
from pipeline.search.settings import SearchSettings
from pipeline.spaces import nasbench101
from pipeline.storage.artifacts import get_archs, get_table, open_h5, put, put_archs, put_table, write_h5

N_CELLS, N_HELD_OUT = 200, 20
SETTINGS = {
    "benchmark": "bench",
    "space": "nasbench101",
    "strategy": "blind",
    "method": "random",
    "settings": {},
    "predictor": None,
    "budget": 30,
    "n_initial": 10,
    "n_runs": 3,
    "origin": "table",
}
RECIPE = {
    "images": "digits",
    "network": {"stem_channels": 5, "stacks": 1, "cells_per_stack": 1},
    "training": {"epochs": 1, "batch_size": 512},
}


def table_of(cells, role) -> BenchmarkTable:
    """A table whose accuracy grows with the edges of a cell; test accuracy is a tenth."""
    val = (0.5 + 0.04 * cells.adj.sum(axis=(1, 2)) + 0.001 * cells.ops[:, 1]).astype(np.float32)[:, None]
    metrics = {"digits/val_acc@1": val, "digits/test_acc@1": val / 10}
    return BenchmarkTable("bench", cells, nasbench101.cell_ids(cells), role, metrics, *metrics)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A space of 200 cells, a table that knows them all, the last 20 as held out, and images."""
    folder = tmp_path_factory.mktemp("search")
    every = nasbench101.enumerate_cells()
    cells = every[np.sort(np.random.default_rng(0).choice(len(every), N_CELLS, replace=False))]
    with write_h5(folder / "space.h5", "space", Job("space", {})) as handle:
        handle.attrs["space"] = "nasbench101"
        put_archs(handle, cells)
        put(handle, "keys", nasbench101.canonical_key(cells))
        put_table(handle, {"index": np.arange(N_CELLS)})
    role = np.array(["labelled"] * (N_CELLS - N_HELD_OUT) + ["held_out"] * N_HELD_OUT)
    write_table(folder / "table.h5", table_of(cells, role), Job("benchmarks", {}))
    few = cells[:6]
    write_table(
        folder / "few.h5", table_of(few, np.array(["labelled"] * 5 + ["held_out"])), Job("benchmarks", {})
    )
    parser = argparse.ArgumentParser()
    images_command.add_arguments(parser)
    args = parser.parse_args(["--images", "digits", "--out", str(folder / "images.h5")])
    images_command.run(
        args, Job("images", {"name": "digits", "source": "digits", "n_valid": 300, "n_test": 300})
    )
    return folder


def search(files, out, *more, table="table.h5", threads=1, **changes):
    """Run the command as the workflow does."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    settings = copy.deepcopy(SETTINGS) | changes
    paths = ["--benchmark-table", str(files / table), "--out", str(out)]
    if settings["origin"] == "children":
        paths += ["--space-file", str(files / "space.h5")]
    command.run(
        parser.parse_args(["--strategy", settings["strategy"], *paths, *more]),
        Job("search", settings, seed=3, device="cpu", threads=threads),
    )
    return out


def table_and_archs(path):
    with open_h5(path, "search") as handle:
        return get_table(handle), get_archs(handle), dict(handle.attrs)


def collected(out, *paths) -> bytes:
    parser = argparse.ArgumentParser()
    collect.add_arguments(parser)
    collect.run(
        parser.parse_args(["--searches", *map(str, paths), "--out", str(out)]), Job("search_table", {})
    )
    return out.read_bytes()


def test_the_artifact_holds_the_trajectory_and_has_the_same_bytes_twice(files, tmp_path):
    one, two = search(files, tmp_path / "one.h5"), search(files, tmp_path / "two.h5")
    assert one.read_bytes() == two.read_bytes()
    frame, archs, attrs = table_and_archs(one)
    assert list(frame)[:6] == ["run", "query", "cell", "val_acc", "test_acc", "source"]
    assert len(frame) == len(archs) == 90
    assert frame["cell"].tolist() == nasbench101.cell_ids(archs)
    known = table_of(archs, np.full(90, "labelled"))
    np.testing.assert_array_equal(frame["val_acc"], known.mean("digits/val_acc@1"))
    np.testing.assert_array_equal(frame["test_acc"], known.mean("digits/test_acc@1"))
    np.testing.assert_array_equal(frame["best_val_acc"], frame.groupby("run")["val_acc"].cummax())
    assert (attrs["benchmark"], attrs["strategy"], attrs["budget"], attrs["n_initial"]) == (
        "bench",
        "blind",
        30,
        10,
    )


def trained_here(files, tmp_path) -> list[str]:
    """Options of a benchmark whose networks are trained."""
    return ["--images", str(files / "images.h5"), "--cache", str(tmp_path / "kept")]


def test_random_search_never_gets_a_held_out_cell_while_labelled_ones_are_left(files, tmp_path):
    budget = {"budget": N_CELLS - N_HELD_OUT, "n_runs": 1}
    options = trained_here(files, tmp_path)
    out = search(files, tmp_path / "all.h5", *options, origin="children", oracle=RECIPE, **budget)
    with open_h5(files / "table.h5", "benchmark") as handle:
        roles = get_table(handle).set_index("cell")["role"]
    frame, *_ = table_and_archs(out)
    assert set(roles[frame["cell"]]) == {"labelled"}
    assert frame["cell"].nunique() == 180


@pytest.mark.parametrize("method", ["random", "regularized_evolution"])
def test_a_search_on_a_table_stays_among_its_cells_and_may_ask_for_all(files, tmp_path, method):
    out = search(files, tmp_path / "some.h5", method=method, budget=60, n_runs=2)
    with open_h5(files / "table.h5", "benchmark") as handle:
        cells = get_table(handle)["cell"].tolist()
    frame, *_ = table_and_archs(out)
    assert set(frame["cell"]) <= set(cells) and frame.groupby("run")["cell"].nunique().tolist() == [60, 60]
    if method == "random":
        every, *_ = table_and_archs(search(files, tmp_path / "all.h5", budget=N_CELLS, n_runs=1))
        assert sorted(every["cell"]) == sorted(cells)


def test_table_oracle_finds_isomorphic_cells_and_adds_up_training_time(files, tmp_path):
    cells = nasbench101.enumerate_cells()[::9999]
    known = table_of(cells, np.full(len(cells), "labelled"))
    seconds = {"digits/train_seconds@1": np.arange(len(cells), dtype=np.float64)[:, None]}
    write_table(tmp_path / "t.h5", replace(known, costs=seconds), Job("benchmarks", {}))
    oracle = TableOracle(Benchmark(tmp_path / "t.h5"))
    found = oracle.evaluate(cells[5:8])
    assert found["cell"].tolist() == nasbench101.cell_ids(cells[5:8])
    np.testing.assert_allclose(found["test_acc"], found["val_acc"] / 10, rtol=1e-6)
    assert found["train_seconds"].tolist() == [5, 6, 7]
    path = tmp_path / "t.h5"
    out = search(tmp_path, tmp_path / "s.h5", table=path.name, budget=12, n_initial=4, n_runs=2)
    frame, *_ = table_and_archs(out)
    row = {cell: n for n, cell in enumerate(nasbench101.cell_ids(cells))}
    for _, run in frame.groupby("run"):
        assert run["train_seconds"].tolist() == np.cumsum([row[cell] for cell in run["cell"]]).tolist()


def test_bad_requests_are_refused(files, tmp_path):
    out = tmp_path / "no.h5"
    with pytest.raises(ConfigError, match=r"search\.budget: 201 is more than the 200 cells"):
        search(files, out, budget=201)
    with pytest.raises(ConfigError, match=r"search\.n_initial: 10 cells, but .* 5 labelled"):
        options = trained_here(files, tmp_path)
        search(files, out, *options, table="few.h5", origin="children", oracle=RECIPE)
    with pytest.raises(UserError, match="expected NAME=FILE, got 'arch2vec'"):
        search(files, out, "--latents", "arch2vec")
    with pytest.raises(UserError, match="give --space-file, --images and --cache"):
        search(files, out, origin="children", oracle=RECIPE)
    with pytest.raises(UserError, match="give --surrogates val_acc=FILE"):
        search(files, out, origin="surrogate")


def test_a_budget_below_its_first_cells_is_refused():
    with pytest.raises(ValidationError, match="budget: 5 is less than n_initial"):
        SearchSettings(budget=5, n_initial=6)
    assert SearchSettings(budget=6, n_initial=6).n_runs >= 1


def test_unknown_cells_are_trained_once_and_kept(files, tmp_path):
    trained = trained_here(files, tmp_path)
    few = {"table": "few.h5", "origin": "children", "oracle": RECIPE}
    few |= {"n_initial": 4, "n_runs": 1, "budget": 7}
    one = search(files, tmp_path / "one.h5", *trained, **few)
    kept = sorted((tmp_path / "kept").rglob("*.h5"))
    frame, *_ = table_and_archs(one)
    assert frame["source"].tolist() == ["known"] * 5 + ["trained"] * 2
    assert sorted(path.stem for path in kept) == sorted(frame["cell"][5:])
    assert frame["val_acc"][5:].between(0, 1).all() and frame["test_acc"][5:].between(0, 1).all()
    before = [path.stat().st_mtime_ns for path in kept]
    two = search(files, tmp_path / "two.h5", *trained, **few)
    assert one.read_bytes() == two.read_bytes()
    assert [path.stat().st_mtime_ns for path in kept] == before


def test_networks_of_one_request_are_trained_side_by_side_to_the_same_bytes(files, tmp_path, monkeypatch):
    lanes = []
    plain = Kept.get_all

    def watched(self, archs, side_by_side=1):
        lanes.append((len(archs), side_by_side))
        return plain(self, archs, side_by_side)

    monkeypatch.setattr(Kept, "get_all", watched)
    few = {"table": "few.h5", "origin": "children", "oracle": RECIPE}
    few |= {"n_initial": 4, "n_runs": 1, "budget": 8}
    images = ["--images", str(files / "images.h5")]
    alone = search(files, tmp_path / "1.h5", *images, "--cache", str(tmp_path / "alone"), **few)
    cache = ["--cache", str(tmp_path / "together"), "--side-by-side", "2"]
    together = search(files, tmp_path / "2.h5", *images, *cache, **few)
    assert lanes == [(3, 1), (3, 2)]
    assert alone.read_bytes() == together.read_bytes()
    for one in (tmp_path / "alone").rglob("*.h5"):
        other = tmp_path / "together" / one.relative_to(tmp_path / "alone")
        assert one.read_bytes() == other.read_bytes()
    with pytest.raises(UserError, match="--side-by-side: expected at least 1, got 0"):
        search(files, tmp_path / "0.h5", *images, *cache[:2], "--side-by-side", "0", **few)


def test_predictor_evolution_runs_with_a_real_predictor(files, tmp_path, monkeypatch):
    gates = {
        "layers": 1,
        "hidden": 8,
        "operation_dim": 4,
        "information_dim": 4,
        "information_hidden": 4,
        "epochs": 2,
    }
    predictor = {"predictor": "small", "method": "gates", "settings": gates}
    settings = {
        "predictor": "small",
        "rounds": 2,
        "generations": 0,
        "population": N_CELLS,
    }  # stays in the table
    out = search(
        files,
        tmp_path / "p.h5",
        strategy="guided",
        method="predictor_evolution",
        settings=settings,
        predictor=predictor,
    )
    frame, *_ = table_and_archs(out)
    blind, *_ = table_and_archs(search(files, tmp_path / "blind.h5"))
    assert frame["query"].tolist() == blind["query"].tolist()
    start = frame["query"] <= 10
    assert frame["cell"][start].tolist() == blind["cell"][start].tolist()
    assert frame["cell"][~start].tolist() != blind["cell"][~start].tolist()


def test_the_table_of_searches_has_means_and_deviations_over_runs(files, tmp_path):
    blind = search(files, tmp_path / "blind.h5")
    single = search(files, tmp_path / "single.h5", strategy="alone", n_runs=1)
    text = collected(tmp_path / "a.csv", blind, single)
    assert text == collected(tmp_path / "b.csv", single, blind)
    rows = list(csv.DictReader(text.decode().splitlines()))
    assert [(row["strategy"], int(row["queries"])) for row in rows] == [
        (name, queries) for name in ("alone", "blind") for queries in range(1, 31)
    ]
    frame, *_ = table_and_archs(blind)
    last = frame[frame["query"] == 30]
    row = rows[-1]
    assert row["val_acc_mean"] == f"{last['best_val_acc'].mean():.6f}"
    assert row["val_acc_std"] == f"{last['best_val_acc'].std(ddof=1):.6f}"
    assert row["test_acc_mean"] == f"{last['best_test_acc'].mean():.6f}"
    assert (row["benchmark"], row["n_runs"], row["repeats_mean"]) == ("bench", "3", "0.000000")
    assert rows[0]["val_acc_std"] == ""  # of one run


@pytest.mark.parametrize("sampling", ["random", "params"])
def test_the_table_says_what_was_found_beyond_the_first_cells(files, tmp_path, sampling):
    out = search(files, tmp_path / "s.h5", budget=N_CELLS, n_initial=150, n_runs=2, sampling=sampling)
    frame, *_ = table_and_archs(out)
    rows = list(csv.DictReader(collected(tmp_path / "t.csv", out).decode().splitlines()))
    assert {rows[q][f"found_{name}_mean"] for q in (0, 149) for name in ("acc", "rank")} == {""}
    found = frame[frame["query"] > 150].groupby("run")["val_acc"].max()
    assert rows[-1]["found_acc_mean"] == f"{found.mean():.6f}"
    every = frame[frame["run"] == 0]["val_acc"]  # the whole table
    ranks = [((every > best).sum() + 1) / N_CELLS for best in found]
    assert float(rows[-1]["found_rank_mean"]) == pytest.approx(np.mean(ranks), abs=1e-6)
