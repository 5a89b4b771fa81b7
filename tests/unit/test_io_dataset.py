"""How what trained networks output becomes regression targets, and how these are read."""

from __future__ import annotations

import itertools

import h5py
import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.errors import DataError, UserError
from pipeline.io_dataset import targets as targets_module
from pipeline.io_dataset.preprocessing import EPS, Moments, Network, aligned, fit_scale
from pipeline.io_dataset.reading import load_io_dataset
from pipeline.io_dataset.settings import PreprocessingSettings
from pipeline.io_dataset.subsets import SUBSETS, THESIS_SETS, subset_rows
from pipeline.io_dataset.targets import Targets
from pipeline.storage.artifacts import open_h5

RNG = np.random.default_rng(0)


def everything(io) -> np.ndarray:
    return np.stack([io.targets.of_network(n) for n in range(io.targets.shape[0])])


def plainly(outputs, weights, bias, labels, seen, s: PreprocessingSettings) -> np.ndarray:
    """Facts on the thesis' preprocessing, one number at a time."""
    n_features = outputs.shape[1] + s.include_bias
    rows = [[*row, 1.0][:n_features] for row in outputs.tolist()]
    by_class = [[*w, b][:n_features] for w, b in zip(weights.tolist(), bias.tolist(), strict=True)]

    def statistics(feature: int, label: int):
        chosen = [feature] if s.scale == "feature" else range(n_features)
        values = [
            row[f] * (by_class[label][f] if s.weighted else 1)
            for row, is_seen, own in zip(rows, seen, labels, strict=True)
            for f in chosen
            if is_seen and (own == label or not s.per_label)
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
    dict(zip(("scale", "order", "multiply", "weighted", "normalize", "per_label"), values, strict=True))
    for values in itertools.product(
        ("network", "feature", "none"), ("multiply_first", "scale_first"), *[(True, False)] * 4
    )
    for _, order, multiply, weighted, *_ in [values]
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
        found = aligned(network, labels, fit_scale(network, labels, seen, settings), settings)
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
    networks, images = subset_rows("train", io.network_role, io.image_role)
    values = everything(io)[np.ix_(networks, images)].reshape(-1, io.targets.shape[2])
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(values.std(axis=0), 1, atol=1e-3)
    raw = load_io_dataset(files.io_dataset, PreprocessingSettings(whole_set=False))
    assert raw.whole_set is None
    standardised = (everything(raw) - io.whole_set.mean) / io.whole_set.std
    np.testing.assert_array_equal(standardised, everything(io))


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
    networks, images = subset_rows("train", before.network_role, before.image_role)
    rows = np.ix_(networks, images)
    np.testing.assert_array_equal(everything(before)[rows], everything(after)[rows])
    for n in networks:
        np.testing.assert_array_equal(before.scales[n].shift, after.scales[n].shift)
    assert not np.array_equal(everything(before), everything(after))


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


def test_sets_have_the_sizes_of_the_thesis_table_3_4():
    network_role, image_role = np.repeat([0, 1], [608, 77]), np.repeat([0, 1], [1000, 2000])
    sizes = {}
    for words, name in THESIS_SETS.items():
        networks, images = subset_rows(name, network_role, image_role)
        sizes[words] = len(networks) * len(images)
    assert list(sizes.values()) == [608_000, 77_000, 122_000, 1_094_000, 154_000]


@pytest.mark.parametrize(
    "choice",
    [{}, {"per_label": True}, {"order": "scale_first", "top_k": 4}, {"weighted": True, "whole_set": False}],
    ids=str,
)
def test_targets_of_a_file_against_a_plain_version(choice, files):
    """Every network by a loop over numbers, then each position standardised over training pairs."""
    settings = PreprocessingSettings(**choice)
    with open_h5(files.io_dataset, "io_dataset") as handle:
        parts = [handle[name][()] for name in ("outputs", "class_weights", "class_bias")]
        labels, seen = handle["labels"][()], handle["image_role"][()] == 0
        training = handle["network_role"][()] == 0
    expected = np.stack([plainly(*of_one, labels, seen, settings) for of_one in zip(*parts, strict=True)])
    if settings.whole_set:
        for f in range(expected.shape[2]):
            values = expected[training][:, seen, f]
            expected[:, :, f] = (expected[:, :, f] - values.mean()) / (values.std() + EPS)
    found = everything(load_io_dataset(files.io_dataset, settings))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-3)


def test_class_without_a_seen_image_is_scaled_by_all_of_them():
    settings, labels, seen = PreprocessingSettings(per_label=True), np.array([0, 0, 1]), np.arange(3) < 2
    network = Network.of(RNG.random((3, 4)), RNG.random((2, 4)), RNG.random(2), settings)
    scale = fit_scale(network, labels, seen, settings)
    np.testing.assert_array_equal(scale.shift[0], scale.shift[1])
    assert np.isfinite(scale.factor).all()


def test_class_probabilities_keep_their_order_and_are_scaled_alone():
    settings, labels = PreprocessingSettings(whole_set=False), np.array([2, 0, 1, 1])
    values = RNG.random((4, 3)).astype(np.float32)
    network = Network.of(values, RNG.normal(size=(3, 8)), RNG.normal(size=3), settings, "probabilities")
    found = aligned(network, labels, fit_scale(network, labels, np.arange(4) < 3, settings), settings)
    np.testing.assert_allclose(found, (values - values[:3].mean()) / values[:3].std(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_targets_in_a_file_are_those_in_memory(dtype, files, tmp_path, monkeypatch):
    settings = PreprocessingSettings(dtype=dtype)
    array = load_io_dataset(files.io_dataset, settings)
    monkeypatch.setattr(targets_module, "IN_MEMORY", 0)
    file = load_io_dataset(files.io_dataset, settings, tmp_path / "work")
    assert array.targets.in_memory and not file.targets.in_memory
    assert not list((tmp_path / "work").iterdir())  # it has no name: a kill leaves nothing behind
    np.testing.assert_array_equal(everything(array), everything(file))
    n_networks, n_images, _ = array.targets.shape
    networks, images = RNG.integers(n_networks, size=200), RNG.integers(n_images, size=200)
    found = file.targets.pairs(networks, images)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, array.targets.pairs(networks, images))
    np.testing.assert_array_equal(found, everything(array)[networks, images])
    exact = everything(load_io_dataset(files.io_dataset, PreprocessingSettings()))
    np.testing.assert_allclose(everything(file), exact, rtol=0 if dtype == "float32" else 1e-3, atol=1e-6)


def test_targets_refuse_what_does_not_fit(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="do not fit float16; set preprocessing.dtype: float32"):
        Targets((1, 1, 2), "float16").write(0, np.float32([[1, 1e6]]))
    monkeypatch.setattr(targets_module, "IN_MEMORY", 0)
    with pytest.raises(UserError, match="no scratch file of 4000000.0 GB"):
        Targets((10**6, 10**6, 1000), "float32", tmp_path)
    assert not list(tmp_path.iterdir())
