"""What trained networks output, and how outputs become regression targets."""

from __future__ import annotations

import itertools

import h5py
import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.artifacts import get_table, open_h5
from pipeline.errors import DataError
from pipeline.images.sets import load_images
from pipeline.io_dataset import command
from pipeline.io_dataset.preprocessing import EPS, Moments, Network, aligned, fit_scale
from pipeline.io_dataset.reading import SUBSETS, load_io_dataset, subset_rows
from pipeline.io_dataset.settings import PreprocessingSettings
from tests.unit import trained_networks as trained

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return trained.make(tmp_path_factory.mktemp("trained"))


def test_outputs_and_dense_layer_give_the_accuracy_that_training_measured(files):
    with open_h5(files.io_dataset, "io_dataset") as handle:
        outputs, weights, bias = (handle[name][()] for name in ("outputs", "class_weights", "class_bias"))
        seen, labels, table = handle["image_role"][()] == 0, handle["labels"][()], get_table(handle)
        assert handle["outputs"].chunks == (1, *outputs.shape[1:])  # a network is one piece on disk
    assert outputs.shape == (7, 60 + trained.N_UNSEEN_IMAGES, 10) and weights.shape == (7, 10, 10)
    logits = np.einsum("nic,nkc->nik", outputs, weights) + bias[:, None]
    accuracy = (logits.argmax(axis=2) == labels)[:, seen].mean(axis=1)
    np.testing.assert_allclose(accuracy, table["val_acc"], atol=1e-6)
    assert len(set(accuracy)) > 1


def test_seen_images_are_validation_images_and_unseen_ones_test_images(files):
    images = load_images(files.images)
    with open_h5(files.io_dataset, "io_dataset") as handle:
        index, role, labels = (handle[name][()] for name in ("image_index", "image_role", "labels"))
        assert handle["network_role"][()].tolist() == [1, 1, 0, 0, 0, 0, 0]
    np.testing.assert_array_equal(index[role == 0], np.flatnonzero(images.split == 1))
    assert set(images.split[index[role == 1]]) == {2} and len(set(index)) == len(index)
    np.testing.assert_array_equal(labels, images.labels[index])


def test_same_job_same_bytes_and_half_precision_is_close(files, tmp_path):
    command.run(trained.io_arguments(files, tmp_path / "again.h5"), trained.io_job())
    assert (tmp_path / "again.h5").read_bytes() == files.io_dataset.read_bytes()
    command.run(
        trained.io_arguments(files, tmp_path / "half.h5"), trained.io_job(dtype="float16", batch_size=7)
    )
    with open_h5(tmp_path / "half.h5") as half, open_h5(files.io_dataset) as full:
        assert half["outputs"].dtype == np.float16
        np.testing.assert_allclose(half["outputs"][()], full["outputs"][()], rtol=2e-3, atol=1e-4)


def test_refusals(files, tmp_path):
    with pytest.raises(DataError, match="has 100 test images"):
        command.run(trained.io_arguments(files, tmp_path / "a.h5"), trained.io_job(n_unseen_images=101))
    with h5py.File(files.children, "r") as chunk, h5py.File(tmp_path / "part.h5", "w") as part:
        for name in chunk:
            chunk.copy(name, part)
        part.attrs.update(chunk.attrs)
        part["table/cell"][3] = b"another"
    arguments = trained.io_arguments(files, tmp_path / "b.h5")
    arguments.children = [tmp_path / "part.h5"]
    with pytest.raises(DataError, match="in none of the chunks"):
        command.run(arguments, trained.io_job())
    assert not list(tmp_path.glob("[ab].h5*"))


def plainly(outputs, weights, bias, labels, seen, s: PreprocessingSettings) -> np.ndarray:
    """Facts on the thesis' preprocessing, one number at a time."""
    n_features = outputs.shape[1] + s.include_bias
    rows = [[*row, 1.0][:n_features] for row in outputs.tolist()]
    by_class = [[*w, b][:n_features] for w, b in zip(weights.tolist(), bias.tolist(), strict=True)]

    def statistics(feature: int, label: int):
        chosen = [feature] if s.scale == "feature" else range(n_features)
        values = [
            row[f] * (by_class[label][f] if s.weighted else 1)
            for row, is_seen in zip(rows, seen, strict=True)
            for f in chosen
            if is_seen
        ]
        if s.scale == "none":
            return 0.0, 1.0
        return (np.mean(values), np.std(values) + EPS) if s.normalize else (0.0, max(map(abs, values)))

    targets = []
    for row, label in zip(rows, labels, strict=True):
        made = []
        for f, value in enumerate(row):
            weight = by_class[label][f] if s.multiply else 1
            shift, divisor = statistics(f, label)
            if s.order == "multiply_first":
                made.append((value * weight - shift) / divisor)
            else:
                made.append((value - shift) / divisor * weight)
        order = sorted(range(n_features), key=lambda f, label=label: -by_class[label][f])
        targets.append([made[f] for f in order[: s.top_k or n_features]])
    return np.array(targets)


