"""The joint model of SemiGAN-NAD: rank classes, networks, training, and graphs that become cells."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipeline import spaces
from pipeline.encodings.graphs import graph_shape, to_graphs
from pipeline.predictors import semigan as plug_in
from pipeline.predictors.targets import Ranks
from pipeline.semigan import model
from pipeline.semigan.cells import decode
from pipeline.semigan.classes import bounds_of_targets, class_bounds, classes_of, membership
from pipeline.semigan.gin import Gin
from pipeline.semigan.model import SemiGan
from pipeline.semigan.networks import Discriminator, Graphs
from pipeline.semigan.settings import SemiGanSettings
from pipeline.semigan.training import fooled, judged

SMALL = {"hidden": 8, "latent_dim": 4, "rank_dim": 4, "batch_size": 16, "n_unlabelled": 40}
EPOCHS = 20
NAMES = ("nasbench101", "nasbench201", "darts")


def drawn(name: str, n: int, seed: int = 0):
    return spaces.load(name).sample(n, np.random.default_rng(seed))


def share_of_conv3x3(archs):
    """An accuracy that operations alone decide."""
    code = spaces.load(archs.space).OP_NAMES.index("nor_conv_3x3")
    return 0.85 + 0.1 * (archs.ops == code).mean(axis=1)


def test_rank_classes_are_those_of_equation_11():
    bounds = class_bounds(np.array([]), SemiGanSettings(bound=0.93))
    np.testing.assert_allclose(bounds, [0.93, 0.91, 0.89, 0.87])
    values = np.array([0.951, 0.9301, 0.93, 0.9101, 0.90, 0.8701, 0.87, 0.1])
    assert classes_of(values, bounds).tolist() == [0, 0, 1, 1, 2, 3, 4, 4]
    near = values[[1, 3, 4, 5]]  # where the formula of the paper says something other than 0 and 4
    assert classes_of(near, bounds).tolist() == np.floor((0.95 - near) / 0.02).astype(int).tolist()


def test_the_best_class_may_be_a_share_of_the_labelled_cells():
    y = np.linspace(0.8, 0.9, 101)
    classes = classes_of(y, class_bounds(y, SemiGanSettings(percentile=90, step=0.0199)))
    assert np.bincount(classes).tolist() == [10, 20, 20, 20, 31]


def test_classes_are_the_same_on_the_scale_of_ranks():
    y = np.random.default_rng(0).normal(0.9, 0.03, 60).round(3)  # with equal ones
    bounds, targets = class_bounds(y, SemiGanSettings(step=0.01)), Ranks(y)
    on_ranks = bounds_of_targets("ranks", targets, y, bounds)
    assert classes_of(targets.of(y), on_ranks).tolist() == classes_of(y, bounds).tolist()


def test_membership_is_one_class_or_adds_up_to_one_and_carries_gradients():
    bounds = torch.tensor([[0.5, 0.0, -0.5]])
    values = torch.tensor([[0.6, 0.5, 0.1, -0.7]], requires_grad=True)
    hard = membership(values, bounds, "straight_through")
    assert hard.argmax(2).tolist() == [[0, 1, 1, 3]]
    soft = membership(values, bounds, "soft")
    torch.testing.assert_close(soft.sum(2), torch.ones(1, 4))
    for found in (hard, soft):
        (gradient,) = torch.autograd.grad(found[..., 0].sum(), values, retain_graph=True)
        assert (gradient > 0).all()  # a better one is more of the best class


def test_what_is_fooled_costs_less_by_either_loss():
    sure, unsure = torch.full((1, 3), 4.0), torch.full((1, 3), -4.0)
    for kind in ("minimax", "cross_entropy"):
        assert fooled(sure, kind) < fooled(unsure, kind)
    torch.testing.assert_close(fooled(unsure, "minimax"), torch.log(1 - unsure.sigmoid()).mean(1))


def test_a_gin_layer_adds_up_neighbours_and_itself():
    gin = Gin(1, 3, 5, [torch.Generator().manual_seed(1)]).eval()
    x, adj = torch.rand(1, 2, 4, 3), torch.triu(torch.ones(4, 4), 1)
    with torch.no_grad():
        gin.eps[0].fill_(0.5)
        (found,) = gin(x, (adj + adj.T).expand(1, 2, 4, 4))
        told = x.sum(dim=2, keepdim=True) - x + 1.5 * x  # everybody is everybody's neighbour
        expected = torch.relu(torch.relu(told @ gin.inner[0][0]) @ gin.outer[0][0])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)  # norms know nothing yet


@pytest.mark.parametrize("name", NAMES)
def test_scores_of_a_cell_are_that_cell_and_repair_leaves_it(name):
    archs = drawn(name, 30)
    ops, adj = to_graphs(archs)
    shape = graph_shape(name)
    scores = 2.0 * np.eye(shape.n_ops)[ops], adj[:, *np.triu_indices(shape.n_vertices, 1)] - 0.5
    found, valid, raw = decode(name, *scores, np.ones((shape.n_vertices, shape.n_ops), bool), repair=True)
    assert valid.all() and raw.all()
    key = spaces.load(name).cell_key
    np.testing.assert_array_equal(key(found), key(archs))


@pytest.mark.parametrize("name", NAMES)
def test_repair_makes_cells_of_noise(name):
    rng, shape = np.random.default_rng(1), graph_shape(name)
    m = 60 * shape.cells
    ops = rng.normal(size=(m, shape.n_vertices, shape.n_ops))
    edges = rng.normal(0.5, 1, size=(m, shape.n_vertices * (shape.n_vertices - 1) // 2))
    allowed = (np.arange(shape.n_ops) == to_graphs(drawn(name, 200))[0][:, :, None]).any(axis=0)
    _, valid, raw = decode(name, ops, edges, allowed, repair=False)
    found, mended, as_drawn = decode(name, ops, edges, allowed, repair=True)
    assert (as_drawn == raw).all() and (valid == raw).all()
    assert raw.mean() < 0.2 < 0.8 < mended.mean()
    assert spaces.load(name).validate(found[mended]).all()


@pytest.fixture(scope="module")
def trained():
    """Three runs on NAS-Bench-201; the accuracy is the share of 3x3 convolutions."""
    settings = SemiGanSettings(**SMALL | {"lr": 0.01, "generator_lr": 0.01, "percentile": 75})
    labelled = [drawn("nasbench201", 48, seed) for seed in range(3)]
    free = [drawn("nasbench201", 40, 10 + seed) for seed in range(3)]
    model = SemiGan(settings, "nasbench201", free, [1, 2, 3])
    model.fit(labelled, [share_of_conv3x3(archs) for archs in labelled], EPOCHS)
    return SimpleNamespace(model=model, settings=settings, labelled=labelled, free=free)


def test_the_predictor_learns_and_the_generator_follows_the_class(trained):
    test = drawn("nasbench201", 200, 99)
    found = [np.corrcoef(said, share_of_conv3x3(test))[0, 1] for said in trained.model.predict([test] * 3)]
    assert min(found) > 0.85
    best, worst = trained.model.generate(200, rank=0), trained.model.generate(200, rank=4)
    assert all(made.raw.all() for made in best)  # the prior never gives an operation where no cell has one
    good, bad = ([share_of_conv3x3(made.archs).mean() for made in part] for part in (best, worst))
    assert (np.array(good) > bad).all() and np.mean(good) > np.mean(bad) + 0.012


def test_losses_teach_the_network_that_they_are_of():
    """Batch normalisation would let the predictor's loss on unlabelled cells teach the generator."""
    shape, generator = graph_shape("nasbench201"), torch.Generator().manual_seed(1)
    judge = Discriminator(SemiGanSettings(**SMALL), shape, [generator])
    ops = torch.rand(1, 9, shape.n_vertices, shape.n_ops, generator=generator, requires_grad=True)
    graphs = Graphs(ops, torch.triu(torch.ones(1, 9, shape.n_vertices, shape.n_vertices), 1))
    guessed = torch.full((1, 3, 5), 0.2, requires_grad=True)
    free, made = judged(judge, graphs, guessed, torch.full((1, 3, 5), 0.2))
    of_cells, of_classes = torch.autograd.grad(free.sum(), [ops, guessed], allow_unused=True)
    assert of_cells is None and of_classes.abs().sum() > 0
    of_cells, of_classes = torch.autograd.grad(made.sum(), [ops, guessed], allow_unused=True)
    assert of_classes is None and of_cells[:, 6:].abs().sum() > 0
    assert all(p.grad is None and p.requires_grad for p in judge.parameters())


