"""GATES on spaces with operations on edges: NAS-Bench-201 and DARTS."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.errors import ConfigError
from pipeline.evaluation.measures import kendall_tau
from pipeline.predictors import gates
from pipeline.predictors.encoders.gates_edges import GatesEdges
from pipeline.predictors.replicates import fit_replicates
from pipeline.predictors.resources import Resources
from pipeline.spaces import darts, nasbench201
from pipeline.spaces.archs import Archs

SMALL = {"hidden": 24, "operation_dim": 12, "information_dim": 12, "information_hidden": 16, "mlp": [32]}
SPACES = {
    "nasbench201": (nasbench201, {"layers": 5, "readout": "output"}),
    "darts": (darts, {"layers": 4, "readout": "mean"}),
}


@pytest.fixture(autouse=True)
def one_deterministic_thread():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


@pytest.fixture(params=SPACES)
def case(request):
    """A space, 400 of its architectures, made-up accuracies, and small settings for it."""
    space, shape = SPACES[request.param]
    archs = space.sample(400, np.random.default_rng(0))
    settings = gates.Settings(**{**SMALL, **shape, "epochs": 40, "batch_size": 32, "lr": 3e-3})
    return SimpleNamespace(space=space, archs=archs, truth=made_up(archs), settings=settings)


def made_up(archs: Archs) -> np.ndarray:
    """The more of one convolution the better, in DARTS that of the normal cell twice as much."""
    if archs.space == "nasbench201":
        return 0.5 + 0.05 * (archs.ops == nasbench201.NOR_CONV_3X3).sum(axis=1)
    return 0.5 + 0.02 * (archs.ops == darts.SEP_CONV_3X3).sum(axis=2) @ [2, 1]


def renamed(space, archs: Archs, a: int, b: int) -> tuple[np.ndarray, Archs]:
    """Swap nodes a < b in every cell: (rows where no edge turns round, those architectures swapped)."""
    swap = {a: b, b: a}
    order = {edge: k for k, edge in enumerate(space.EDGES)}
    ops = np.full_like(archs.ops, space.NONE)
    possible = np.ones(len(archs), bool)
    for k, (source, target) in enumerate(space.EDGES):
        moved = order.get((swap.get(source, source), swap.get(target, target)))
        if moved is None:
            possible &= (archs.ops[..., k] == space.NONE).reshape(len(archs), -1).all(axis=1)
        else:
            ops[..., moved] = archs.ops[..., k]
    return np.flatnonzero(possible), Archs(archs.space, ops)[possible]


def equation_6(network, space, settings, cell: np.ndarray) -> np.ndarray:
    """All nodes' information after the last layer (N_NODES, h), of one cell, with nothing left out."""
    numpy = {name: p[0].detach().numpy() for name, p in network.named_parameters()}
    inner = [n for n in range(space.N_NODES) if n not in space.INPUT_NODES]
    x = np.zeros((space.N_NODES, settings.information_hidden))
    x[list(space.INPUT_NODES)] = numpy["information"] @ numpy["enter"]
    without = settings.layers - len(network.w_o)  # layers whose gates cannot reach what is read
    for k in range(settings.layers):
        s = x @ numpy[f"w_x.{k}"]
        x = np.zeros_like(s)
        x[list(space.INPUT_NODES)] = s[list(space.INPUT_NODES)]
        for code, (source, target) in zip(cell, space.EDGES, strict=True):
            if code != space.NONE and target in inner:
                w_o, b_o = np.full((settings.operation_dim, s.shape[1]), 9.0), 0  # as good as any
                if k >= without:
                    w_o, b_o = numpy[f"w_o.{k - without}"], numpy[f"b_o.{k - without}"][0]
                x[target] += s[source] / (1 + np.exp(-(numpy["operation"][code - 1] @ w_o + b_o)))
        if k < settings.layers - 1:
            x = np.maximum(x, 0)
    return x


