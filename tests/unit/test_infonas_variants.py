"""info-NAS' regressors, targets, reference, and what the artifact keeps beside losses."""

from __future__ import annotations

import re
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from pipeline.autoencoders import collect, command, infonas, joint
from pipeline.autoencoders.distances import distances, one_edit
from pipeline.autoencoders.infonas_settings import InfoNasSettings
from pipeline.autoencoders.io_losses import PARTS
from pipeline.autoencoders.labelled import load_labelled
from pipeline.autoencoders.reading import load_encoder
from pipeline.autoencoders.reference import Reference
from pipeline.autoencoders.shown import shown
from pipeline.autoencoders.vae import Arch2Vec
from pipeline.errors import DataError
from pipeline.search import latent_neighbours
from pipeline.search.latent_cells import embedding
from pipeline.spaces import load
from pipeline.spaces.archs import Archs
from pipeline.storage.artifacts import get_archs, open_h5
from tests.unit import trained_networks as trained
from tests.unit.autoencoder_tasks import CPU, JOINT, arguments, fit, killed_in_epoch, same_weights, task_of
from tests.unit.predictor_cells import some_cells

TABLES = Path(__file__).resolve().parents[2] / "docs" / "reference" / "tables.md"


@pytest.fixture(scope="module")
def cells() -> Archs:
    return some_cells(500)


def task_with(cells, files, **changes):
    return task_of(cells, InfoNasSettings(**JOINT | changes), files)


@pytest.fixture(scope="module")
def plain(cells, files):
    return fit(infonas, task_with(cells, files))


@pytest.fixture(scope="module")
def with_reference(cells, files):
    return fit(infonas, task_with(cells, files, reference=True))


def test_reference_changes_nothing_of_infonas(plain, with_reference):
    for ours, beside in zip(plain.history, with_reference.history, strict=True):
        assert ours == {k: v for k, v in beside.items() if not k.startswith("reference_")}
        assert {"reference_vae_loss", "reference_vae_loss_labelled", "reference_op_accuracy"} <= beside.keys()
        assert beside["reference_vae_loss_labelled"] != beside["vae_loss_labelled"]
    assert same_weights(plain, with_reference)
    assert "reference" in with_reference.modules and "reference" not in plain.modules


class Recorded(joint.Steps):
    """Remembers which graphs each step was given, and the random state before it."""

    seen: list = []

    def _beside(self, graphs, share, state, name):
        self.seen.append((graphs, share, state.clone()))
        return super()._beside(graphs, share, state, name)


def test_reference_is_plain_arch2vec_on_the_same_batches(cells, files, monkeypatch):
    monkeypatch.setattr(joint, "Steps", Recorded)
    Recorded.seen = []
    task = task_with(cells, files, reference=True, epochs=2)
    torch.manual_seed(7)
    start = Arch2Vec(6, task.settings)
    found = fit(infonas, task, seed=7).modules["reference"]
    adam = torch.optim.Adam(start.parameters(), lr=task.settings.lr)
    n_labelled = sum(len(graphs.ops) < 10 for graphs, *_ in Recorded.seen)
    assert 0 < n_labelled < len(Recorded.seen)
    for graphs, share, state in Recorded.seen:
        torch.set_rng_state(state)
        start.train()
        loss, _ = start.loss(graphs)
        adam.param_groups[0]["lr"] = share * task.settings.lr
        adam.zero_grad()
        loss.total.backward()
        torch.nn.utils.clip_grad_norm_(start.parameters(), task.settings.gradient_clip)
        adam.step()
    plain, reference = start.state_dict(), found.state_dict()
    assert all(torch.equal(plain[key], reference[key]) for key in plain)


def test_labelled_steps_of_no_weight_are_the_reference_s(cells, files):
    task = task_with(cells, files, reference=True, io_weight=0.0, epochs=1)
    task = replace(task, cells=task.cells.take(slice(0, 0)))  # labelled steps alone
    labelled = load_labelled(task)
    torch.manual_seed(0)
    model = infonas.new_model(task, labelled)
    reference = Reference(model.vae, task.settings.lr)
    history = joint.train(model, labelled, task, reference)
    ours, beside = model.vae.state_dict(), reference.vae.state_dict()
    for key in ours:  # but for rounding in the gradients' norm
        torch.testing.assert_close(ours[key], beside[key], atol=1e-4, rtol=1e-4)
    assert history[0]["vae_loss_labelled"] == pytest.approx(
        history[0]["reference_vae_loss_labelled"], rel=1e-5
    )


