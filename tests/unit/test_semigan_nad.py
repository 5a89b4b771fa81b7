"""The strategy NACG and the analysis of generated cells, on tables of NAS-Bench cells."""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
import pytest

from pipeline.benchmarks.tables import BenchmarkTable, write_table
from pipeline.config.model import check
from pipeline.errors import ConfigError, UserError
from pipeline.job import Job
from pipeline.search import semigan_nad
from pipeline.search.context import Context
from pipeline.search.domain import Domain
from pipeline.search.loop import spend
from pipeline.semigan import command
from pipeline.semigan.analysis import above, contents, mean_shares, places
from pipeline.spaces import nasbench101, nasbench201
from pipeline.staleness.recipes import recipe

CELLS = nasbench201.sample(600, np.random.default_rng(0))
DOMAIN = Domain(nasbench201, CELLS, restricted=True)
N_INITIAL, BUDGET, K = 24, 40, 5
SMALL = {"hidden": 8, "epochs": 6, "more_epochs": 2, "n_unlabelled": 60, "n_generated": 300, "k": K}


class Oracle:
    """The share of 3x3 convolutions; `failing` cells have no accuracy."""

    optimum = 1.0

    def __init__(self, failing: float = 0.0):
        self.failing = failing

    def evaluate(self, archs):
        y = (archs.ops == nasbench201.NOR_CONV_3X3).mean(axis=1) + 1e-4 * archs.ops[:, 0]
        y[nasbench201.cell_key(archs) % 100 < 100 * self.failing] = np.nan
        nothing = np.full(len(archs), np.nan)
        cells = np.array(nasbench201.cell_ids(archs), dtype=object)
        source = np.full(len(archs), "known", dtype=object)
        return {"cell": cells, "val_acc": y, "test_acc": y, "source": source, "train_seconds": nothing}


def search(oracle=None, n_runs=2, **changes):
    context = Context(DOMAIN, [], [5 + run for run in range(n_runs)], BUDGET)
    strategy = semigan_nad.Strategy(semigan_nad.Settings(**SMALL | changes), context)
    first = [np.random.default_rng(run).permutation(len(CELLS))[:N_INITIAL] for run in range(n_runs)]
    initial = CELLS[np.concatenate(first)]
    return strategy, spend(strategy, oracle or Oracle(), DOMAIN, initial, n_runs, BUDGET, "nacg").columns


def test_rounds_of_k_spend_the_budget_on_new_cells_of_the_table(caplog):
    with caplog.at_level("INFO", logger="nasflow"):
        strategy, columns = search()
    assert columns["query"].tolist() == list(range(1, BUDGET + 1)) * 2
    assert not columns["repeats"].any() and not columns["invalid"].any()
    assert len(strategy.archs[0]) == 1 + 4  # the first cells, then 5, 5, 5 and 1
    assert "2400 generated graphs, 100.0% were cells" in caplog.text
    np.testing.assert_array_equal(columns["cell"], search()[1]["cell"])


def test_what_is_not_generated_comes_from_unlabelled_cells_and_then_from_the_table():
    for n_unlabelled in (60, 2):
        columns = search(n_generated=1, n_unlabelled=n_unlabelled)[1]
        assert len(columns["query"]) == 2 * BUDGET and not columns["repeats"].any()


def test_failed_networks_are_not_learned_from_and_all_failing_is_an_error():
    strategy, columns = search(Oracle(failing=0.3))
    archs, scores = strategy._labelled(0)
    failed = np.isnan(columns["val_acc"][:BUDGET]).sum()
    assert failed > 0 and not np.isnan(scores).any() and len(archs) < BUDGET
    with pytest.raises(UserError, match="raise search.n_initial"):
        search(Oracle(failing=1.0))


def test_shares_of_cells_are_counted_by_hand():
    assert above(np.array([0.9, 0.94, np.nan, 0.95]), [0.93], "test") == {
        ("accuracy", "test", "> 0.93"): 2 / 3
    }
    two = nasbench201.from_official(
        [
            "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
            "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|",
        ]
    )
    found = places(two)
    assert found["operation", "0-1", "nor_conv_3x3"] == 1.0
    assert found["operation", "0-3", "skip_connect"] == found["operation", "1-3", "nor_conv_3x3"] == 0.5
    assert contents(two)["contains", "skip_connect", ""] == 0.5
    mean, deviation = mean_shares([{("a", "", ""): 1.0}, {("a", "", ""): 0.0}])
    assert (mean["a", "", ""], round(deviation["a", "", ""], 4)) == (0.5, 0.7071)