def test_a_layer_is_equation_6(case):
    space, settings = case.space, case.settings
    network = GatesEdges(settings, space, [torch.Generator().manual_seed(1)])
    for b_o in network.b_o:
        b_o.data.normal_(generator=torch.Generator().manual_seed(2))
    embedded = network.embed(torch.as_tensor(case.archs.ops[None, :20]))[0].detach().numpy()
    inner = [n for n in range(space.N_NODES) if n not in space.INPUT_NODES]
    for ops, z in zip(case.archs.ops[:20].reshape(20, space.N_CELLS, -1), embedded, strict=True):
        nodes = [equation_6(network, space, settings, cell) for cell in ops]
        read = [x[inner].mean(axis=0) if settings.readout == "mean" else x[-1] for x in nodes]
        np.testing.assert_allclose(z, np.concatenate(read), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("readout", ["mean", "output"])
def test_two_layers_are_equation_6_cut_short(readout):
    """Fewer layers than the cell is deep: what starts at zero has not arrived everywhere."""
    settings = gates.Settings(**{**SMALL, "layers": 2, "readout": readout})
    network = GatesEdges(settings, nasbench201, [torch.Generator().manual_seed(1)])
    archs = nasbench201.sample(30, np.random.default_rng(1))
    embedded = network.embed(torch.as_tensor(archs.ops[None]))[0].detach().numpy()
    for cell, z in zip(archs.ops, embedded, strict=True):
        x = equation_6(network, nasbench201, settings, cell)
        expected = x[1:].mean(axis=0) if readout == "mean" else x[-1]
        np.testing.assert_allclose(z, expected, rtol=1e-4, atol=1e-5)


def test_renamed_nodes_do_not_matter(case):
    archs = case.space.sample(3000, np.random.default_rng(3))
    predictor = gates.Predictor(case.settings, seed=1).fit(case.archs[:80], case.truth[:80])
    score = predictor.predict(archs)
    for a, b in [(1, 2)] if case.space is nasbench201 else [(2, 3), (3, 4), (4, 5)]:
        rows, other = renamed(case.space, archs, a, b)
        changed = (other.ops != archs[rows].ops).reshape(len(rows), -1).any(axis=1)
        assert changed.sum() > 50 and case.space.validate(other).all()
        np.testing.assert_allclose(predictor.predict(other), score[rows], atol=2e-5)


def test_what_no_input_reaches_carries_nothing():
    shape = {**SMALL, "layers": 5, "readout": "output", "lr": 3e-3}
    train = nasbench201.sample(80, np.random.default_rng(0))
    predictor = gates.Predictor(gates.Settings(**shape), seed=1).fit(train, made_up(train))
    cells = nasbench201.sample(500, np.random.default_rng(1))
    into, leaving = nasbench201.EDGES.index((0, 1)), [nasbench201.EDGES.index(e) for e in ((1, 2), (1, 3))]
    lonely, cut = cells.ops.copy(), cells.ops.copy()
    lonely[:, into] = cut[:, into] = nasbench201.NONE
    cut[:, leaving] = nasbench201.NONE
    score = predictor.predict(Archs("nasbench201", lonely))
    np.testing.assert_allclose(predictor.predict(Archs("nasbench201", cut)), score, atol=1e-6)
    assert np.ptp(score) > 0.1
    cut[:, [k for k, (_, target) in enumerate(nasbench201.EDGES) if target == 3]] = nasbench201.NONE
    assert np.ptp(predictor.predict(Archs("nasbench201", cut))) == 0  # nothing arrives at all


def test_normal_and_reduction_cell_are_told_apart():
    archs = darts.sample(300, np.random.default_rng(0))
    settings = gates.Settings(**{**SMALL, "layers": 4, "epochs": 100})
    predictor = gates.Predictor(settings, seed=1).fit(archs[:100], made_up(archs)[:100])
    swapped = Archs("darts", archs.ops[:, ::-1].copy())
    for cells in (archs[100:], swapped[100:]):
        assert kendall_tau(made_up(cells), predictor.predict(cells)) > 0.8
    difference = predictor.predict(archs) - predictor.predict(swapped)
    assert kendall_tau(made_up(archs) - made_up(swapped), difference) > 0.7


def test_a_simple_rule_is_learned():
    cells = nasbench201.sample(2000, np.random.default_rng(5))
    settings = gates.Settings(**{**SMALL, "layers": 5, "readout": "output", "epochs": 100})
    predictor = gates.Predictor(settings, seed=0).fit(cells[:200], reachable_convolutions(cells[:200]))
    assert kendall_tau(reachable_convolutions(cells[200:]), predictor.predict(cells[200:])) > 0.8


def reachable_convolutions(cells: Archs) -> np.ndarray:
    """How many 3x3 convolutions lie on ways from input to output."""
    there = cells.ops != nasbench201.NONE
    edge = {e: k for k, e in enumerate(nasbench201.EDGES)}
    fed = {0: np.ones(len(cells), bool), 1: there[:, edge[0, 1]]}
    fed[2] = there[:, edge[0, 2]] | (fed[1] & there[:, edge[1, 2]])
    read = {3: fed[0], 2: there[:, edge[2, 3]]}
    read[1] = there[:, edge[1, 3]] | (read[2] & there[:, edge[1, 2]])
    return sum(
        (cells.ops[:, k] == nasbench201.NOR_CONV_3X3) & fed[source] & read[target]
        for (source, target), k in edge.items()
    ).astype(float)


def test_every_parameter_is_trained(case):
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    network = GatesEdges(case.settings, case.space, generators)
    ops = torch.as_tensor(np.stack([case.archs.ops[:50], case.archs.ops[50:100]]))
    network(ops).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad.abs().flatten(1).amax(dim=1) > 0).all(), name