def test_training_with_a_reference_goes_on_after_a_kill(cells, files, with_reference, tmp_path, monkeypatch):
    killed, calls = killed_in_epoch(3, joint.io_losses)
    task = task_with(cells, files, reference=True)
    task = replace(task, checkpoint=tmp_path / "checkpoint.pt", identity="this")
    monkeypatch.setattr(joint, "io_losses", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(infonas, task)
    torch.manual_seed(99)
    continued = infonas.fit(task)
    assert len(calls) == 4
    assert continued.history == with_reference.history and same_weights(continued, with_reference)
    for name, values in with_reference.arrays.items():
        np.testing.assert_array_equal(continued.arrays[name], values)


@pytest.mark.parametrize(
    "changes",
    [
        {"regressor": "concat", "lr": 0.003, "labelled_batch_images": 0, "epochs": 9},
        {"regressor": "accuracy", "lr": 0.001, "labelled_run": 1, "unlabelled_run": 2, "labelled_passes": 3},
        {"targets": "network_mean"},
        {"precision": "bfloat16"},
        {"preprocessing": {"top_k": 4, "scale": "none", "whole_set": False}, "loss": "mse", "epochs": 10},
    ],
)
def test_variants_learn(changes, cells, files):
    task = task_with(cells, files, **{"epochs": 7, "head_dropout": 0.0, "n_distances": 0} | changes)
    fitted = fit(infonas, task)
    first, last = fitted.history[0], fitted.history[-1]
    assert last["io_loss_train"] < first["io_loss_train"]
    if changes.get("regressor") != "accuracy":  # after one epoch of training, all networks are as bad
        assert last["io_loss_train"] < fitted.facts["mean_baseline_train"]
    assert {part.split("/")[0] for part in fitted.arrays} >= {"baselines", "shown"}


def test_accuracy_control_learns_the_tables_accuracies(cells, files):
    task = task_with(cells, files, regressor="accuracy")
    assert task.settings.loss == "mse"
    labelled = load_labelled(task)
    with open_h5(files.table) as handle:
        val_acc = handle["metrics/digits/val_acc@1"][()].mean(axis=1)
    found = [labelled.targets.of_network(n).item() for n in range(7)]
    np.testing.assert_allclose(found, val_acc, rtol=1e-6)
    history = fit(infonas, task).history
    assert "io_loss_unseen_networks" in history[0] and "io_loss_unseen_images" not in history[0]


def test_accuracy_control_names_a_network_without_one(cells, files, tmp_path):
    path = tmp_path / "io.h5"
    path.write_bytes(files.io_dataset.read_bytes())
    with h5py.File(path, "r+") as handle:
        handle["table/val_acc"][3] = np.nan
    task = replace(task_with(cells, files, regressor="accuracy"), io_dataset=path)
    with pytest.raises(DataError, match=r"row 3\) has no validation accuracy"):
        load_labelled(task)


def test_means_of_networks_are_over_seen_and_unseen_images(cells, files):
    pairs = load_labelled(task_with(cells, files))
    means = load_labelled(task_with(cells, files, targets="network_mean"))
    values = pairs.targets.of_network(3)
    found = means.targets.of_network(3)
    np.testing.assert_allclose(found[0], values[:60].mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(found[1], values[60:].mean(axis=0), atol=1e-5)
    assert means.subset("unseen_both")[1].tolist() == [1] and means.images.shape == (2, 0, 1, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"regressor": "linear"}, "expected one of accuracy, concat, dense"),
        ({"regressor": "concat", "targets": "network_mean"}, "concat needs images"),
        ({"regressor": "accuracy", "targets": "network_mean"}, "accuracy learns no outputs"),
        ({"unlabelled_run": "all"}, "unlabelled_run"),
        ({"io_lr": 0}, "io_lr"),
    ],
)
def test_settings_are_checked(changes, message):
    with pytest.raises(ValidationError, match=message):
        InfoNasSettings(**changes)


def test_shown_predictions_are_freed_of_the_whole_set_s_scale(cells, files):
    task = task_with(cells, files)
    labelled = load_labelled(task)
    torch.manual_seed(0)
    model = infonas.new_model(task, labelled)
    found = shown(model, labelled, 3, seed=1)
    assert found["shown/train/predicted"].shape == found["shown/train/true"].shape == (9, 11)
    assert found["shown/unseen_both/true"].shape == (2 * 3, 11)
    rows = {int(index): row for row, index in enumerate(labelled.image_index)}
    std, mean = labelled.io.whole_set.std, labelled.io.whole_set.mean
    for name in ("train", "unseen_images_test"):
        networks, images = found[f"shown/{name}/network"], found[f"shown/{name}/image"]
        truth = [labelled.targets.of_network(n)[rows[i]] for n, i in zip(networks, images, strict=True)]
        np.testing.assert_allclose(found[f"shown/{name}/true"], np.array(truth) * std + mean, rtol=1e-5)
    other = shown(infonas.new_model(task, labelled), labelled, 3, seed=1)
    np.testing.assert_array_equal(other["shown/train/network"], found["shown/train/network"])
    assert not np.array_equal(other["shown/train/predicted"], found["shown/train/predicted"])
    assert shown(model, labelled, 0, seed=1) == {}


