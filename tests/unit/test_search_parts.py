"""Searches in parts, what is queried, and regret: from files to files on cells of NAS-Bench-101."""

from __future__ import annotations

import csv
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.benchmarks.tables import write_table
from pipeline.errors import ConfigError, UserError
from pipeline.job import Job
from pipeline.search import parts, random
from pipeline.search.collect import _to_optimum
from pipeline.search.kept import KeptParts
from pipeline.search.loop import Trajectory
from tests.unit.test_search_command import collected, files, search, table_and_archs, table_of  # noqa: F401


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A table of 60 cells whose best test accuracy is another cell's than the best validation accuracy."""
    from dataclasses import replace

    from pipeline.spaces import nasbench101

    folder = tmp_path_factory.mktemp("parts")
    cells = nasbench101.sample(60, np.random.default_rng(1))
    table = table_of(cells, np.full(60, "labelled"))
    val = np.linspace(0.5, 0.9, 60, dtype=np.float32)[:, None]
    metrics = {"digits/val_acc@1": val, "digits/test_acc@1": val[::-1].copy()}
    write_table(folder / "table.h5", replace(table, metrics=metrics), Job("benchmarks", {}))
    return folder


def test_runs_are_shared_out_by_their_number_and_not_by_threads():
    many = SimpleNamespace(RUNS_AT_ONCE=4)
    assert parts.shares(10, "table", many) == [range(0, 4), range(4, 8), range(8, 10)]
    assert parts.shares(6, "surrogate", SimpleNamespace()) == [range(0, 5), range(5, 6)]
    assert parts.shares(10, "children", many) == [range(0, 10)], "no network is trained in two places"


def test_threads_change_no_byte(small, tmp_path, monkeypatch):
    monkeypatch.setattr(random, "RUNS_AT_ONCE", 2, raising=False)
    out = {
        threads: search(small, tmp_path / f"{threads}.h5", n_runs=3, threads=threads) for threads in (1, 2)
    }
    assert out[1].read_bytes() == out[2].read_bytes()
    frame, *_ = table_and_archs(out[1])
    assert frame["run"].tolist() == np.repeat(range(3), 30).tolist()
    assert len({tuple(run["cell"][:10]) for _, run in frame.groupby("run")}) == 3


def test_what_was_stopped_goes_on_with_the_parts_that_are_missing(small, tmp_path, monkeypatch):
    monkeypatch.setattr(random, "RUNS_AT_ONCE", 1, raising=False)
    whole, out, asked = search(small, tmp_path / "whole.h5", n_runs=4), tmp_path / "out.h5", []
    compute = parts._part

    def stopped(args, job, settings, runs):
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(runs.start)
        return compute(args, job, settings, runs)

    monkeypatch.setattr(parts, "_part", stopped)
    with pytest.raises(KeyboardInterrupt):
        search(small, out, n_runs=3)  # then with one more: no run depends on how many there are
    first, _ = sorted(tmp_path.glob("out.h5.parts/*/runs_*.h5"))
    first.write_bytes(first.read_bytes()[:-100])  # damaged: computed again
    monkeypatch.setattr(parts, "_part", lambda *given: asked.append(given[-1].start) or compute(*given))
    assert search(small, out, n_runs=4).read_bytes() == whole.read_bytes()
    assert asked == [0, 1, 0, 2, 3]
    assert not list(tmp_path.glob("*.parts")), "nothing is kept that the artifact holds"


def test_parts_of_another_search_are_not_used(small, tmp_path):
    job = Job("search", {"n_runs": 3, "budget": 20}, seed=1, code="a")
    changed = (
        (Job("search", job.settings | {"budget": 21}, seed=1, code="a"), "cpu"),
        (Job("search", job.settings, seed=2, code="a"), "cpu"),
        (Job("search", job.settings, seed=1, code="b"), "cpu"),
        (job, "cuda"),
    )
    made = [
        KeptParts(tmp_path / "a.h5", *how) for how in ((job, [small / "table.h5"], "cpu"), (job, [], "cpu"))
    ]
    made += [KeptParts(tmp_path / "a.h5", other, [], device) for other, device in changed]
    assert len({kept.folder for kept in made}) == len(made)
    more = Job("search", job.settings | {"n_runs": 9}, seed=1, code="a", threads=8)
    assert KeptParts(tmp_path / "a.h5", more, [], "cpu").folder == made[1].folder


