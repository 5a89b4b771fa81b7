"""GATES, the random forest, and their replicates."""

from __future__ import annotations

import gzip
import itertools
import json

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.evaluation.measures import kendall_tau, spearman
from pipeline.evaluation.settings import EvaluationSettings
from pipeline.predictors import gates, losses, ranking
from pipeline.predictors.replicates import fit_replicates, load
from pipeline.predictors.resources import Resources
from pipeline.predictors.threads import side_by_side
from pipeline.spaces import nasbench101 as space
from pipeline.spaces.archs import Archs
from tests.unit.predictor_cells import SMALL, made_up_accuracies, some_cells


@pytest.fixture(autouse=True)
def one_deterministic_thread():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


@pytest.fixture(scope="module")
def cells() -> Archs:
    return some_cells()


@pytest.fixture(scope="module")
def truth(cells) -> np.ndarray:
    return made_up_accuracies(cells)


def small(**changes) -> gates.Settings:
    return gates.Settings(**{**SMALL, "epochs": 20, **changes})


def moved(cells: Archs, order) -> Archs:
    """The same graphs with the slots in another order; new slot i holds what was in order[i]."""
    order = np.asarray(order)
    return Archs(cells.space, cells.ops[:, order], cells.adj[:, order[:, None], order])


def test_isomorphic_cells_get_equal_scores(cells, truth):
    predictor = gates.Predictor(small(), seed=1).fit(cells[:60], truth[:60])
    score = predictor.predict(cells)
    assert np.ptp(score) > 0.1
    for inner in itertools.islice(itertools.permutations(range(1, 6)), 1, 120, 17):
        np.testing.assert_allclose(predictor.predict(moved(cells, [0, *inner, 6])), score, atol=2e-5)


@pytest.mark.parametrize("readout", ["mean", "output"])
def test_padding_does_not_matter(cells, truth, readout):
    short = cells[space.vertices(cells.ops) == 5]
    predictor = gates.Predictor(small(readout=readout), seed=1).fit(cells[:60], truth[:60])
    score = predictor.predict(short)
    np.testing.assert_allclose(predictor.predict(moved(short, [0, 4, 1, 5, 2, 3, 6])), score, atol=2e-5)
    cut = moved(short, [0, 1, 2, 3, 6])  # no padding at all
    np.testing.assert_allclose(predictor.predict(cut), score, atol=2e-5)


def test_a_layer_is_equation_4(cells):
    predictor = gates.Predictor(small(epochs=1), seed=3).fit(cells[:40], np.arange(40.0))
    net = predictor.network
    w = [
        {n: p[0].detach().numpy() for n, p in zip(["x", "b", "o", "c"], g, strict=True)}
        for g in net_layers(net)
    ]
    emb, first = net.operation[0].detach().numpy(), (net.information @ net.enter)[0, 0].detach().numpy()
    for cell in range(3):
        ops, flow = cells.ops[cell], cells.adj[cell].T + np.eye(7)  # receiver by sender, with self-loops
        x = np.where((ops == space.INPUT)[:, None], first, 0)
        for k, layer in enumerate(w):
            gate = 1 / (1 + np.exp(-(emb[ops] @ layer["o"] + layer["c"])))
            x = gate * (flow @ x @ layer["x"]) + layer["b"]
            x = np.maximum(x, 0) if k < len(w) - 1 else x
        mean = x[(ops != space.NONE) & (ops != space.INPUT)].mean(axis=0)
        one = torch.as_tensor(cells.ops[None, [cell]]), torch.as_tensor(cells.adj[None, [cell]])
        np.testing.assert_allclose(net.embed(*one)[0, 0].detach().numpy(), mean, rtol=1e-4, atol=1e-5)


def net_layers(net):
    return zip(net.w_x, net.bias, net.w_o, net.b_o, strict=True)


def test_dropout_keeps_the_mean_and_is_off_in_predict(cells, truth):
    predictor = gates.Predictor(small(dropout=0.5, epochs=5), seed=0).fit(cells[:40], truth[:40])
    same = cells[np.zeros(4000, dtype=int)]
    with torch.no_grad():
        views = torch.as_tensor(same.ops[None]), torch.as_tensor(same.adj[None])
        dropped = predictor.network(*views, generators=[torch.Generator().manual_seed(0)])[0].numpy()
    score = predictor.predict(same)
    assert np.ptp(score) < 1e-5 < dropped.std()
    assert dropped.mean() == pytest.approx(score[0], abs=4 * float(dropped.std()) / 4000**0.5)