def test_batched_replicates_are_those_trained_one_by_one(case):
    subsets = np.stack([np.random.default_rng(i).permutation(200)[:50] for i in range(3)])
    seeds, test = [5, 6, 5], case.archs[200:]
    together = fit_replicates("gates", case.settings, Resources(), case.archs, case.truth, subsets, seeds)
    scores = [p.predict(test) for p in together]
    for rows, seed, score in zip(subsets, seeds, scores, strict=True):
        alone = gates.Predictor(case.settings, seed=seed).fit(case.archs[rows], case.truth[rows])
        np.testing.assert_allclose(alone.predict(test), score, atol=2e-4)
    assert np.abs(scores[0] - scores[1]).max() > 0.05 < np.abs(scores[0] - scores[2]).max()


def test_same_call_gives_the_same_bytes(case):
    fitted = [gates.Predictor(case.settings, seed=s).fit(case.archs[:50], case.truth[:50]) for s in (4, 4, 5)]
    first, again, other = (p.predict(case.archs).tobytes() for p in fitted)
    assert first == again != other


def test_a_cell_with_several_outputs_has_no_output_node():
    archs = darts.sample(10, np.random.default_rng(0))
    with pytest.raises(ConfigError, match="gates: a cell of darts joins several nodes.*set readout: mean"):
        gates.Predictor(gates.Settings(readout="output")).fit(archs, np.arange(10.0))


@pytest.mark.real_data
def test_gates_ranks_nasbench201(data_dir):
    """200 labels: .80 seen here; more sizes in `perf/predictors.py`."""
    frame = pd.read_csv(data_dir / "nasbench201_15625.csv.gz")
    archs, accuracy = nasbench201.from_official(list(frame.arch_str)), frame.cifar10_val_acc_200.to_numpy()
    rows = np.random.default_rng(0).permutation(7813)[:200]
    settings = gates.Settings(readout="output", mlp=[300] * 5)
    predictor = gates.Predictor(settings, seed=0).fit(archs[rows], accuracy[rows])
    assert kendall_tau(accuracy[7813:], predictor.predict(archs[7813:])) > 0.76
