"""The configurations of the semi-supervised assessor's experiments, and the numbers of its paper."""

from __future__ import annotations

import csv
from pathlib import Path

import yaml

from pipeline.config.model import check, merge
from pipeline.staleness.recipes import recipe

ROOT = Path(__file__).resolve().parents[2]


def merged(*names: str):
    raw: dict = {}
    for name in names:
        merge(raw, yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text()))
    return check(raw, names[-1])


def test_tables_1_2_and_4():
    config = merged("papers/ssa")
    of = {"benchmark": "nasbench101", "n_train": 1000}
    ssa = recipe("predictors", config, predictor="ssa", **of)["settings"]
    assert ssa["settings"]["sigma"] == 0.01 and ssa["settings"]["tau"] == 1e-5
    assert (ssa["settings"]["reconstruction"], ssa["settings"]["epochs"]) == (0.5, 200)
    plain = recipe("predictors", config, predictor="ssa_no_autoencoder", **of)["settings"]
    assert plain["settings"] == {**ssa["settings"], "autoencoder": False}
    small = recipe("predictors", config, predictor="ssa", benchmark="nasbench201", n_train=78)["settings"]
    assert small["settings"] == {**ssa["settings"], "epochs": 1000}
    found = recipe("search", config, benchmark="nasbench101", strategy="ssa")["settings"]
    assert found["predictor"]["method"] == "ssa" and found["budget"] - found["n_initial"] == 10
    best = recipe("search", config, benchmark="nasbench101", strategy="ssa_one_hot_logistic")["settings"]
    assert best["predictor"]["settings"]["loss"] == "pairwise_bce"
    same = {**best["settings"], "predictor": "ssa"}  # beside the paper's, so under the same evolution
    assert same == found["settings"]


def test_figure_5_varies_one_setting_at_a_time():
    config = merged("papers/ssa", "papers/ssa_figure5")
    assert list(config.benchmarks) == ["nasbench101"] and not config.strategies
    default = dict(config.predictors["ssa"])
    varied = {"sigma": set(), "reconstruction": set(), "n_unlabelled": set()}
    for name, settings in config.predictors.items():
        for key in [key for key, value in settings.items() if value != default[key]]:
            varied[key].add(name)
    assert [len(names) for names in varied.values()] == [3, 3, 3]
    assert len(config.predictors) == 10


def test_table_3_in_full_and_in_small():
    config = merged("cifar100", "papers/ssa_cifar100")
    assert list(config.strategies) == ["random", "ssa", "ssa_one_hot", "peephole", "e2epp"]
    small = merged("cifar100", "papers/ssa_cifar100", "papers/ssa_cifar100_small")
    assert small.benchmarks["cifar1001"].children.n_cells == 60
    assert small.predictors["ssa"]["unlabelled"] == "space"
    assert list(small.strategies) == ["random", "ssa", "ssa_one_hot"]


def test_table_3_with_networks_that_the_benchmarks_authors_trained():
    config = merged("papers/ssa", "ssa_nasbench201_cifar100")
    assert list(config.benchmarks) == ["nasbench201"]
    found = recipe("search", config, benchmark="nasbench201", strategy="ssa")["settings"]
    assert (found["metric"], found["n_initial"], found["budget"]) == ("test", 78, 88)
    assert found["predictor"]["settings"]["epochs"] == 1000  # 78 labels are one step an epoch
    table = config.benchmarks["nasbench201"]
    assert table.test_metric == "cifar100/test_acc@200"
    columns = yaml.safe_load((ROOT / "configs/papers/ssa.yaml").read_text())["benchmarks"]["nasbench201"]
    assert all(table.test_metric in file["metrics"] for file in columns["files"] if file["reader"] == "csv")


def test_the_paper_s_numbers_name_what_is_configured():
    config = merged("papers/ssa")
    with open(ROOT / "pipeline" / "papers" / "numbers" / "ssa.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["table"] for row in rows} == {"1", "2", "3", "4"}
    of = {(row["table"], row["name"], row["n"], row["measure"]): float(row["paper"]) for row in rows}
    assert of["1", "ssa", "1000", "kendall_tau"] == 0.6541 and of["2", "ssa", "1010", "found_acc"] == 0.9401
    for row in rows:
        named = config.predictors if row["kind"] == "predictor" else config.strategies
        assert row["name"] in named