@pytest.mark.parametrize("loss", ["pairwise_hinge", "pairwise_bce"])
def test_gates_learns_a_ranking(cells, truth, loss):
    predictor = gates.Predictor(small(epochs=100, loss=loss), seed=0).fit(cells[:100], truth[:100])
    assert spearman(truth[100:], predictor.predict(cells[100:])) > 0.75


def test_gates_regresses_with_mse(cells, truth):
    settings = small(epochs=150, loss="mse", dropout=0, lr=3e-3)
    score = gates.Predictor(settings, seed=0).fit(cells[:200], truth[:200]).predict(cells[200:])
    assert np.mean((score - truth[200:]) ** 2) < 0.5 * np.var(truth[200:])


@pytest.mark.parametrize("at_once", [2, 10_000])
def test_batched_replicates_are_those_trained_one_by_one(cells, truth, monkeypatch, at_once):
    monkeypatch.setitem(ranking.TRAINED_AT_ONCE, "cpu", at_once)
    subsets = np.stack([np.random.default_rng(i).permutation(200)[:50] for i in range(3)])
    seeds = [5, 6, 5]
    together = fit_replicates("gates", small(), Resources(), cells[:200], truth[:200], subsets, seeds)
    scores = [p.predict(cells[200:300]) for p in together]
    for rows, seed, score in zip(subsets, seeds, scores, strict=True):
        alone = gates.Predictor(small(), seed=seed).fit(cells[rows], truth[rows])
        np.testing.assert_allclose(alone.predict(cells[200:300]), score, atol=2e-4)
    assert all(np.abs(a - b).max() > 0.05 for a, b in itertools.combinations(scores, 2))


@pytest.mark.parametrize("loss", ["pairwise_hinge", "pairwise_comparator"])
def test_threads_train_side_by_side_and_change_no_byte(cells, truth, monkeypatch, loss):
    monkeypatch.setattr(ranking, "SCORED_AT_ONCE", 50)
    subsets = np.stack([np.random.default_rng(i).permutation(200)[:50] for i in range(5)])
    scores = []
    for threads in (1, 2, 3):
        arguments = Resources(threads=threads), cells[:200], truth[:200], subsets, range(5)
        fitted = fit_replicates("gates", small(epochs=5, loss=loss), *arguments)
        assert torch.get_num_threads() == 1
        scores.append(np.stack([predictor.predict(cells[200:300]) for predictor in fitted]))
    assert scores[0].tobytes() == scores[1].tobytes() == scores[2].tobytes()
    assert len(np.unique(scores[0], axis=0)) == 5


def test_work_side_by_side_keeps_its_order_and_has_one_thread():
    torch.set_num_threads(2)
    items = range(7)
    for threads in (1, 3):
        results = side_by_side(lambda item: (item, torch.get_num_threads()), items, threads)
        assert results == [(item, 1) for item in items]
        assert torch.get_num_threads() == 2
    assert side_by_side(str, [], 4) == []
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda item: 1 / item, items, 2)
    assert torch.get_num_threads() == 2


def test_same_call_gives_the_same_bytes_whatever_torch_drew_before(cells, truth):
    first = gates.Predictor(small(), seed=4).fit(cells[:50], truth[:50]).predict(cells)
    torch.manual_seed(99)
    again = gates.Predictor(small(), seed=4).fit(cells[:50], truth[:50]).predict(cells)
    other = gates.Predictor(small(), seed=5).fit(cells[:50], truth[:50]).predict(cells)
    assert first.dtype == np.float32 and first.tobytes() == again.tobytes() != other.tobytes()


def test_scores_do_not_depend_on_what_is_scored_together(cells, truth, monkeypatch):
    predictor = gates.Predictor(small(), seed=4).fit(cells[:50], truth[:50])
    whole = predictor.predict(cells)
    monkeypatch.setattr(ranking, "SCORED_AT_ONCE", 7)
    np.testing.assert_allclose(predictor.predict(cells), whole, atol=2e-5)
    assert predictor.predict(cells[:0]).shape == (0,)


def test_read_only_cells_are_scored_without_a_warning(cells, truth, recwarn):
    predictor = gates.Predictor(small(), seed=4).fit(cells[:50], truth[:50])
    frozen = Archs(cells.space, cells.ops[:9].copy(), cells.adj[:9].copy())
    frozen.ops.flags.writeable = frozen.adj.flags.writeable = False
    assert np.array_equal(predictor.predict(frozen), predictor.predict(cells[:9]))
    assert not recwarn.list


