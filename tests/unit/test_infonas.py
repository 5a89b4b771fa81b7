"""info-NAS: labelled batches, joint training, losses on the named parts, what is refused."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from pipeline.autoencoders import command, infonas, joint
from pipeline.autoencoders.infonas_settings import InfoNasSettings
from pipeline.autoencoders.io_losses import io_losses, mean_baseline
from pipeline.autoencoders.measures import embed
from pipeline.autoencoders.regressor import InfoNas
from pipeline.autoencoders.settings import Arch2VecSettings
from pipeline.autoencoders.vae import Arch2Vec, Graphs
from pipeline.errors import DataError, UserError
from pipeline.io_dataset import targets
from pipeline.spaces.archs import Archs
from tests.unit import trained_networks as trained
from tests.unit.autoencoder_tasks import CPU, JOINT, SMALL, arguments, fit, same_weights, task_of
from tests.unit.predictor_cells import some_cells


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return trained.make(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def cells() -> Archs:
    return some_cells(500)


@pytest.fixture(scope="module")
def pairs(cells, files):
    return infonas.labelled_data(task_of(cells, InfoNasSettings(**JOINT), files))


def test_labelled_step_teaches_both_parts_and_unlabelled_step_the_autoencoder_alone(cells, pairs):
    torch.manual_seed(0)
    settings = InfoNasSettings(**JOINT)
    model = InfoNas(6, 7, 1, pairs.io.targets.shape[2], settings)
    batch = joint.labelled_batches(*map(torch.as_tensor, pairs.io.subset("train")), settings)[0]
    targets = next(pairs.targets([batch]))
    loss, io_loss = joint._joint_loss(model, pairs, *batch, targets, settings)
    loss.backward()
    touched = {
        name: p.grad is not None and bool(p.grad.abs().sum() > 0) for name, p in model.named_parameters()
    }
    assert all(touched.values()), [name for name, was in touched.items() if not was]
    model.zero_grad(set_to_none=True)
    joint._joint_loss(model, pairs, *batch, targets, settings)[1].backward()  # the outputs' loss by itself
    assert model.vae.fc_mu.weight.grad.abs().sum() > 0  # reaches the encoder through the latents
    assert model.vae.fc_ops.weight.grad is None
    model.zero_grad(set_to_none=True)
    model.vae.loss(Graphs.of(cells[:8], CPU))[0].total.backward()
    assert all(p.grad is None for p in model.regressor.parameters())


def test_sharing_branches_changes_no_prediction(pairs):
    torch.manual_seed(0)
    model = InfoNas(6, 7, 1, pairs.io.targets.shape[2], InfoNasSettings(**JOINT)).eval()
    z = embed(model.vae, pairs.graphs)
    networks, images = torch.tensor([3, 3, 6, 2]), torch.tensor([5, 0, 5, 7])
    with torch.no_grad():
        one_by_one = model.regressor(z[networks], pairs.images[images])
        some_images, which = torch.unique(images, return_inverse=True)
        torch.testing.assert_close(model.regressor(z[networks], pairs.images[some_images], which), one_by_one)


@pytest.mark.parametrize("batch_images", [16, 0])
def test_labelled_batches_hold_every_pair_once(batch_images):
    settings = InfoNasSettings(**JOINT | {"labelled_batch_images": batch_images})
    networks, images = torch.arange(10, 17), torch.arange(40)
    torch.manual_seed(0)
    batches = joint.labelled_batches(networks, images, settings)
    found = [(int(n), int(i)) for rows in batches for n, i in zip(*rows, strict=True)]
    assert sorted(found) == [(n, i) for n in range(10, 17) for i in range(40)]
    assert found != sorted(found) and max(len(rows[0]) for rows in batches) <= 64
    if batch_images:
        assert all(len(set(rows[1].tolist())) <= 16 for rows in batches)


def test_turns_interleave_and_run_out():
    found = [kind[0] + str(i) for kind, i in joint.turns(5, 3, 2, 1)]
    assert found == ["l0", "l1", "u0", "l2", "l3", "u1", "l4", "u2"]
    assert [k for k, _ in joint.turns(1, 4, 3, 2)] == ["labelled", *["unlabelled"] * 4]


@pytest.mark.parametrize("kind", ["l1", "mse"])
def test_baseline_is_the_loss_of_predicting_the_mean(pairs, kind):
    found, targets = mean_baseline(pairs.io, kind), np.stack([*map(pairs.io.targets.of_network, range(7))])
    train = targets[2:][:, :60].reshape(-1, 11)
    both = targets[:2][:, 60:].reshape(-1, 11)
    first = targets[2:3][:, 60:].reshape(-1, 11)  # a tenth of five networks
    for name, values, mean in (
        ("train", train, train.mean(0)),
        ("unseen_both", both, train.mean(0)),
        ("own_unseen_both", both, both.mean(0)),
        ("unseen_images_valid", first, train.mean(0)),
    ):
        loss = np.abs(values - mean).mean() if kind == "l1" else np.square(values - mean).mean()
        assert found[name] == pytest.approx(loss, rel=1e-4)


@pytest.mark.parametrize("kind", ["l1", "mse"])
def test_losses_are_those_of_predicting_pair_by_pair(pairs, kind):
    torch.manual_seed(0)
    model = InfoNas(6, 7, 1, 11, InfoNasSettings(**JOINT)).eval()
    found, z = io_losses(model, pairs, kind), embed(model.vae, pairs.graphs)
    for name, networks, images in (
        ("train", range(2, 7), range(60)),
        ("unseen_networks", range(2), range(60)),
        ("unseen_images", range(2, 7), range(60, 80)),
        ("unseen_images_valid", range(2, 3), range(60, 80)),
        ("unseen_images_test", range(3, 7), range(60, 80)),
        ("unseen_both", range(2), range(60, 80)),
    ):
        losses = []
        with torch.no_grad():
            for n in networks:
                predicted = model.regressor(z[[n] * len(images)], pairs.images[list(images)])
                wrong = predicted - torch.as_tensor(pairs.io.targets.of_network(n)[list(images)])
                losses.append(float(wrong.abs().mean() if kind == "l1" else wrong.square().mean()))
        assert found[name] == pytest.approx(np.mean(losses), rel=1e-5)
    assert len(found) == 6


@pytest.mark.parametrize("batch_images", [16, 0])
def test_targets_from_a_file_teach_the_same_bits(batch_images, cells, files, tmp_path, monkeypatch):
    settings = InfoNasSettings(**JOINT | {"labelled_batch_images": batch_images, "epochs": 2})
    task = task_of(cells, settings, files)
    in_memory = fit(infonas, task)
    monkeypatch.setattr(targets, "IN_MEMORY", 0)
    work = tmp_path / "work"
    from_file = fit(infonas, replace(task, checkpoint=work / "checkpoint.pt"))
    assert [f.name for f in work.iterdir()] == ["checkpoint.pt"]
    assert from_file.history == in_memory.history and same_weights(from_file, in_memory)
    assert from_file.facts == in_memory.facts


def test_infonas_predicts_outputs_better_than_their_mean(cells, files):
    settings = InfoNasSettings(**JOINT | {"epochs": 40}, head_dropout=0.0)
    fitted = fit(infonas, task_of(cells, settings, files))
    last = fitted.history[-1]
    assert last["io_loss_train"] < 0.8 * fitted.facts["mean_baseline_train"]
    assert last["io_loss_unseen_images"] < fitted.facts["mean_baseline_unseen_images"]
    assert fitted.history[-1]["vae_loss"] < fitted.history[0]["vae_loss"]
    assert fitted.arrays["preprocessing/mean"].shape == (11,)
    assert fitted.arrays["preprocessing/shift"].shape == (7, 1, 1)


def test_both_models_start_from_the_same_autoencoder(pairs):
    torch.manual_seed(5)
    alone = Arch2Vec(6, Arch2VecSettings(**SMALL)).state_dict()
    torch.manual_seed(5)
    within = InfoNas(6, 7, 1, 11, InfoNasSettings(**JOINT)).vae.state_dict()
    assert all(torch.equal(alone[key], within[key]) for key in alone)


def test_infonas_refuses_data_that_do_not_belong_together(files, tmp_path):
    args, job = arguments(files, tmp_path, "infonas")
    args.io_dataset = None
    with pytest.raises(UserError, match="--io-dataset"):
        command.run(args, job)
    args, job = arguments(files, tmp_path, "infonas")
    args.images = tmp_path / "images.h5"
    args.images.write_bytes(files.images.read_bytes())
    with h5py.File(args.images, "r+") as handle:
        handle["labels"][0] += 1
    with pytest.raises(DataError, match="other images"):
        command.run(args, job)
    assert not args.out.exists()