def test_shortest_paths_and_edges_of_nasbench101():
    cells = nasbench101.sample(200, np.random.default_rng(3))
    found, parts = contents(cells), places(cells)
    assert found["shortest path", "1", ""] == pytest.approx(cells.adj[:, 0, -1].mean())
    assert parts["edge", "0-6", ""] == found["shortest path", "1", ""]
    assert sum(found["shortest path", str(length), ""] for length in range(1, 7)) == pytest.approx(1)


def settings(n_runs: int = 2) -> dict:
    made = {"n_train": 20, "n_runs": n_runs, "n_generated": 200, "above": [0.5], "top": 10}
    return {
        "benchmark": "bench",
        "space": "nasbench201",
        "strategy": "nacg",
        "settings": semigan_nad.Settings(**SMALL).model_dump(),
        "origin": "table",
        "metric": "val",
        "generation": made,
    }


def test_the_command_writes_one_row_a_share_with_the_same_bytes_twice(tmp_path):
    y = Oracle().evaluate(CELLS)["val_acc"].astype(np.float32)[:, None]
    role, name = np.full(len(CELLS), "labelled"), "cifar10/val_acc@1"
    table = BenchmarkTable("bench", CELLS, nasbench201.cell_ids(CELLS), role, {name: y}, name, None)
    write_table(tmp_path / "table.h5", table, Job("ingest", {}))
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    for out in ("one.csv", "two.csv"):
        args = ["--strategy", "nacg", "--benchmark-table", str(tmp_path / "table.h5")]
        args = parser.parse_args([*args, "--out", str(tmp_path / out)])
        command.run(args, Job("semigan", settings(), seed=1, device="cpu"))
    with pytest.raises(ConfigError, match="generation.n_train: 700 is more than the 600 cells"):
        many = settings() | {"generation": settings()["generation"] | {"n_train": 700}}
        command.run(args, Job("semigan", many, seed=1, device="cpu"))
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    rows = pd.read_csv(tmp_path / "one.csv").set_index(["part", "name"])
    assert rows.loc[("valid", "as generated"), "generated_mean"].item() == 1
    assert set(rows["n_train"]) == {20}
    share = float((y > 0.5).mean())
    assert 0 <= rows.loc[("accuracy", "validation (different cells)"), "generated_mean"].item() <= 1
    assert rows.loc[("accuracy", "validation"), "benchmark"].item() == pytest.approx(share, abs=1e-6)
    assert np.isnan(rows.loc[("accuracy", "test"), "generated_mean"].item())
    best = CELLS[np.argsort(-y[:, 0], kind="stable")[:10]]
    of_edge = rows.loc[("operation", "0-1")].set_index("detail")["benchmark"]
    assert of_edge["nor_conv_3x3"] == pytest.approx((best.ops[:, 0] == nasbench201.NOR_CONV_3X3).mean())


def test_only_what_can_be_analysed_has_a_recipe():
    raw = {
        "benchmarks": {
            "bench": {
                "space": "nasbench201",
                "source": "files",
                "files": [{"reader": "nats_bench", "file": "NATS-tss-v1_0-3ffb9-simple"}],
                "val_metric": "cifar10-valid/val_acc@200",
                "test_metric": "cifar10/test_acc@200",
            }
        },
        "strategies": {"nacg": {"method": "semigan_nad", "k": 7}, "random": {"method": "random"}},
        "search": {"budget": 60, "n_initial": 50},
        "generation": {"n_generated": 100},
    }
    found = recipe("semigan", check(raw), benchmark="bench", strategy="nacg")
    assert found["settings"]["settings"]["k"] == 7 and found["settings"]["generation"]["n_generated"] == 100
    assert "budget" not in found["settings"]
    here = raw | {"generation": {"n_generated": 50, "by_benchmark": {"bench": {"n_generated": 100}}}}
    assert recipe("semigan", check(here), benchmark="bench", strategy="nacg") == found
    with pytest.raises(ConfigError, match="generation.by_benchmark: there is no 'bensh'"):
        check(raw | {"generation": {"by_benchmark": {"bensh": {"top": 3}}}})
    changed = raw | {"search": {"budget": 80, "n_initial": 50}}
    assert recipe("semigan", check(changed), benchmark="bench", strategy="nacg") == found
    for config, strategy in ((raw, "random"), (raw | {"generation": None}, "nacg")):
        with pytest.raises(ConfigError, match="is not analysed"):
            recipe("semigan", check(config), benchmark="bench", strategy=strategy)
