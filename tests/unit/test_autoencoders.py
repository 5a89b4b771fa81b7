"""arch2vec and info-NAS: the networks, what is measured, joint training, restarts, the artifact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pipeline.autoencoders import arch2vec, command, infonas, joint
from pipeline.autoencoders.infonas_settings import InfoNasSettings
from pipeline.autoencoders.measures import latent_samples, reconstruction
from pipeline.autoencoders.reading import load_encoder
from pipeline.autoencoders.settings import Arch2VecSettings
from pipeline.autoencoders.training import learning_rate
from pipeline.autoencoders.vae import Arch2Vec, GinLayer, Graphs, edge_pairs, softmax_cross_entropy
from pipeline.errors import DataError, UserError
from pipeline.spaces import nasbench101
from pipeline.spaces.archs import Archs
from pipeline.spaces.catalogue import load_space
from pipeline.storage.artifacts import get_table, open_h5
from tests.unit.autoencoder_tasks import (
    CPU,
    JOINT,
    SMALL,
    arguments,
    fit,
    killed_in_epoch,
    same_weights,
    task_of,
)
from tests.unit.nasbench101_cells import cell
from tests.unit.predictor_cells import some_cells


@pytest.fixture(scope="module")
def cells() -> Archs:
    return some_cells(500)


def test_gin_layer_against_a_plain_version(cells):
    torch.manual_seed(0)
    layer, n = GinLayer(5, 4).eval(), 3
    layer.eps.data.fill_(0.3)
    for bn in (layer.inner_bn, layer.outer_bn):
        bn.running_mean.normal_(), bn.running_var.uniform_(0.5, 2), bn.weight.data.normal_()
    h, adj = torch.randn(n, 7, 5), torch.tensor(cells.adj[:n])
    with torch.no_grad():
        found = layer(h, (adj + adj.transpose(1, 2)).float())
        for b in range(n):
            for v in range(7):
                total = 1.3 * h[b, v] + sum(h[b, u] for u in range(7) if adj[b, u, v] or adj[b, v, u])
                for linear, bn in ((layer.inner, layer.inner_bn), (layer.outer, layer.outer_bn)):
                    total = linear(total)
                    total = (total - bn.running_mean) / (bn.running_var + bn.eps).sqrt() * bn.weight + bn.bias
                    total = total.clamp(min=0)
                torch.testing.assert_close(found[b, v], total, atol=1e-5, rtol=1e-4)


def test_softmax_cross_entropy_and_its_gradient():
    torch.manual_seed(0)
    logits = torch.randn(20, 7, 6, dtype=torch.float64, requires_grad=True)
    truth = torch.randint(0, 6, (20, 7))
    plain = F.binary_cross_entropy(logits.softmax(-1), F.one_hot(truth, 6).double())
    found = softmax_cross_entropy(logits, truth)
    torch.testing.assert_close(found, plain)
    torch.testing.assert_close(*(torch.autograd.grad(loss, logits)[0] for loss in (found, plain)))


def test_gradient_of_a_saturated_vertex_is_no_rounding_noise():
    """Sure and wrong by 20 and more: single precision must agree with double."""
    logits = torch.tensor([[30.0, 2.0, 9.5, 0.0, 1.0, 3.0], [0.0, 19.0, 1.0, 2.0, -5.0, 0.5]])
    gradients = []
    for precise in (logits.double(), logits.clone()):
        precise.requires_grad_()
        softmax_cross_entropy(precise, torch.tensor([1, 1])).backward()
        gradients.append(precise.grad.double())
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-6)


def test_loss_sees_the_pairs_that_can_be_edges_alone(cells):
    vae = Arch2Vec(6, Arch2VecSettings(**SMALL, dropout=0.0, op_weight=3)).eval()
    graphs = Graphs.of(cells[:10], CPU)
    torch.manual_seed(0)
    loss, z = vae.loss(graphs)
    logits = torch.bmm(z, z.transpose(1, 2))
    terms = [
        F.binary_cross_entropy_with_logits(logits[b, i, j], graphs.adj[b, i, j].float())
        for b in range(10)
        for i in range(7)
        for j in range(i + 1, 7)
    ]
    torch.testing.assert_close(loss.adj, torch.stack(terms).mean())
    mu, logvar = vae.encode(graphs)
    plain = torch.distributions.kl_divergence(
        torch.distributions.Normal(mu, (0.5 * logvar).exp()), torch.distributions.Normal(0.0, 1.0)
    )
    torch.testing.assert_close(loss.kl, plain.sum(dim=2).mean())
    torch.testing.assert_close(loss.total, 3 * loss.ops + loss.adj + vae.kl_weight * loss.kl)
    assert edge_pairs(7).shape == (2, 21)


class Decoder(torch.nn.Module):
    """Stands for an autoencoder that decodes to given operations and edges."""

    def __init__(self, ops: np.ndarray, adj: np.ndarray):
        super().__init__()
        self.ops, self.adj = F.one_hot(torch.tensor(ops).long(), 6).float(), torch.tensor(adj).float() - 0.5
        self.anchor = torch.nn.Parameter(torch.zeros(1))

    def encode(self, graphs):
        return torch.zeros(len(graphs.ops), 7, 2), None

    def decode(self, z):
        return self.ops, self.adj


def test_reconstruction_counts_vertices_and_pairs():
    one = cell([nasbench101.CONV3X3], [(0, 1), (1, 6)])
    ops, adj = one.ops.copy(), one.adj.copy()
    ops[0, 1] = nasbench101.CONV1X1  # one of 7 vertices wrong
    adj[0, 0, 1], adj[0, 2, 3], adj[0, 3, 3], adj[0, 5, 2] = (
        0,
        1,
        1,
        1,
    )  # two of 21 pairs wrong; not (3,3), (5,2)
    found = reconstruction(Decoder(ops, adj), Graphs.of(one, CPU))
    assert found == pytest.approx(
        {"op_accuracy": 6 / 7, "adj_accuracy": 19 / 21, "adj_false_positives": 1 / 19}
    )


def test_validity_and_uniqueness_of_decoded_samples():
    chain = cell([nasbench101.CONV3X3, nasbench101.CONV1X1], [(0, 1), (1, 2), (2, 6)])
    loose = cell([2, 3, 4], [(0, 1), (1, 2), (2, 6), (0, 3)])  # the same without its loose end
    other = cell([nasbench101.MAXPOOL3X3], [(0, 1), (1, 6)])
    cut = cell([nasbench101.CONV3X3], [(0, 1)])  # the output is not reached
    two_inputs = cell([nasbench101.INPUT], [(0, 1), (1, 6)])
    decoded = Archs.concatenate([chain, loose, other, cut, two_inputs])
    vae = Decoder(decoded.ops, decoded.adj)
    generator = torch.Generator().manual_seed(0)
    found = latent_samples(vae, torch.randn(10, 7, 2), 5, "nasbench101", generator)
    assert found == pytest.approx({"validity": 3 / 5, "uniqueness": 1, "unique_cells": 2 / 3})


def test_learning_reconstructs_cells_never_seen(cells):
    changes = {"hidden_dim": 48, "epochs": 24, "batch_size": 8, "dropout": 0.0, "kl_weight": 1e-3}
    settings = Arch2VecSettings(**SMALL | changes)
    history = fit(arch2vec, task_of(cells, settings)).history
    assert history[-1]["vae_loss"] < 0.6 * history[0]["vae_loss"]
    assert history[-1]["op_accuracy"] > 0.93 and history[-1]["adj_accuracy"] > 0.85
    assert [row["epoch"] for row in history] == list(range(1, 25))


def test_learning_rate_rises_then_falls_to_nothing():
    settings = Arch2VecSettings(lr=0.5, warmup=0.1)
    rates = [learning_rate(settings, step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx(np.arange(1, 11) * 0.05)
    assert max(rates) == pytest.approx(0.5) and 0 < rates[-1] < 1e-3
    assert (np.diff(rates[10:]) < 0).all()


@pytest.mark.parametrize(
    "method, settings", [(arch2vec, Arch2VecSettings(**SMALL)), (infonas, InfoNasSettings(**JOINT))]
)
def test_killed_training_goes_on_to_the_same_bits(method, settings, cells, files, tmp_path, monkeypatch):
    task = task_of(cells, settings, files, checkpoint=tmp_path / "checkpoint.pt", identity="this")
    unbroken = fit(method, replace(task, checkpoint=None))
    trainer, once = (joint, "io_losses") if method is infonas else (arch2vec, "reconstruction")
    killed, calls = killed_in_epoch(3, getattr(trainer, once))
    monkeypatch.setattr(trainer, once, killed)
    with pytest.raises(KeyboardInterrupt):
        fit(method, task)
    torch.manual_seed(99)  # whatever the state of the new process
    continued = method.fit(task)
    assert len(calls) == 4  # the two finished epochs were not trained again
    assert continued.history == unbroken.history and same_weights(continued, unbroken)
    assert not same_weights(fit(method, replace(task, checkpoint=None), seed=1), unbroken)


@pytest.mark.parametrize("damage", ["another identity", "cut short", "one byte", "empty"])
def test_foreign_or_damaged_checkpoint_is_not_continued(damage, cells, tmp_path, caplog):
    checkpoint = tmp_path / "checkpoint.pt"
    settings = Arch2VecSettings(**SMALL | {"epochs": 1})
    task = task_of(cells, settings, checkpoint=checkpoint, identity="this")
    first = fit(arch2vec, task)
    stored = bytearray(checkpoint.read_bytes())
    if damage == "another identity":
        task = replace(task, identity="that")
    elif damage == "one byte":  # of a weight: torch itself would read it without a word
        stored[stored.index(first.vae.fc_ops.weight.detach().numpy().tobytes()) + 2] ^= 1
        checkpoint.write_bytes(stored)
    else:
        checkpoint.write_bytes(stored[:1000] if damage == "cut short" else b"")
    again = fit(arch2vec, task, seed=1)
    assert same_weights(again, fit(arch2vec, replace(task, checkpoint=None), seed=1))  # from the start
    assert ("checkpoint.pt: is damaged; the autoencoder" in caplog.text) == (damage != "another identity")


def test_diverged_training_is_refused(cells):
    settings = Arch2VecSettings(**SMALL)
    with pytest.raises(UserError, match="diverged in epoch 1.*lower lr"):
        task = task_of(cells, settings)
        torch.manual_seed(0)
        vae = Arch2Vec(6, settings)
        vae.fc_mu.weight.data.fill_(float("nan"))
        arch2vec.train(vae, task)


@pytest.mark.parametrize("model", ["arch2vec", "infonas"])
def test_command_writes_an_encoder_and_the_same_bytes_again(model, files, tmp_path):
    args, job = arguments(files, tmp_path, model)
    command.run(args, job)
    assert not args.work.exists()
    first = args.out.read_bytes()
    command.run(args, job)
    assert args.out.read_bytes() == first
    with open_h5(args.out, "autoencoder") as handle:
        table, embeddings = get_table(handle), handle["embeddings"][()]
        assert ("regressor" in handle["weights"]) == (model == "infonas") == ("preprocessing" in handle)
        assert handle.attrs["op_accuracy"] == table["op_accuracy"].iloc[-1]
        assert 0 <= handle.attrs["validity"] <= 1
    assert len(table) == 3 and embeddings.shape == (7, 112) and embeddings.dtype == np.float32
    encoder, (space, _) = load_encoder(args.out), load_space(files.space)
    np.testing.assert_array_equal(encoder.embed(space[100:107]), embeddings)
    many = encoder.embed(Archs.concatenate([space, space, space]))  # several batches
    np.testing.assert_allclose(many[500:1000], many[:500], atol=1e-5)
    assert len(np.unique(many[:500].round(4), axis=0)) > 450
    with pytest.raises(DataError, match="these cells are of toy"):
        encoder.embed(Archs("toy", space.ops, space.adj))
