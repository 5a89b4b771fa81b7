"""Encoders that predictors choose from: every one on every space that it is for."""

from __future__ import annotations

import gzip
import itertools
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.encodings.renas_tensor import renas_tensor
from pipeline.encodings.sequence import length, sequence, vocabulary
from pipeline.errors import ConfigError
from pipeline.evaluation.measures import kendall_tau
from pipeline.predictors.replicates import fit_replicates, load, regresses_accuracy
from pipeline.spaces import darts, nasbench101, nasbench201
from pipeline.spaces.archs import Archs
from tests.unit.predictor_cells import made_up_accuracies, some_cells

SMALL = {
    "mlp": {"layers": [64, 64], "one_hot": True},
    "lstm": {"token_dim": 16, "hidden": 32},
    "gcn": {"layers": 3, "hidden": 32, "operation_dim": 16},
    "gcn_global": {"layers": 3, "hidden": 32, "operation_dim": 16},
    "line_gcn": {"layers": 3, "hidden": 32, "operation_dim": 16},
    "renas": {"channels": [8, 16], "dense": [32]},
    "peephole": {"feature_dim": 8, "hidden": 32, "loss": "pairwise_hinge"},
    "gates_large": {"layers": 4, "hidden": 24, "information_hidden": 24},
}
TRAINING = {"epochs": 40, "batch_size": 40, "lr": 3e-3}
SPACES = {"nasbench101": nasbench101, "nasbench201": nasbench201, "darts": darts}
FOR = {  # encoder -> spaces whose cells it takes
    "mlp": tuple(SPACES),
    "lstm": tuple(SPACES),
    "gcn": ("nasbench101", "darts"),
    "gcn_global": ("nasbench101",),
    "line_gcn": ("nasbench201", "darts"),
    "renas": ("nasbench101", "nasbench201"),
    "peephole": ("nasbench101", "nasbench201"),
    "gates_large": tuple(SPACES),
}
CASES = [(method, space) for method, names in FOR.items() for space in names]


@pytest.fixture(autouse=True)
def one_deterministic_thread():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


@cache
def cells_of(name: str) -> tuple[Archs, np.ndarray]:
    """300 cells and made-up accuracies: the more of one convolution the better."""
    if name == "nasbench101":
        cells = some_cells(300)
        return cells, made_up_accuracies(cells)
    archs = SPACES[name].sample(300, np.random.default_rng(0))
    wanted = {"nasbench201": nasbench201.NOR_CONV_3X3, "darts": darts.SEP_CONV_3X3}[name]
    return archs, 0.5 + 0.05 * (archs.ops == wanted).reshape(300, -1).sum(axis=1)


@pytest.fixture(params=CASES, ids="-".join)
def case(request):
    method, name = request.param
    archs, truth = cells_of(name)
    settings = load(method).Settings(**SMALL[method], **TRAINING)
    return SimpleNamespace(method=method, archs=archs, truth=truth, settings=settings)


def fitted(case, seeds, subsets):
    """Return trained predictors, one a seed."""
    return fit_replicates(case.method, case.settings, None, case.archs, case.truth, subsets, seeds)


def test_a_toy_ranking_is_learned(case):
    rows = np.random.default_rng(0).permutation(200)[None, :100]
    score = fitted(case, [5], rows)[0].predict(case.archs[200:])
    assert score.shape == (100,) and score.dtype == np.float32
    assert kendall_tau(case.truth[200:], score) > 0.35


def test_a_replicate_is_the_same_alone(case):
    """After a few steps; rounding grows with every one."""
    case.settings = case.settings.model_copy(update={"epochs": 3})
    subsets = np.stack([np.random.default_rng(i).permutation(200)[:100] for i in range(2)])
    scores = [p.predict(case.archs[200:]) for p in fitted(case, [5, 6], subsets)]
    alone = fitted(case, [6], subsets[1:])[0].predict(case.archs[200:])
    np.testing.assert_allclose(alone, scores[1], rtol=5e-3, atol=5e-3 * scores[1].std())
    assert np.abs(scores[0] - scores[1]).max() > 0.1 * scores[1].std()


def test_scores_are_accuracies_with_mse_alone(case):
    assert not regresses_accuracy(case.method, case.settings)
    assert regresses_accuracy(case.method, case.settings.model_copy(update={"loss": "mse"}))


def test_same_call_gives_the_same_bytes(case):
    case.settings = case.settings.model_copy(update={"epochs": 3})
    rows = np.arange(40)[None]
    first, again, other = (fitted(case, [s], rows)[0].predict(case.archs) for s in (4, 4, 5))
    assert first.tobytes() == again.tobytes() != other.tobytes()
    assert fitted(case, [4], rows)[0].predict(case.archs[:0]).shape == (0,)


def test_every_parameter_is_trained_in_every_replicate(case):
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    predictor = load(case.method).Predictor
    network = predictor.encoder(case.settings, SPACES[case.archs.space], generators)
    views = predictor.views(case.settings, case.archs[:80], None)
    views = [torch.as_tensor(v.reshape(2, 40, *v.shape[1:])) for v in views]
    network.calibrate(*views)
    network(*views).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad.abs().flatten(1).amax(dim=1) > 0).all(), name


@pytest.mark.parametrize("method", ["gcn", "gcn_global"])
def test_graph_convolutions_give_isomorphic_cells_equal_scores(method):
    cells, truth = cells_of("nasbench101")
    settings = load(method).Settings(**SMALL[method], epochs=20)
    predictor = load(method).Predictor(settings, seed=1).fit(cells[:60], truth[:60])
    score = predictor.predict(cells)
    for inner in itertools.islice(itertools.permutations(range(1, 6)), 1, 120, 31):
        order = np.array([0, *inner, 6])
        moved = Archs(cells.space, cells.ops[:, order], cells.adj[:, order[:, None], order])
        np.testing.assert_allclose(predictor.predict(moved), score, atol=2e-5)


