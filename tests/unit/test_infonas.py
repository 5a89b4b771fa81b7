"""info-NAS: labelled batches, joint training, losses on the named parts, what is refused."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from pipeline.autoencoders import command, infonas, joint
from pipeline.autoencoders.baselines import baselines
from pipeline.autoencoders.infonas_settings import InfoNasSettings
from pipeline.autoencoders.io_losses import Predictions, deviation, in_batches, io_losses, of_parts
from pipeline.autoencoders.labelled import load_labelled
from pipeline.autoencoders.regressor import InfoNas
from pipeline.autoencoders.settings import Arch2VecSettings
from pipeline.autoencoders.vae import Arch2Vec
from pipeline.errors import DataError, UserError
from pipeline.io_dataset import targets
from pipeline.spaces.archs import Archs
from tests.unit.autoencoder_tasks import JOINT, SMALL, arguments, fit, same_weights, task_of
from tests.unit.predictor_cells import some_cells

PARTS = {  # of the trained networks: 2 held out, 5 labelled; 60 seen images, 20 unseen
    "train": (range(2, 7), range(60)),
    "unseen_networks": (range(2), range(60)),
    "unseen_images": (range(2, 7), range(60, 80)),
    "unseen_images_valid": (range(2, 3), range(60, 80)),
    "unseen_images_test": (range(3, 7), range(60, 80)),
    "unseen_both": (range(2), range(60, 80)),
}


@pytest.fixture(scope="module")
def cells() -> Archs:
    return some_cells(500)


@pytest.fixture(scope="module")
def task(cells, files):
    return task_of(cells, InfoNasSettings(**JOINT), files)


@pytest.fixture(scope="module")
def labelled(task):
    return load_labelled(task)


def test_labelled_step_teaches_both_parts_and_unlabelled_step_the_autoencoder_alone(task, labelled):
    torch.manual_seed(0)
    model = infonas.new_model(task, labelled)
    steps = joint.Steps(model, labelled, task, None)
    batch = joint.labelled_batches(*map(torch.as_tensor, labelled.subset("train")), task.settings)[0]
    before = {name: p.clone() for name, p in model.named_parameters()}
    losses = steps.labelled(*batch, next(labelled.ahead([batch])), 1.0)
    unmoved = [name for name, p in model.named_parameters() if torch.equal(p, before[name])]
    assert not unmoved and set(losses) == {"io_loss", "vae_loss_labelled"}
    before = {name: p.clone() for name, p in model.named_parameters()}
    assert set(steps.unlabelled(torch.arange(8), 1.0)) == {"vae_loss"}
    moved = {
        name.partition(".")[0] for name, p in model.named_parameters() if not torch.equal(p, before[name])
    }
    assert moved == {"vae"}


def test_loss_of_outputs_reaches_the_encoder_through_the_latents(task, labelled):
    torch.manual_seed(0)
    model = infonas.new_model(task, labelled)
    graphs = labelled.graphs.take(torch.arange(4))
    _, z = model.vae.loss(graphs)
    model.predict(graphs.joined(z), model.see(labelled.images[:4])).abs().mean().backward()
    assert model.vae.fc_mu.weight.grad.abs().sum() > 0
    assert model.vae.fc_ops.weight.grad is None


def test_an_image_counts_once_in_a_step_whatever_its_networks(task, labelled):
    torch.manual_seed(0)
    model = infonas.new_model(task, labelled).eval()
    predictions = Predictions(model, labelled)
    networks, images = torch.tensor([3, 3, 6, 2]), torch.tensor([5, 0, 5, 7])
    with torch.no_grad():
        one_by_one = model.predict(predictions.z[networks], model.see(labelled.images[images]))
    for row, (network, image) in enumerate(zip(networks.tolist(), images.tolist(), strict=True)):
        found = predictions.of_network(network, np.array([image]))
        torch.testing.assert_close(found[0], one_by_one[row])


@pytest.mark.parametrize("batch_images", [16, 0, 1000])
def test_labelled_batches_hold_every_pair_once(batch_images):
    settings = InfoNasSettings(**JOINT | {"labelled_batch_images": batch_images})
    networks, images = torch.arange(10, 17), torch.arange(40)
    torch.manual_seed(0)
    batches = joint.labelled_batches(networks, images, settings)
    found = [(int(n), int(i)) for rows in batches for n, i in zip(*rows, strict=True)]
    assert sorted(found) == [(n, i) for n in range(10, 17) for i in range(40)]
    assert found != sorted(found) and max(len(rows[0]) for rows in batches) <= 64
    if batch_images == 16:
        assert all(len(set(rows[1].tolist())) <= 16 for rows in batches)


def test_turns_interleave_and_run_out():
    found = [kind[0] + str(i) for kind, i in joint.turns(5, 3, 2, 1)]
    assert found == ["l0", "l1", "u0", "l2", "l3", "u1", "l4", "u2"]
    assert [k for k, _ in joint.turns(1, 4, 3, 2)] == ["labelled", *["unlabelled"] * 4]


def test_automatic_run_is_the_authors():
    thesis = InfoNasSettings(unlabelled_run="auto", labelled_batch_size=32)
    cells = int(423_624 * 0.9) - 608
    assert joint.unlabelled_run(cells // 32, 608, thesis) == 206
    assert joint.unlabelled_run(10, 5, thesis) == 3 and joint.unlabelled_run(1, 5, thesis) == 1
    assert joint.unlabelled_run(cells, 608, InfoNasSettings(unlabelled_run=7)) == 7


def test_learning_rate_of_labelled_steps_is_their_own(task, labelled):
    settings = InfoNasSettings(**JOINT | {"lr": 0.01, "io_lr": 0.002})
    torch.manual_seed(0)
    steps = joint.Steps(infonas.new_model(task, labelled), labelled, replace(task, settings=settings), None)
    batch = joint.labelled_batches(*map(torch.as_tensor, labelled.subset("train")), settings)[0]
    steps.labelled(*batch, next(labelled.ahead([batch])), 0.5)
    steps.unlabelled(torch.arange(8), 0.5)
    assert steps.jointly.param_groups[0]["lr"] == pytest.approx(0.001)
    assert steps.alone.param_groups[0]["lr"] == pytest.approx(0.005)
    assert InfoNasSettings(lr=0.01).highest_io_lr == 0.01


def _pair_losses(labelled, predicted, name: str, kind: str) -> np.ndarray:
    """predicted(network, images) -> (images, F); the plain way."""
    networks, images = PARTS[name]
    wrong = [predicted(n, list(images)) - labelled.targets.of_network(n)[list(images)] for n in networks]
    wrong = np.abs(wrong) if kind == "l1" else np.square(wrong)
    return wrong.mean(axis=2)  # (networks, images)


@pytest.mark.parametrize("kind", ["l1", "mse"])
def test_baseline_is_the_loss_of_predicting_the_mean(labelled, kind):
    settings = InfoNasSettings(**JOINT | {"labelled_batch_size": 7})
    found = {(row["set"], row["of"], row["loss"]): row for row in baselines(labelled, settings)}
    assert len(found) == 6 * 2 * 2
    values = np.stack([*map(labelled.targets.of_network, range(7))])
    means = {name: values[np.ix_(*map(list, part))].mean(axis=(0, 1)) for name, part in PARTS.items()}
    for name in PARTS:
        for of, mean in (("train", means["train"]), ("own", means[name])):
            losses = _pair_losses(labelled, lambda n, images, mean=mean: mean[None], name, kind)
            row, pairs = found[name, of, kind], losses.reshape(-1)
            batches = pairs[: len(pairs) // 7 * 7].reshape(-1, 7).mean(axis=1)
            assert row["mean"] == pytest.approx(losses.mean(), rel=1e-5)
            assert row["n_batches"] == len(pairs) // 7
            assert row["std"] == pytest.approx(np.std(batches, ddof=1), rel=1e-3)
            assert row["median"] == pytest.approx(np.median(batches), rel=1e-5)
            assert row["ci95"] == pytest.approx(1.96 * row["std"] / np.sqrt(len(batches)), rel=1e-4)


def test_baselines_interval_by_hand():
    losses = np.array([[1.0, 3.0, 2.0], [6.0, 1.0, 5.0], [9.0, 9.0, 9.0]])
    assert in_batches(losses, 2).tolist() == [2, 4, 3, 9]  # the ninth pair makes no batch
    assert deviation(in_batches(losses, 2)) == pytest.approx(np.sqrt(29 / 3))
    assert in_batches(losses, 100).tolist() == [5] and np.isnan(deviation(in_batches(losses, 100)))


@pytest.mark.parametrize("kind", ["l1", "mse"])
def test_losses_are_those_of_predicting_pair_by_pair(task, labelled, kind):
    settings = InfoNasSettings(**JOINT | {"loss": kind, "labelled_batch_size": 7})
    torch.manual_seed(0)
    model = infonas.new_model(task, labelled).eval()
    found, predictions = io_losses(model, labelled, settings), Predictions(model, labelled)
    for name in PARTS:
        losses = _pair_losses(
            labelled, lambda n, images: predictions.of_network(n, np.array(images)).numpy(), name, kind
        )
        pairs = losses.reshape(-1)
        batches = pairs[: len(pairs) // 7 * 7].reshape(-1, 7).mean(axis=1)
        assert found[f"io_loss_{name}"] == pytest.approx(losses.mean(), rel=1e-5)
        assert found[f"io_{kind}_{name}"] == found[f"io_loss_{name}"]
        assert found[f"io_loss_{name}_median"] == pytest.approx(np.median(batches), rel=1e-5)
        assert found[f"io_loss_{name}_std"] == pytest.approx(np.std(batches, ddof=1), rel=1e-3)
        of_networks = losses.mean(axis=1)
        assert found[f"io_loss_{name}_network_median"] == pytest.approx(np.median(of_networks), rel=1e-5)
    assert "io_loss_unseen_images_valid_network_std" not in found  # of one network
    assert len(found) == 6 * 7 - 1


def test_losses_on_some_of_the_images(task, labelled):
    settings = InfoNasSettings(**JOINT | {"n_measured_images": 15})
    torch.manual_seed(0)
    predictions = Predictions(infonas.new_model(task, labelled), labelled)
    some, every = (of_parts(predictions, labelled, s) for s in (settings, task.settings))
    assert some["train"]["l1"].shape == (5, 15) and every["train"]["l1"].shape == (5, 60)
    np.testing.assert_allclose(some["train"]["l1"], every["train"]["l1"][:, ::4], rtol=1e-5)
    assert some["unseen_images"]["mse"].shape == (5, 15)


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
    settings = InfoNasSettings(**JOINT | {"epochs": 40, "head_dropout": 0.0, "n_distances": 0})
    fitted = fit(infonas, task_of(cells, settings, files))
    last = fitted.history[-1]
    assert last["io_loss_train"] < 0.8 * fitted.facts["mean_baseline_train"]
    assert last["io_loss_unseen_images"] < fitted.facts["mean_baseline_unseen_images"]
    assert last["vae_loss"] < fitted.history[0]["vae_loss"]
    assert last["vae_loss_labelled"] < fitted.history[0]["vae_loss_labelled"]
    assert fitted.arrays["preprocessing/mean"].shape == (11,)
    assert fitted.arrays["preprocessing/shift"].shape == (7, 1, 1)


def test_weights_of_losses_change_training_but_not_their_scale(cells, files):
    both = [
        fit(infonas, task_of(cells, InfoNasSettings(**JOINT | {"epochs": 1} | weights), files)).history[0]
        for weights in ({}, {"io_weight": 50.0, "vae_weight": 0.01})
    ]
    assert both[0]["io_loss"] != both[1]["io_loss"]
    assert both[1]["io_loss"] == pytest.approx(both[0]["io_loss"], rel=0.3)
    assert both[1]["vae_loss_labelled"] == pytest.approx(both[0]["vae_loss_labelled"], rel=0.5)


def test_both_models_start_from_the_same_autoencoder():
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


def test_infonas_refuses_networks_that_its_own_table_does_not_know(files, tmp_path):
    args, job = arguments(files, tmp_path, "infonas", n_distances=0)
    args.benchmark_table = tmp_path / "table.h5"
    args.benchmark_table.write_bytes(files.table.read_bytes())
    with h5py.File(args.benchmark_table, "r+") as handle:
        first = handle["table/cell"][2]
        handle["table/cell"][2] = b"0" * 32
    with pytest.raises(DataError, match=f"its network {first.decode()} is not in .*table.h5"):
        command.run(args, job)
    job.settings["io_dataset"] = "another"  # benchmark, whose cells this table need not know
    command.run(args, job)


def test_infonas_refuses_another_space_and_too_many_features(task, files, tmp_path):
    with pytest.raises(DataError, match="holds networks of nasbench101, expected nasbench201"):
        load_labelled(replace(task, space="nasbench201"))
    settings = InfoNasSettings(**JOINT | {"preprocessing": {"top_k": 12}})
    with pytest.raises(DataError, match="top_k is 12, but its networks have 11 features; lower it"):
        load_labelled(replace(task, settings=settings))
    settings = InfoNasSettings(**JOINT | {"preprocessing": {"top_k": 11}})
    assert load_labelled(replace(task, settings=settings)).n_features == 11