def test_pairs_of_equal_accuracy_do_not_count():
    generators = [torch.Generator().manual_seed(0)]
    score = torch.tensor([[0.0, 5.0, -3.0]], requires_grad=True)
    equal = losses.pairwise_hinge(score, torch.tensor([[0.9, 0.9, 0.9]]), gates.Settings(), generators)
    assert equal.tolist() == [0.0]
    ordered = torch.tensor([[0.2, 0.3, 0.1]])
    assert losses.pairwise_hinge(score, ordered, gates.Settings(), generators).item() == 0
    wrong = losses.pairwise_hinge(-score, ordered, gates.Settings(max_compare_ratio=900), generators)
    assert wrong.item() == pytest.approx((3.1 + 5.1 + 8.1) / 3, rel=0.05)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.9, 0.9, 0.9], "all equal"),
        ([0.9, np.nan, 0.8], "1 training labels are NaN"),
        ([0.9, np.inf, 0.8], "row 1, inf"),
        ([0.9, 0.9 + 1e-10, 0.9 + 2e-10], "all equal"),
    ],
)
def test_labels_without_a_ranking_are_refused(cells, labels, message):
    with pytest.raises(UserError, match=message):
        gates.Predictor(small()).fit(cells[:3], labels)
    with pytest.raises(UserError, match=message):
        fit_replicates("gates", small(), Resources(), cells[:3], np.array(labels), np.array([[0, 1, 2]]), [0])


def test_there_is_a_label_for_each_cell(cells):
    with pytest.raises(ValueError, match=r"scores of shape \(4,\) for 3 cells"):
        gates.Predictor(small()).fit(cells[:3], [0.1, 0.2, 0.3, 0.4])
    with pytest.raises(ValueError, match=r"scores of shape \(2,\) for 3 cells"):
        fit_replicates("gates", small(), Resources(), cells[:3], [0.1, 0.2], np.array([[0, 1]]), [0])


def test_settings_refuse_what_cannot_be():
    for method in ("gates", "random_forest"):
        with pytest.raises(ValidationError, match="n_layer"):
            load(method).Settings(latents="arch2vec", n_layer=3)
    for wrong in ({"epochs": 0}, {"loss": "hinge"}, {"dropout": 1.0}, {"mlp": [0]}):
        with pytest.raises(ValidationError):
            gates.Settings(**wrong)
    for wrong in ({"n_train": []}, {"n_train": [60, 30]}, {"ks": [0]}, {"n_seeds": 0}):
        with pytest.raises(ValidationError):
            EvaluationSettings(**wrong)


@pytest.mark.real_data
def test_gates_ranks_nasbench101(data_dir):
    """100 labels: .70 +- .03 seen here (381 labels: .779, as in GATES, table 6)."""
    with gzip.open(data_dir / "nasbench101_validation_30001.csv.gz", "rt") as handle:
        frame = pd.read_csv(handle, dtype=str, keep_default_na=False)
    names = ["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]
    operations = [",".join(["input", *(names[int(code)] for code in ops), "output"]) for ops in frame["ops"]]
    sizes = frame["num_vertices"].astype(int)
    adjacency = [text.zfill(v * v) for text, v in zip(frame["adjacency"], sizes, strict=True)]
    archs, accuracy = (
        space.from_official(adjacency, operations),
        frame["val_acc_108"].astype(float).to_numpy(),
    )
    rows = np.random.default_rng(0).permutation(27_000)[:100]
    predictor = gates.Predictor(gates.Settings(), seed=0).fit(archs[rows], accuracy[rows])
    assert kendall_tau(accuracy[27_000:], predictor.predict(archs[27_000:])) > 0.62


def test_plug_ins_are_light_to_load():
    """The configuration is checked with them, so they must not import torch or scikit-learn."""
    import subprocess
    import sys

    code = (
        "import sys, json, pipeline.predictors.gates, pipeline.predictors.random_forest, "
        "pipeline.predictors.gaussian_process, pipeline.predictors.svr, pipeline.predictors.ridge, "
        "pipeline.predictors.gradient_boosting, "
        "pipeline.predictors.command, pipeline.predictors.collect, pipeline.evaluation.settings;"
        "print(json.dumps([m for m in ('torch', 'sklearn', 'scipy', 'pandas') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