def test_a_run_does_not_depend_on_those_beside_it(trained):
    labels = [share_of_conv3x3(archs) for archs in trained.labelled]
    three = SemiGan(trained.settings, "nasbench201", trained.free, [1, 2, 3])
    three.fit(trained.labelled, labels, 3)
    alone = SemiGan(trained.settings, "nasbench201", trained.free[1:2], [2])
    alone.fit(trained.labelled[1:2], labels[1:2], 3)
    test = drawn("nasbench201", 50, 5)
    beside = three.predict([test] * 3)[1]
    np.testing.assert_allclose(alone.predict([test])[0], beside, rtol=1e-4)  # sums in another order


def test_a_best_class_without_cells_is_warned_of_once(trained, caplog):
    labels = [share_of_conv3x3(archs) for archs in trained.labelled]
    settings = SemiGanSettings(**SMALL, bound=0.99)
    three = SemiGan(settings, "nasbench201", trained.free, [1, 2, 3])
    with caplog.at_level("WARNING", logger="nasflow"):
        for _ in range(2):
            three.fit(trained.labelled, labels, 1)
    assert [r.message for r in caplog.records] == [
        "semigan: in 3 of 3 runs no labelled cell is above the bound of the best class; "
        "lower bound, or take percentile"
    ]


@pytest.mark.parametrize("name", ["nasbench101", "darts"])
def test_generated_graphs_become_cells_in_every_space(name):
    settings = SemiGanSettings(**SMALL, same_cells=name == "darts")
    labelled, free = drawn(name, 32), drawn(name, 40, 1)
    model = SemiGan(settings, name, [free], [1])
    model.fit([labelled], [np.linspace(0.8, 0.9, 32)], 2)
    (made,) = model.generate(100)
    assert made.raw.mean() <= made.valid.mean() and made.valid.mean() > 0.5
    assert spaces.load(name).validate(made.archs[made.valid]).all()
    if name == "darts":  # normal and reduction cells alike
        normal, reduction = np.divmod(
            spaces.load(name).cell_key(made.archs), spaces.load(name).CELL_SPELLINGS
        )
        assert (normal == reduction)[made.valid].all()