CHOICES = [
    {"scale": scale, "order": order, "multiply": multiply, "weighted": weighted, "normalize": normalize}
    for scale, order, multiply, weighted, normalize in itertools.product(
        ("network", "feature", "none"), ("multiply_first", "scale_first"), *[(True, False)] * 3
    )
    if not weighted or (multiply and order == "multiply_first")
]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: "-".join(map(str, c.values())))
def test_alignment_against_a_plain_version(choice):
    outputs, weights = RNG.random((8, 4)), RNG.normal(size=(3, 4))
    bias, labels = RNG.normal(size=3), np.array([0, 1, 2, 0, 1, 2, 2, 0])
    seen = np.arange(8) < 6
    for more in ({}, {"include_bias": False}, {"top_k": 2}):
        settings = PreprocessingSettings(**choice, **more)
        network = Network.of(outputs, weights, bias, settings)
        found = aligned(network, labels, fit_scale(network, seen, settings), settings)
        expected = plainly(outputs, weights, bias, labels, seen, settings)
        # a feature that never changes is scaled by 1 / EPS, where float32 has few digits left
        rough = expected if settings.scale == "feature" else 1
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(rough).max())


def test_weighted_statistics_need_weighted_features():
    with pytest.raises(ValidationError, match="weighted"):
        PreprocessingSettings(weighted=True, multiply=False)
    with pytest.raises(ValidationError, match="weighted"):
        PreprocessingSettings(weighted=True, order="scale_first")


def test_moments_of_parts_are_those_of_all():
    rows = RNG.normal(1e4, 1e-2, size=(500, 3))  # a sum of squares would lose every digit of the deviation
    moments = Moments(3)
    for part in np.array_split(rows, [1, 30, 200]):
        moments.add(part)
    fitted = moments.whole_set()
    np.testing.assert_allclose(fitted.mean, rows.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(fitted.std, rows.std(axis=0), rtol=1e-4)


def test_targets_are_standard_over_training_networks_and_seen_images(files):
    io = load_io_dataset(files.io_dataset, PreprocessingSettings())
    networks, images = io.subset("train")
    values = io.targets[np.ix_(networks, images)].reshape(-1, io.targets.shape[2])
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(values.std(axis=0), 1, atol=1e-3)
    raw = load_io_dataset(files.io_dataset, PreprocessingSettings(whole_set=False))
    assert raw.whole_set is None
    np.testing.assert_allclose((raw.targets - io.whole_set.mean) / io.whole_set.std, io.targets, atol=1e-4)


def test_statistics_know_nothing_of_unseen_networks_and_images(files, tmp_path):
    changed = tmp_path / "changed.h5"
    changed.write_bytes(files.io_dataset.read_bytes())
    with h5py.File(changed, "r+") as handle:
        outputs, seen = handle["outputs"][()], handle["image_role"][()] == 0
        outputs[:, ~seen] += 5
        outputs[handle["network_role"][()] == 1] *= 3
        handle["outputs"][:] = outputs
    before, after = (load_io_dataset(f, PreprocessingSettings()) for f in (files.io_dataset, changed))
    np.testing.assert_array_equal(before.whole_set.mean, after.whole_set.mean)
    np.testing.assert_array_equal(before.whole_set.std, after.whole_set.std)
    networks, images = before.subset("train")
    rows = np.ix_(networks, images)
    np.testing.assert_array_equal(before.targets[rows], after.targets[rows])
    for n in networks:
        np.testing.assert_array_equal(before.scales[n].shift, after.scales[n].shift)
    assert not np.array_equal(before.targets, after.targets)


def test_subsets_are_those_of_the_thesis():
    network_role, image_role = np.repeat([1, 0], [4, 21]), np.repeat([0, 1], [10, 6])
    sizes = {name: [len(rows) for rows in subset_rows(name, network_role, image_role)] for name in SUBSETS}
    assert sizes == {
        "train": [21, 10],
        "unseen_networks": [4, 10],
        "unseen_images": [21, 6],
        "unseen_both": [4, 6],
    }
    valid, test = (
        subset_rows(f"unseen_images_{part}", network_role, image_role) for part in ("valid", "test")
    )
    assert [len(valid[0]), len(test[0])] == [3, 18]  # a tenth, rounded up
    assert sorted([*valid[0], *test[0]]) == subset_rows("train", network_role, image_role)[0].tolist()
    np.testing.assert_array_equal(valid[1], test[1])
    for name in ("nothing", "train_valid"):
        with pytest.raises(ValueError, match="no subset"):
            subset_rows(name, network_role, image_role)