def test_test_accuracy_is_queried_on_request_and_chooses_the_cell(small, tmp_path):
    by_test, *_ = table_and_archs(search(small, tmp_path / "t.h5", metric="test"))
    by_val, _, attrs = table_and_archs(search(small, tmp_path / "v.h5"))
    assert by_test["cell"].tolist() == by_val["cell"].tolist()  # of random search
    np.testing.assert_array_equal(by_test["best_test_acc"], by_test.groupby("run")["test_acc"].cummax())
    np.testing.assert_array_equal(by_val["best_val_acc"], by_val.groupby("run")["val_acc"].cummax())
    np.testing.assert_allclose(by_test["regret"], 0.9 - by_test["best_test_acc"], atol=1e-7)
    np.testing.assert_allclose(by_test["best_val_acc"], 1.4 - by_test["best_test_acc"], atol=1e-6)
    assert (attrs["queried"], attrs["metric"]) == ("val_acc", "digits/val_acc@1")


def test_the_table_has_the_metric_the_regret_and_the_way_to_the_optimum(small, tmp_path):
    whole = search(small, tmp_path / "w.h5", metric="test", budget=60, n_runs=4)
    frame, *_ = table_and_archs(whole)
    first = frame[frame["regret"] <= 0].groupby("run")["query"].min().to_numpy()
    rows = list(csv.DictReader(collected(tmp_path / "a.csv", whole).decode().splitlines()))
    assert {row["metric"] for row in rows} == {"digits/test_acc@1"}
    for i, row in enumerate(rows):
        assert float(row["optimum_reached"]) == np.mean(first <= i + 1)
        assert row["queries_to_optimum_median"] == (
            f"{np.median(first):.6f}" if np.median(first) <= i + 1 else ""
        )
        at = frame[frame["query"] == i + 1]["regret"]
        assert row["regret_mean"] == f"{at.mean():.6f}"
    assert float(rows[-1]["regret_mean"]) == 0 and rows[-1]["optimum_reached"] == "1.000000"


def test_an_optimum_that_few_runs_found_has_no_median():
    regret = np.array([[0.2, 0.0, 0.0], [0.1, 0.1, 0.0], [0.3, 0.3, 0.1], [0.3, 0.2, 0.1]])
    reached, median = _to_optimum(regret)
    assert reached.tolist() == [0, 0.25, 0.5]
    assert np.isnan(median).all(), "half of the runs did not find it, so the median lies beyond the budget"
    reached, median = _to_optimum(regret[:3])
    np.testing.assert_array_equal(median, [np.nan, np.nan, 3])
    assert np.isnan(_to_optimum(np.full((2, 3), np.nan))).all()


def test_a_table_without_test_accuracies_cannot_be_queried_for_them(small, tmp_path):
    from dataclasses import replace

    from pipeline.spaces import nasbench101

    bare = replace(
        table_of(nasbench101.sample(60, np.random.default_rng(1)), np.full(60, "labelled")), test_metric=None
    )
    write_table(tmp_path / "bare.h5", bare, Job("benchmarks", {}))
    with pytest.raises(UserError, match="search.metric: the table of bench has no test accuracy to query"):
        search(tmp_path, tmp_path / "no.h5", table="bare.h5", metric="test")


def test_joined_parts_number_their_runs_and_count_each_cell_once():
    from tests.unit import toy_space as toy

    archs = toy.cells()[:4]
    columns = {"cell": np.array(list("abca"), object), "source": np.array(["known"] * 4, object)}
    part = Trajectory(columns | {"run": np.array([0, 0, 1, 1])}, archs)
    both = Trajectory.join([part, part])
    assert both.columns["run"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert both.sources == {"known": 3} and len(both.archs) == 8


def test_a_file_without_test_metric_is_refused_before_anything_runs(tmp_path):
    from pathlib import Path

    from pipeline.config.model import load_config

    path = Path(__file__).parents[2] / "configs/search_nasbench201.yaml"
    with pytest.raises(ConfigError, match="search.metric: .* benchmarks.cifar10_test.test_metric is null"):
        load_config(path, ["search={metric: test}"])