def test_the_plug_in_gives_accuracies_and_trains_replicates_together():
    archs = drawn("nasbench201", 80)
    y, rows = share_of_conv3x3(archs), np.stack([np.arange(40), np.arange(20, 60)])
    settings = plug_in.Settings(**SMALL, epochs=3, targets="standardised")
    fitted = plug_in.Predictor.fit_many(settings, None, archs, y, rows, [3, 4])
    scores = [one.predict(archs) for one in fitted]
    assert all(s.dtype == np.float32 and 0.5 < s.mean() < 1.2 for s in scores)
    again = plug_in.Predictor.fit_many(settings, None, archs, y, rows[1:], [4])[0]
    np.testing.assert_allclose(again.predict(archs), scores[1], rtol=1e-4)
    with pytest.raises(ValueError, match="predict before fit"):
        plug_in.Predictor(settings).predict(archs)


def test_threads_change_no_byte_of_what_is_predicted_and_generated(monkeypatch):
    monkeypatch.setattr(model, "RUNS_AT_ONCE", {"cpu": 2})
    monkeypatch.setattr(model, "CELLS_AT_ONCE", 64)
    settings, found = SemiGanSettings(**SMALL), {}
    labelled, free = ([drawn("nasbench101", 32, 9 * k + run) for run in range(3)] for k in (0, 1))
    for threads in (1, 3):
        torch.set_num_threads(threads)
        gan = model.SemiGan(settings, "nasbench101", free, [1, 2, 3], threads=threads)
        gan.fit(labelled, [np.linspace(0.8, 0.9, 32)] * 3, 2)
        made = gan.generate(100)
        found[threads] = [x for one in made for x in (one.archs.ops, one.archs.adj, one.valid)]
        found[threads] += gan.predict([drawn("nasbench101", 200, 7)] * 3)
    torch.set_num_threads(1)
    assert [x.tobytes() for x in found[1]] == [x.tobytes() for x in found[3]]
