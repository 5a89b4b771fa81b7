"""The semi-supervised assessor: its view of cells, its graph, training and prediction."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipeline import counted
from pipeline.encodings.matrices import matrix_shape, operation_matrices
from pipeline.encodings.renas_tensor import renas_tensor
from pipeline.errors import ConfigError, UserError
from pipeline.evaluation.measures import kendall_tau
from pipeline.predictors import ssa, ssa_cells, ssa_context
from pipeline.predictors.encoders.ssa import Assessor, AutoEncoder, features
from pipeline.predictors.replicates import fit_replicates
from pipeline.predictors.resources import Resources
from pipeline.predictors.ssa_cells import Cells
from pipeline.predictors.ssa_graph import Graph, check_density, distances, placed, similarities
from pipeline.predictors.ssa_training import batches, embedded, reconstruction
from pipeline.spaces import darts, nasbench101, nasbench201
from pipeline.spaces.archs import Archs
from tests.unit.predictor_cells import made_up_accuracies, some_cells

SMALL = {
    "matrix": "one_hot",
    "normalisation": "centred",
    "channels": [4, 8],
    "latent": 8,
    "hidden": 16,
    "batch_size": 128,
    "pretrain_epochs": 4,
    "epochs": 25,
    "lr": 0.01,
    "sigma": 0.03,
}


@pytest.fixture(autouse=True)
def one_deterministic_thread():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


@pytest.fixture(scope="module")
def cells() -> Archs:
    return some_cells(400)


@pytest.fixture(scope="module")
def truth(cells) -> np.ndarray:
    return made_up_accuracies(cells)


@pytest.fixture(scope="module")
def fitted(cells, truth):
    torch.set_num_threads(1)
    return ssa.Predictor(small(), seed=1).fit(cells[:100], truth[:100], cells)


def small(**changes) -> ssa.Settings:
    return ssa.Settings(**{**SMALL, **changes})


def test_a_matrix_has_the_operation_that_an_edge_leads_to(cells):
    matrices = operation_matrices(cells)
    assert matrices.shape == (400, 1, 7, 7) and matrices.dtype == np.uint8
    shown = nasbench101.from_key(nasbench101.cell_key(cells))
    np.testing.assert_array_equal(matrices[:, 0] > 0, shown.adj > 0)
    row, source, target = np.argwhere(shown.adj)[100]
    assert matrices[row, 0, source, target] == shown.ops[row, target]
    order = [0, 3, 1, 2, 4, 5, 6]  # the same cells, spelled otherwise
    moved = Archs(cells.space, cells.ops[:, order], cells.adj[:, order][:, :, order])
    forward = nasbench101.validate(moved)
    assert forward.any()
    np.testing.assert_array_equal(operation_matrices(moved[forward]), matrices[forward])


def test_matrices_of_spaces_with_operations_on_edges():
    archs = Archs("nasbench201", np.array([[1, 2, 3, 4, 0, 1]], np.uint8))
    representative = nasbench201.from_key(nasbench201.canonical_key(archs)).ops[0]
    expected = np.zeros((4, 4), np.uint8)
    for (source, target), code in zip(nasbench201.EDGES, representative, strict=True):
        expected[source, target] = code
    np.testing.assert_array_equal(operation_matrices(archs)[0, 0], expected)
    drawn = operation_matrices(darts.sample(3, np.random.default_rng(0)))
    shape = matrix_shape("darts")
    assert drawn.shape == (3, 2, 11, 11) and drawn.max() < shape.codes
    assert (
        np.count_nonzero(drawn, axis=(2, 3)) >= 16
    ).all()  # eight operations have a source and feed the output


def test_features_are_codes_or_a_channel_for_each(cells):
    codes = torch.as_tensor(operation_matrices(cells[:5]))
    np.testing.assert_array_equal(features(codes, 6, False), codes)
    shown = features(codes, 6, True)
    assert shown.shape == (5, 5, 7, 7)
    weights = torch.arange(1, 6.0)[:, None, None]
    np.testing.assert_array_equal((shown * weights).sum(dim=1), codes[:, 0])


def test_features_of_tensors_are_scaled_number_by_number(cells):
    known = Cells(cells, small(matrix="tensor"), "cpu")
    shown = known.features(torch.arange(400))
    spelled = nasbench101.from_key(nasbench101.cell_key(cells))
    tensors = torch.as_tensor(renas_tensor(spelled))
    assert shown.shape == tensors.shape == (400, 19, 7, 7)
    varied = tensors.std(dim=0) > 1e-4
    assert 0 < varied.float().mean() < 1
    np.testing.assert_allclose(shown.mean(dim=0), np.zeros(shown.shape[1:]), atol=1e-4)
    np.testing.assert_allclose(shown.std(dim=0, correction=0)[varied], 1, atol=1e-3)
    some = Cells(cells[7:9], small(matrix="tensor"), "cpu", known.scale)
    np.testing.assert_array_equal(some.features(torch.tensor([1, 0])), shown[[8, 7]])


@pytest.mark.parametrize(("nodes", "hidden"), [(4, [3, 5]), (7, [3, 5]), (11, [4]), (7, [2, 3, 4])])
def test_the_decoder_gives_back_the_shape(nodes, hidden):
    coder = AutoEncoder(2, nodes, hidden, 6)
    x = torch.randn(3, 2, nodes, nodes)
    assert coder.encode(x).shape == (3, 6) and coder.decode(coder.encode(x)).shape == x.shape


def graph_settings(**changes):
    return SimpleNamespace(
        **{"sigma": 0.4, "tau": 0.05, "distance": "squared", "normalisation": "l2", **changes}
    )


@pytest.mark.parametrize("distance", ["euclidean", "squared", "mean_squared"])
def test_the_graph_is_equation_3(distance):
    z = torch.randn(20, 5, generator=torch.Generator().manual_seed(1))
    weights = similarities(z, z, graph_settings(distance=distance, sigma=0.8)).numpy()
    d = np.square(z.numpy()[:, None] - z.numpy()).sum(axis=2)
    d = {"euclidean": np.sqrt(d), "squared": d, "mean_squared": d / 5}[distance]
    expected = np.exp(-d / (2 * 0.8**2))
    expected[expected <= 0.05] = 0
    off = ~np.eye(20, dtype=bool)
    np.testing.assert_allclose(weights[off], expected[off], atol=1e-5)
    connected = (expected[off] > 0).mean()
    assert (
        0
        < Graph(z, graph_settings(distance=distance, sigma=0.8)).density()
        == pytest.approx(connected, abs=1e-6)
    )


def test_the_assessor_is_equation_4():
    generator = torch.Generator().manual_seed(2)
    z, assessor = torch.randn(12, 5, generator=generator), Assessor(5, 7)
    a = similarities(placed(z, "l2"), placed(z, "l2"), graph_settings()).numpy()
    np.fill_diagonal(a, 1)
    root = np.diag(a.sum(axis=1) ** -0.5)
    a = root @ a @ root
    w0, w1 = (layer.weight.detach().numpy().T for layer in (assessor.first, assessor.second))
    expected = a @ np.maximum(a @ z.numpy() @ w0, 0) @ w1
    graph = Graph(placed(z, "l2"), graph_settings())
    np.testing.assert_allclose(assessor(z, graph).detach().numpy(), expected[:, 0], rtol=1e-4, atol=1e-6)


def test_centred_points_do_not_see_what_all_embeddings_share():
    z = torch.randn(30, 4)
    np.testing.assert_allclose(placed(z + 100, "centred"), placed(z, "centred"), atol=1e-4)
    np.testing.assert_allclose(placed(z, "centred").norm(dim=1), np.ones(30), atol=1e-6)
    np.testing.assert_allclose(placed(z, "centred", torch.zeros(4)), placed(z, "l2"))


def test_the_reconstruction_loss_is_equation_2():
    x, decoded = torch.randn(6, 1, 3, 3), torch.randn(6, 1, 3, 3)
    errors = (x - decoded).square().mean(dim=(1, 2, 3))
    assert reconstruction(decoded, x, 2) == pytest.approx(float(errors[:2].mean() + errors[2:].mean()))
    assert reconstruction(decoded, x, 6) == pytest.approx(float(errors.mean()))  # no unlabelled cell


def test_batches_have_each_labelled_cell_once_and_are_filled_with_unlabelled_ones():
    found = list(batches(100, 1000, small(labelled_share=0.25), torch.Generator().manual_seed(1), None))
    assert sorted(torch.cat([labelled for labelled, _ in found]).tolist()) == list(range(100))
    assert [len(labelled) for labelled, _ in found] == [32, 32, 32, 4]
    for labelled, others in found:
        assert len(labelled) + len(others) == 128
        assert others.min() >= 100 and len(others.unique()) == len(others)
    alone = list(batches(100, 100, small(), torch.Generator(), None))
    assert [(len(labelled), len(others)) for labelled, others in alone] == [(64, 0), (36, 0)]


def test_it_learns_and_a_score_is_the_cell_s_own(fitted, cells, truth):
    score = fitted.predict(cells[100:])
    assert kendall_tau(truth[100:], score) > 0.5
    assert score.dtype == np.float32 and abs(score.mean() - truth.mean()) < 0.02  # accuracies
    np.testing.assert_allclose(fitted.predict(cells[300:303]), score[200:203], atol=1e-6)
    assert 0 < fitted.density < 1


def test_with_batch_normalisation_too_a_score_is_the_cell_s_own(cells, truth):
    fitted = ssa.Predictor(small(batch_norm=True, epochs=3), seed=1).fit(cells[:100], truth[:100], cells)
    np.testing.assert_allclose(
        fitted.predict(cells[300:303]), fitted.predict(cells[100:])[200:203], atol=1e-6
    )
    settings, known = fitted.settings, Cells(cells, fitted.settings, "cpu", fitted.network.scale)
    fitted.network.train()
    z = embedded(fitted.network, known, torch.arange(400))
    assert fitted.network.training and settings.batch_norm
    np.testing.assert_allclose(embedded(fitted.network, known, torch.arange(5)), z[:5], atol=1e-5)


def test_the_same_seed_gives_the_same_scores(fitted, cells, truth):
    again = ssa.Predictor(small(), seed=1).fit(cells[:100], truth[:100], cells)
    np.testing.assert_array_equal(again.predict(cells), fitted.predict(cells))


@pytest.mark.parametrize("block", [2**24, 5000])
def test_known_cells_are_vertices_of_the_whole_graph(cells, truth, block, monkeypatch):
    """Prediction in blocks gives what equation 4 gives for the graph of all known cells."""
    monkeypatch.setattr(ssa_context, "BLOCK", block)
    settings = small(graph="space", epochs=2, neighbours=4)
    fitted = ssa.Predictor(settings, seed=1).fit(cells[:100], truth[:100], cells[:300])
    network, known = fitted.network, ssa_context.Cells(cells[:300], settings, "cpu", fitted.network.scale)
    with torch.no_grad():
        z = embedded(network, known, torch.arange(300))
        whole = network.assessor(z, Graph(placed(z, settings.normalisation), settings)).numpy()
    np.testing.assert_allclose(fitted.context.predict(cells[:300]), whole, rtol=1e-4, atol=1e-5)


def test_a_new_cell_is_one_vertex_more(fitted, cells, truth):
    """Its row of the graph is exact; its neighbours tell it what they would without it."""
    settings, context, assessor = fitted.settings, fitted.context, fitted.network.assessor
    new = cells[np.flatnonzero(~np.isin(nasbench101.cell_key(cells), context.keys))[:1]]
    with torch.no_grad():
        z = fitted.network.embed(
            ssa_context.Cells(new, settings, "cpu", fitted.network.scale).features(torch.arange(1))
        )
        point = placed(z, settings.normalisation, context.centre)
        graph = Graph(torch.cat([context.points, point]), settings)
        graph = (graph.root * graph.weights * graph.root.T)[-1]
        hidden = torch.relu(assessor.first(graph[:-1] @ context.z + graph[-1] * z[0]))
        score = graph[:-1] @ context.told[:, 0] + graph[-1] * assessor.second(hidden)[0]
    assert context.predict(new)[0] == pytest.approx(float(score), rel=1e-4, abs=1e-5)


def test_unlabelled_cells_change_what_is_learned(fitted, cells, truth):
    assert len(np.intersect1d(fitted.context.keys, nasbench101.cell_key(cells[100:]))) > 0
    without = ssa.Predictor(small(), seed=1).fit(cells[:100], truth[:100])
    assert np.isin(without.context.keys, nasbench101.cell_key(cells[:100])).all()
    none = ssa.Predictor(small(n_unlabelled=0), seed=1).fit(cells[:100], truth[:100], cells)
    np.testing.assert_array_equal(none.predict(cells), without.predict(cells))
    assert np.abs(without.predict(cells) - fitted.predict(cells)).max() > 1e-3
    some = ssa.Predictor(small(n_unlabelled=50, epochs=1, graph="space"), seed=1)
    assert len(some.fit(cells[:100], truth[:100], cells).context.keys) == 150


@pytest.mark.parametrize(
    "changes",
    [
        {"autoencoder": False, "sigma": 0.015},
        {"graph": "none"},
        {"graph": "space"},
        {"distance": "squared", "sigma": 0.085},
        {"loss": "pairwise_hinge"},
        {"loss": "listmle", "list_length": 8},
        {"targets": "ranks"},
        {"matrix": "tensor"},
        {"batch_norm": True, "graph": "space"},
    ],
)
def test_variants_learn(cells, truth, changes):
    predictor = ssa.Predictor(small(**changes), seed=1).fit(cells[:100], truth[:100], cells)
    assert kendall_tau(truth[100:], predictor.predict(cells[100:])) > 0.25


def test_an_empty_or_complete_graph_is_a_mistake(cells, truth):
    paper = {"sigma": 0.01, "normalisation": "none", "distance": "euclidean"}
    with pytest.raises(UserError, match="connects no two cells.*set normalisation: l2"):
        ssa.Predictor(small(**paper)).fit(cells[:50], truth[:50], cells)
    with pytest.raises(UserError, match="connects every pair.*lower sigma"):
        ssa.Predictor(small(sigma=100, epochs=2)).fit(cells[:50], truth[:50], cells)
    complete = small(sigma=100, epochs=2, n_unlabelled=0)  # 65 labels: a batch of 64 and one of a single cell
    with pytest.raises(UserError, match="connects every pair"):
        ssa.Predictor(complete).fit(cells[:65], truth[:65])
    check_density(0.5, small(), "now")
    assert distances(torch.zeros(1, 3), torch.ones(1, 3), "squared") == 3


def test_other_spaces():
    archs = nasbench201.sample(900, np.random.default_rng(0))
    seen = nasbench201.from_key(nasbench201.canonical_key(archs)).ops
    truth = 0.5 + 0.05 * (seen == nasbench201.NOR_CONV_3X3).sum(axis=1)
    predictor = ssa.Predictor(small(), seed=1).fit(archs[:100], truth[:100], archs)
    assert kendall_tau(truth[100:], predictor.predict(archs[100:])) > 0.3
    drawn = darts.sample(60, np.random.default_rng(0))
    with pytest.raises(ConfigError, match="the tensor of ReNAS is one of nasbench101 and nasbench201"):
        ssa.Predictor(small(matrix="tensor")).fit(drawn, np.arange(60.0))
    with pytest.raises(ConfigError, match="too large to be listed"):
        ssa.Predictor(small(unlabelled="space")).fit(drawn, np.arange(60.0))


@pytest.mark.parametrize("matrix", ["operations", "one_hot", "tensor"])
def test_features_of_cells_in_order_of_size_are_scaled_as_a_whole(matrix, monkeypatch):
    monkeypatch.setattr(ssa_cells, "MEASURED", 300)
    every = nasbench101.enumerate_cells()
    some = every[np.linspace(0, len(every) - 1, 3000).astype(int)]  # few vertices first
    known = Cells(some, ssa.Settings(matrix=matrix), "cpu")
    x = known.features(torch.arange(3000))
    if matrix == "tensor":
        varied = x.std(dim=0) > 0
        assert x[:, varied].mean(dim=0).abs().mean() < 0.1 and 0.8 < x[:, varied].std(dim=0).mean() < 1.2
    else:
        assert x.std() == pytest.approx(1, abs=0.03)


def test_the_log_tells_a_graphs_density_where_there_is_one(cells, truth, caplog):
    caplog.set_level(logging.INFO, "nasflow")
    ssa.Predictor(small(epochs=2), seed=1).fit(cells[:50], truth[:50], cells)
    assert "50 labelled and 350 unlabelled cells; a batch's graph connects 0." in caplog.text
    caplog.clear()
    ssa.Predictor(small(epochs=2, graph="none"), seed=1).fit(cells[:50], truth[:50], cells)
    assert "50 labelled and 350 unlabelled cells" in caplog.text and "graph" not in caplog.text


def test_isomorphic_cells_of_nasbench201_are_one_to_it():
    """They have keys of their own in the benchmark, as they were trained apart."""
    archs = nasbench201.enumerate_cells()
    keys = nasbench201.canonical_key(archs)
    order = np.argsort(keys, kind="stable")
    some = order[np.isin(keys[order], np.unique(keys)[::400])]  # whole classes
    assert len(np.unique(keys[some])) < len(some) < 2000
    known = nasbench201.sample(900, np.random.default_rng(0))
    truth = 0.5 + 0.05 * (known.ops == nasbench201.NOR_CONV_3X3).sum(axis=1)
    for changes in ({}, {"matrix": "tensor"}, {"graph": "none"}):
        predictor = ssa.Predictor(small(epochs=3, **changes), seed=1).fit(known[:100], truth[:100], known)
        score = predictor.predict(archs[some])
        for key in np.unique(keys[some]):
            np.testing.assert_allclose(score[keys[some] == key], score[keys[some] == key][0], atol=1e-6)


def test_replicates_are_given_unlabelled_cells(fitted, cells, truth):
    subsets = np.array([np.arange(100), np.arange(50, 150)])
    one, _ = fit_replicates("ssa", small(), None, cells, truth, subsets, [1, 2], unlabelled=cells)
    np.testing.assert_array_equal(one.predict(cells), fitted.predict(cells))


def test_threads_change_no_byte(cells, truth):
    """Large enough a batch that torch would share its sums among threads."""
    large = small(batch_size=1024, epochs=2, channels=[16, 32], latent=64, hidden=128, labelled_share=0.25)
    everyone = Archs.concatenate([cells, some_cells(1200)[400:]])
    subsets = np.array([np.arange(200), np.arange(200, 400)])
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        data = Resources(threads=threads), cells, truth, subsets, [1, 2]
        fitted = fit_replicates("ssa", large, *data, unlabelled=everyone)
        alone = ssa.Predictor(large, seed=2).fit(cells[200:], truth[200:], everyone)
        found.append([predictor.predict(everyone).tobytes() for predictor in [*fitted, alone]])
    assert found[0] == found[1] and found[0][1] == found[0][2]


def test_who_watches_sees_the_epochs_of_all_predictors(cells, truth, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(counted, "say", lambda *what: told.append(what))
    settings = small(epochs=3, pretrain_epochs=2)
    for resources, n in ((Resources(threads=2), 2), (None, 1)):
        told.clear()
        subsets = np.arange(60).reshape(1, 60).repeat(n, axis=0)
        fit_replicates(
            "ssa", settings, resources, cells, truth, subsets, list(range(n)), "cpu", unlabelled=cells
        )
        assert told == [("epochs", done, 5 * n) for done in range(5 * n + 1)]
