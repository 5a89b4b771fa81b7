"""Cells without labels on their way to predictors: from a table, from a search's domain; recipes."""

from __future__ import annotations

from argparse import Namespace
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.benchmarks.tables import BenchmarkTable, write_table
from pipeline.config.model import check
from pipeline.job import Job
from pipeline.predictors import command, replicates
from pipeline.predictors.replicates import fit_replicates, uses_unlabelled
from pipeline.search import retraining
from pipeline.search.domain import Domain
from pipeline.spaces import darts, nasbench101
from pipeline.staleness.recipes import recipe
from pipeline.storage.artifacts import get_table, open_h5
from tests.unit.predictor_cells import made_up_accuracies, some_cells

SMALL = {
    "matrix": "one_hot",
    "normalisation": "centred",
    "channels": [4, 8],
    "latent": 8,
    "hidden": 8,
    "batch_size": 32,
    "pretrain_epochs": 2,
    "epochs": 2,
    "sigma": 0.03,
}


def scores(folder, held_out_labels: float) -> np.ndarray:
    """What the command predicts of 20 held-out cells whose labels are these."""
    cells = some_cells(80)
    truth = made_up_accuracies(cells).astype(np.float32)[:, None]
    truth[:20] = held_out_labels + 0.001 * np.arange(20)[:, None]
    table = BenchmarkTable(
        name="digits101",
        archs=cells,
        cells=[f"cell{i}" for i in range(80)],
        role=np.array(["held_out"] * 20 + ["labelled"] * 60),
        metrics={"digits/val_acc@2": truth},
        val_metric="digits/val_acc@2",
        test_metric=None,
    )
    path, out = folder / f"{held_out_labels}.h5", folder / f"{held_out_labels}-out.h5"
    write_table(path, table, Job("benchmarks", {}))
    evaluation = {"n_subsets": 1, "n_seeds": 1, "labels": "val", "protocol": {}}
    settings = {"benchmark": "digits101", "space": "nasbench101", "n_train": 30, "evaluation": evaluation}
    settings |= {"predictor": "mine", "method": "ssa", "settings": SMALL}
    args = {"benchmark_table": path, "predictor": "mine", "n_train": 30, "latents": [], "zeroshot": None}
    command.run(Namespace(**args, out=out), Job("predictors", settings, seed=3, device="cpu"))
    with open_h5(out, "predictions") as handle:
        assert handle.attrs["regresses_accuracy"]
        return get_table(handle)["score"].to_numpy()


def test_the_command_gives_all_cells_of_the_table_but_no_label_of_the_held_out_ones(tmp_path, monkeypatch):
    given = []

    def fit(*arguments, unlabelled):
        given.append(unlabelled)
        return fit_replicates(*arguments, unlabelled=unlabelled)

    monkeypatch.setattr(replicates, "fit_replicates", fit)
    np.testing.assert_array_equal(scores(tmp_path, 0.1), scores(tmp_path, 0.9))
    np.testing.assert_array_equal(given[0].adj, some_cells(80).adj)


def test_other_predictors_are_given_labelled_cells_alone(monkeypatch):
    seen = []

    class Predictor:
        def __init__(self, *arguments):
            pass

        def fit(self, archs, scores, unlabelled=None):
            seen.append(unlabelled)
            return self

    module = SimpleNamespace(Predictor=Predictor)
    monkeypatch.setattr(replicates, "load", lambda method: module)
    cells = some_cells(20)
    arguments = ("mine", None, None, cells, made_up_accuracies(cells), np.arange(10)[None], [1])
    fit_replicates(*arguments, unlabelled=cells)
    module.USES_UNLABELLED = True
    fit_replicates(*arguments, unlabelled=cells)
    assert seen == [None, cells]


def test_a_search_gives_the_cells_that_it_may_ask_for():
    cells = some_cells(50)
    domain = Domain(nasbench101, cells, restricted=True)
    assert retraining.unlabelled(SimpleNamespace(space=domain)) is cells
    context = SimpleNamespace(space=domain, latents={}, zeroshot=None, device="cpu")
    context.predictor = {"method": "ssa", "settings": {**SMALL, "n_unlabelled": None, "graph": "space"}}
    some = cells[:20]
    (fitted,) = retraining.fit(context, some, made_up_accuracies(some), np.arange(20)[None], [1])
    np.testing.assert_array_equal(fitted.context.keys, np.sort(nasbench101.cell_key(cells)))
    context = SimpleNamespace(space=Domain(darts, None), generators=lambda *_: [np.random.default_rng(1)])
    drawn = retraining.unlabelled(context)
    assert len(np.unique(darts.cell_key(drawn))) == len(drawn) == retraining.UNLABELLED


@pytest.fixture
def config():
    def of(**settings):
        predictors = {"ssa": {"method": "ssa", **settings}, "gates": {"method": "gates"}}
        benchmark = {
            "space": "nasbench101",
            "source": "files",
            "files": [{"reader": "nasbench101", "file": "nasbench_only108.tfrecord"}],
            "val_metric": "cifar10/val_acc@108",
        }
        return check({"benchmarks": {"nasbench101": benchmark}, "predictors": predictors})

    return of


def test_a_recipe_has_the_code_of_what_is_listed(config):
    wildcards = {"benchmark": "nasbench101", "n_train": 30}
    table, space = (
        recipe("predictors", config(unlabelled=of), predictor="ssa", **wildcards) for of in ("table", "space")
    )
    listing = "pipeline.spaces.nasbench101.enumeration"
    assert listing not in table["entries"] and listing in space["entries"]
    assert table["code"] != space["code"]
    for name in ("table", "space"):
        gates = recipe("predictors", config(unlabelled=name), predictor="gates", **wildcards)
        assert listing not in gates["entries"]
    assert uses_unlabelled("ssa") and not uses_unlabelled("gates")