@pytest.mark.parametrize("space", ["nasbench101", "nasbench201", "darts"])
def test_edited_cells_differ_by_one_entry(space):
    archs = load(space).sample(30, np.random.default_rng(0))
    one, other = one_edit(archs, 100, np.random.default_rng(1))
    assert len(one) > 20
    edits = (one.ops != other.ops).reshape(len(one), -1).sum(axis=1)
    if one.adj is not None:
        edits += (one.adj != other.adj).reshape(len(one), -1).sum(axis=1)
    assert (edits == 1).all() and load(space).validate(other).all()


def test_distances_are_between_latents_of_the_same_pairs(with_reference, cells):
    vaes = {name: with_reference.modules[name] for name in ("vae", "reference")}
    found = distances(vaes, {"unlabelled": cells[:60]}, 50, 3, CPU)
    assert set(found) == {f"distances/unlabelled/{k}/{m}" for k in ("random", "edit_1") for m in vaes}
    assert found["distances/unlabelled/random/vae"].shape == (50,)
    assert (found["distances/unlabelled/random/vae"] > 0).all()
    for name in vaes:
        near, far = (found[f"distances/unlabelled/{kind}/{name}"].mean() for kind in ("edit_1", "random"))
        assert near < far
    assert distances(vaes, {"unlabelled": cells[:60]}, 0, 3, CPU) == {}


def test_artifact_with_a_reference_is_whole_and_comes_out_again(files, tmp_path):
    args, job = arguments(files, tmp_path, "infonas", reference=True, n_shown=2)
    command.run(args, job)
    first = args.out.read_bytes()
    command.run(args, job)
    assert args.out.read_bytes() == first
    with open_h5(args.out, "autoencoder") as handle:
        assert set(handle["weights"]) == {"vae", "reference", "regressor"}
        assert {"labelled", "unlabelled"} == set(handle["distances"])
        assert handle["shown/train/true"].shape == (4, 11)
        assert 0 <= handle.attrs["reference_validity"] <= 1 and "reference_uniqueness" in handle.attrs
        archs, kept = get_archs(handle), handle["reference_embeddings"][()]
    ours, beside = (load_encoder(args.out, part=part).embed(archs) for part in ("vae", "reference"))
    np.testing.assert_array_equal(beside, kept)
    assert ours.shape == beside.shape and not np.array_equal(ours, beside)
    for name, expected in (("infonas", ours), ("infonas/1@reference", beside)):  # as a strategy names them
        context = Namespace(latents={name: args.out}, device="cpu")
        embed = embedding(context, latent_neighbours.Settings(latents=name, point="flat"))
        np.testing.assert_array_equal(embed(archs), expected)
    with pytest.raises(DataError, match="reference: true"):
        load_encoder(write_plain(files, tmp_path), part="reference")


def write_plain(files, folder):
    args, job = arguments(files, folder, "arch2vec")
    command.run(args, job)
    return args.out


def test_table_has_a_row_for_each_run(files, tmp_path):
    outs = []
    for model, changes in (("infonas", {"reference": True}), ("arch2vec", {})):
        args, job = arguments(files, tmp_path, model, **changes)
        command.run(args, job)
        outs.append(args.out)
    out = tmp_path / "autoencoders.csv"
    args = type("Args", (), {"autoencoders": outs, "out": out})
    collect.run(args, trained.job("autoencoders_table"))
    table = pd.read_csv(out)
    assert table["model"].tolist() == ["arch2vec", "infonas"] and table["epochs"].tolist() == [3, 3]
    assert table["baseline_l1_train"].isna().tolist() == [True, False]
    ours = table.iloc[1]
    with open_h5(outs[0]) as handle:
        assert ours["baseline_l1_train"] == pytest.approx(handle.attrs["mean_baseline_train"], abs=1e-6)
    documented = TABLES.read_text()
    for column in table:  # by its name, or as one of many that are made alike
        for part in sorted(PARTS, key=len, reverse=True):
            column = re.sub(rf"_{part}(?=_|$)", "_SET", column)
        column = re.sub("_(l1|mse)_", "_LOSS_", column.removeprefix("reference_"))
        column = re.sub("_(std|median|ci95|labelled)$", "", column)
        assert column in documented, column
    assert ours["baseline_own_mse_unseen_both"] <= ours["baseline_mse_unseen_both"]
    assert ours["baseline_mse_train_ci95"] > 0 and ours["reference_op_accuracy"] > 0