def test_line_graph_tells_the_edges_that_follow():
    from pipeline.predictors.encoders.gcn_edges import LineGcn

    settings = load("line_gcn").Settings(**SMALL["line_gcn"])
    network = LineGcn(settings, nasbench201, [torch.Generator().manual_seed(0)])
    told = network.told.numpy().astype(int)
    edge = {pair: k for k, pair in enumerate(nasbench201.EDGES)}
    assert told[edge[1, 2]].nonzero()[0].tolist() == [edge[0, 1]]
    assert told[edge[2, 3]].nonzero()[0].tolist() == [edge[0, 2], edge[1, 2]]
    none, skip = nasbench201.NONE, nasbench201.SKIP_CONNECT
    ops = torch.full((1, 1, 6), skip)
    ops[0, 0, edge[0, 1]] = none
    parts = network.embed(ops)[0, 0].view(6, -1)
    assert (parts[edge[0, 1]] == 0).all()
    assert torch.equal(parts[edge[1, 2]], parts[edge[0, 2]])  # both are told nothing


@pytest.mark.parametrize(
    ("method", "space", "message"),
    [
        ("gcn", "nasbench201", "gcn: operations of nasbench201 are on edges.*use the method line_gcn"),
        ("gcn_global", "darts", "gcn_global: operations of darts are on edges"),
        ("line_gcn", "nasbench101", "line_gcn: operations of nasbench101 are on nodes.*use the method gcn"),
        ("renas", "darts", "the tensor of ReNAS is one of nasbench101 and nasbench201, not of darts"),
    ],
)
def test_a_space_that_an_encoder_is_not_for_is_refused(method, space, message):
    archs, truth = cells_of(space)
    with pytest.raises(ConfigError, match=message):
        load(method).Predictor(load(method).Settings()).fit(archs[:10], truth[:10] + np.arange(10))


@pytest.mark.parametrize("name", SPACES)
def test_sequences_say_what_a_cell_is(name):
    archs, _ = cells_of(name)
    tokens = sequence(archs)
    assert tokens.shape == (300, length(SPACES[name])) and tokens.max() < vocabulary(SPACES[name])
    different = len(np.unique(SPACES[name].cell_key(archs), axis=0))
    assert len(np.unique(tokens, axis=0)) >= different > 200


def test_tensors_hold_types_and_costs():
    cells, _ = cells_of("nasbench101")
    tensor = renas_tensor(cells)
    assert tensor.shape == (300, 19, 7, 7)
    conv = (cells.ops[:, None, :] == nasbench101.CONV3X3) & (cells.adj == 1)
    assert (tensor[:, 0][conv] == 4).all() and (tensor[:, 0][cells.adj == 0] == 0).all()
    fed = cells.adj.sum(axis=1) > 0
    params = tensor[:, 2::2].max(axis=2).sum(axis=1) * 1e5  # of each vertex, over the nine cells
    np.testing.assert_allclose(params[fed], nasbench101.op_params(cells)[fed], rtol=1e-5)
    archs, _ = cells_of("nasbench201")
    tensor = renas_tensor(archs)
    assert tensor.shape == (300, 31, 4, 4)
    total = tensor[:, 1::2].sum(axis=(1, 2, 3)) * 1e7
    np.testing.assert_allclose(total, nasbench201.op_flops(archs).sum(axis=1), rtol=1e-5)


@pytest.mark.real_data
@pytest.mark.parametrize(("method", "least"), [("gcn", 0.5), ("gcn_global", 0.5), ("lstm", 0.45)])
def test_encoders_rank_nasbench101(data_dir, method, least):
    """150 labels, a quarter of the training; more in `perf/predictors.py`."""
    with gzip.open(data_dir / "nasbench101_validation_30001.csv.gz", "rt") as handle:
        frame = pd.read_csv(handle, dtype=str, keep_default_na=False, nrows=3000)
    names = ["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]
    operations = [",".join(["input", *(names[int(code)] for code in ops), "output"]) for ops in frame["ops"]]
    sizes = frame["num_vertices"].astype(int)
    adjacency = [text.zfill(v * v) for text, v in zip(frame["adjacency"], sizes, strict=True)]
    archs, truth = nasbench101.from_official(adjacency, operations), frame["val_acc_108"].astype(float)
    predictor = load(method).Predictor(load(method).Settings(epochs=50, batch_size=64), seed=0)
    predictor.fit(archs[:150], truth[:150])
    assert kendall_tau(truth[1000:], predictor.predict(archs[1000:])) > least


@pytest.mark.real_data
@pytest.mark.parametrize(("method", "least"), [("line_gcn", 0.4), ("lstm", 0.4), ("renas", 0.4)])
def test_encoders_rank_nasbench201(data_dir, method, least):
    frame = pd.read_csv(data_dir / "nasbench201_15625.csv.gz")
    archs, truth = nasbench201.from_official(list(frame.arch_str)), frame.cifar10_val_acc_200.to_numpy()
    rows = np.random.default_rng(0).permutation(7813)[:100]
    predictor = load(method).Predictor(load(method).Settings(epochs=100), seed=0)
    predictor.fit(archs[rows], truth[rows])
    assert kendall_tau(truth[12_000:], predictor.predict(archs[12_000:])) > least
