"""ReNAS' losses, its tensors and versions, and its baselines Peephole and E2EPP."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from pipeline.encodings import layers, renas_tensor
from pipeline.errors import ConfigError
from pipeline.evaluation.measures import kendall_tau
from pipeline.predictors import e2epp, losses, peephole, renas
from pipeline.predictors.all_pairs import hinge_of_all_pairs, logistic_of_all_pairs
from pipeline.spaces import darts, nasbench101, nasbench201
from tests.unit.nasbench101_cells import cell
from tests.unit.predictor_cells import made_up_accuracies, some_cells

SMALL = {"channels": [4, 8], "dense": [16], "epochs": 30, "lr": 5e-3}


@pytest.fixture(autouse=True)
def one_deterministic_thread():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


@pytest.fixture(scope="module")
def cells():
    archs = some_cells(300)
    return archs, made_up_accuracies(archs)


def of_matrix(phi, score, truth):
    pairs = truth[:, :, None] > truth[:, None, :]
    values = phi(score[:, :, None] - score[:, None, :]) * pairs
    return values.sum((1, 2)) / pairs.sum((1, 2)).clamp(min=1)


LOSSES = {
    "hinge": (lambda s, t: hinge_of_all_pairs(s, t, 0.3), lambda gap: (0.3 - gap).clamp(min=0)),
    "logistic": (logistic_of_all_pairs, lambda gap: torch.nn.functional.softplus(-gap)),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("shape", [(3, 17, 5), (2, 700, 400), (4, 2, 2), (1, 64, 1)])
def test_all_pairs_are_those_of_the_matrix(name, shape):
    """Value and gradient, with equal accuracies among the cells; 700 cells are several blocks."""
    replicates, batch, labels = shape
    generator = torch.Generator().manual_seed(0)
    score = torch.randn(replicates, batch, generator=generator).requires_grad_()
    truth = torch.randint(labels, (replicates, batch), generator=generator) / 10
    loss, phi = LOSSES[name]
    found, expected = loss(score, truth), of_matrix(phi, score, truth)
    torch.testing.assert_close(found, expected)
    weight = torch.arange(1.0, replicates + 1)
    slopes = [torch.autograd.grad((value * weight).sum(), score)[0] for value in (found, expected)]
    torch.testing.assert_close(*slopes, atol=1e-7, rtol=1e-4)


@pytest.mark.parametrize("name", LOSSES)
def test_all_pairs_need_no_matrix(name):
    """20,000 cells have 200 million pairs, 800 MB."""
    score = torch.linspace(0, 1, 20_000)[None].requires_grad_()
    truth = torch.randperm(20_000, generator=torch.Generator().manual_seed(0))[None].float()
    if name == "logistic":  # goes through all pairs
        score, truth = score[:, :3000].detach().requires_grad_(), truth[:, :3000]
    with torch.profiler.profile(profile_memory=True) as profile:
        LOSSES[name][0](score, truth).sum().backward()
    largest = max(event.nbytes() for event in profile.profiler.kineto_results.events())
    assert 0 < largest < 5e6


def test_continuity_is_a_mean_over_triplets():
    generator = torch.Generator().manual_seed(3)
    z = torch.randn(2, 7, 4, generator=generator).requires_grad_()
    truth = torch.rand(2, 7, generator=generator)
    settings = renas.Settings(continuity=1, anchors=None, margin=0.4)
    found = losses.continuity(z, truth, settings, [generator, generator])
    for r in range(2):
        terms = []
        for i in range(7):
            others = [k for k in range(7) if k != i]
            for j, k in itertools.permutations(others, 2):
                if abs(truth[r, i] - truth[r, j]) > abs(truth[r, i] - truth[r, k]):
                    farther, nearer = (z[r, i] - z[r, j]).norm(), (z[r, i] - z[r, k]).norm()
                    terms.append(max(0.0, float((0.4 - (farther - nearer)).detach())))
        assert found[r].item() == pytest.approx(np.mean(terms), rel=1e-4)
    found.sum().backward()
    assert torch.isfinite(z.grad).all() and (z.grad.abs().sum(2) > 0).any()


def test_continuity_of_equal_embeddings_has_a_gradient_of_numbers():
    z = torch.zeros(1, 5, 3, requires_grad=True)
    settings = renas.Settings(continuity=1, anchors=2)
    loss = losses.continuity(z, torch.rand(1, 5), settings, [torch.Generator().manual_seed(0)])
    loss.sum().backward()
    assert loss.item() == pytest.approx(settings.margin) and torch.isfinite(z.grad).all()


def test_continuity_changes_what_is_learned(cells):
    archs, truth = cells
    plain, smooth = (
        renas.Predictor(renas.Settings(**SMALL, continuity=weight), seed=1).fit(archs[:60], truth[:60])
        for weight in (0, 1)
    )
    score = smooth.predict(archs[60:])
    assert kendall_tau(truth[60:], score) > 0.3 and (score != plain.predict(archs[60:])).any()


def test_type_layers_are_the_first_of_the_tensor(cells):
    archs, _ = cells
    whole, types = renas_tensor.renas_tensor(archs), renas_tensor.renas_tensor(archs, "types")
    assert types.shape == (300, 1, 7, 7) and (types[:, 0] == whole[:, 0]).all()
    raw = renas_tensor.renas_tensor(archs, units=(1, 1))
    np.testing.assert_allclose(raw[:, 1::2], whole[:, 1::2] * 1e7, rtol=1e-6)
    np.testing.assert_allclose(raw[:, 2::2], whole[:, 2::2] * 1e5, rtol=1e-6)


@pytest.mark.parametrize("space", [nasbench101, nasbench201])
def test_a_layer_for_each_type(space):
    archs = some_cells(50) if space is nasbench101 else space.sample(50, np.random.default_rng(0))
    tensor = renas_tensor.renas_tensor(archs)
    shown = renas_tensor.one_hot_types(tensor, space)
    names = {"nodes": (2, 3, 4, 5), "edges": (1, 2, 3, 4)}[space.OPERATIONS_ON]
    assert shown.shape[1:] == renas_tensor.tensor_size(space, one_hot=True)
    assert len(names) == 4 == shown.shape[1] - tensor.shape[1] + 1
    weights = np.array(names, np.float32)[:, None, None]
    assert set(np.unique(shown[:, :4])) == {0, 1}
    np.testing.assert_array_equal((shown[:, :4] * weights).sum(axis=1), tensor[:, 0])
    np.testing.assert_array_equal(shown[:, 4:], tensor[:, 1:])


def test_a_tensor_does_not_depend_on_how_many_cells_are_encoded(cells, monkeypatch):
    archs, _ = cells
    whole = renas_tensor.renas_tensor(archs)
    monkeypatch.setattr(renas_tensor, "AT_ONCE", 70)
    assert (renas_tensor.renas_tensor(archs) == whole).all()


@pytest.mark.parametrize(
    "version",
    [
        {"layers": "types", "loss": "mse"},
        {"loss": "mse"},
        {"layers": "types"},
        {},
        {"scale": "units"},
        {"layers": "types", "one_hot": True},
    ],
    ids=["v1", "v2", "v3", "v4", "units", "one_hot"],
)
def test_versions_learn(cells, version):
    archs, truth = cells
    settings = renas.Settings(**{**SMALL, "epochs": 60, "batch_size": 50}, **version)
    predictor = renas.Predictor(settings, seed=2).fit(archs[:100], truth[:100])
    assert kendall_tau(truth[100:], predictor.predict(archs[100:])) > 0.3


@pytest.mark.parametrize(("method", "small"), [(renas, SMALL), (peephole, {"lr": 5e-3, "hidden": 32})])
def test_what_is_regressed_from_0_to_1_are_accuracies_again(cells, method, small):
    archs, truth = cells
    settings = method.Settings(**{**small, "loss": "mse", "epochs": 60, "batch_size": 50})
    score = method.Predictor(settings, seed=0).fit(archs[:100], truth[:100]).predict(archs[100:])
    assert abs(score.mean() - truth[100:].mean()) < truth.std() < 0.1
    assert kendall_tau(truth[100:], score) > 0.3


def test_layers_are_types_kernels_and_channels():
    conv3, conv1, pool = nasbench101.CONV3X3, nasbench101.CONV1X1, nasbench101.MAXPOOL3X3
    two_ways = cell([conv3, conv1, pool], [(0, 1), (0, 2), (1, 6), (2, 3), (3, 6)])
    codes = layers.layers(two_ways)[0]
    used = [0, 1, 2, 3, 6]
    assert codes[used, 0].tolist() == [nasbench101.INPUT, conv3, conv1, pool, nasbench101.OUTPUT]
    assert [layers.SIZES[k] for k in codes[used, 1]] == [0, 3, 1, 3, 0]
    assert codes[used, 2].tolist() == [15, 13, 13, 13, 15]  # 128 channels, shared by the two ways
    assert (codes[[4, 5]] == 0).all()
    edges = layers.layers(
        nasbench201.from_official(["|none~0|+|skip_connect~0|nor_conv_3x3~1|+|none~0|none~1|none~2|"])
    )
    assert edges.shape == (1, 6, 3) and (edges[0, :, 2] > 0).sum() == 2
    for space in (nasbench101, nasbench201):
        codes = layers.layers(space.sample(200, np.random.default_rng(0)))
        assert (codes.max(axis=(0, 1)) < layers.vocabulary(space)).all()


@pytest.mark.parametrize("space", [nasbench101, nasbench201])
def test_e2epp_learns_accuracies(space):
    archs = some_cells(300) if space is nasbench101 else space.sample(300, np.random.default_rng(0))
    truth = 0.8 + 0.02 * (archs.ops == (3 if space is nasbench201 else space.CONV3X3)).sum(axis=1)
    settings = e2epp.Settings(n_estimators=20)
    predictor = e2epp.Predictor(settings, seed=3).fit(archs[:150], truth[:150])
    score = predictor.predict(archs[150:])
    assert kendall_tau(truth[150:], score) > 0.5
    assert truth.min() <= score.min() and score.max() <= truth.max()


def test_e2epp_in_parts_is_e2epp_at_once(cells, monkeypatch):
    archs, truth = cells
    predictor = e2epp.Predictor(e2epp.Settings(n_estimators=5, layers="types")).fit(archs[:50], truth[:50])
    whole = predictor.predict(archs)
    monkeypatch.setattr(e2epp, "AT_ONCE", 64)
    assert predictor.predict(archs).tobytes() == whole.tobytes()


@pytest.mark.parametrize("method", [renas, e2epp])
def test_isomorphic_cells_have_one_tensor_if_asked_for(method, cells):
    known = nasbench201.sample(60, np.random.default_rng(0))
    every = nasbench201.enumerate_cells()
    twins = every[
        np.flatnonzero(nasbench201.canonical_key(every) == nasbench201.canonical_key(every[1560:1561]))
    ]
    assert len(twins) > 2
    small = {"epochs": 2} if method is renas else {"n_estimators": 5}
    truth = np.linspace(0.5, 0.9, 60)
    scores = [
        method.Predictor(method.Settings(canonical=canonical, **small), seed=1)
        .fit(known, truth)
        .predict(twins)
        for canonical in (True, False)
    ]
    assert np.ptp(scores[0]) < 1e-6 and np.ptp(scores[1]) > 1e-6


@pytest.mark.parametrize("method", [renas, peephole, e2epp])
def test_other_spaces_are_refused(method):
    archs = darts.sample(4, np.random.default_rng(0))
    with pytest.raises(ConfigError, match="nasbench101 and nasbench201, not of darts"):
        method.Predictor(method.Settings()).fit(archs, np.arange(4) / 10)


def test_a_version_that_does_not_exist_is_refused():
    with pytest.raises(ValidationError, match="'all' or 'types'"):
        renas.Settings(layers="flops")


@pytest.mark.parametrize("n", [10, 78, 424])
def test_what_training_cells_agree_on_is_not_scaled_by_its_rounding(n):
    settings = renas.Settings(**SMALL)
    network = renas.Predictor.encoder(settings, nasbench201, [torch.Generator().manual_seed(0)])
    tensors = torch.zeros(1, n, 31, 4, 4)
    tensors[..., 0, 1], tensors[..., 0, 2] = 0.3014656, 0.0297
    tensors[:, ::2, 1, 0, 3] = 1e-3
    network.calibrate(tensors)
    assert (network.deviation[0, :, 0, 1:3] == 1).all()
    assert network.deviation[0, 1, 0, 3].item() == pytest.approx(5e-4, rel=0.01)
