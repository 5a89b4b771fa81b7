"""Image sets: what they hold, how they are split, that the same call gives the same bytes."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest

from pipeline.errors import ArtifactError, ConfigError
from pipeline.images import command, digits
from pipeline.images.sets import ImageSet, load_images, split_by_seed
from pipeline.job import Job
from pipeline.storage.artifacts import get_table, open_h5

SETTINGS = {"name": "digits", "source": "digits", "n_valid": 500, "n_test": 400}


def write(path, settings=SETTINGS, seed=3):
    command.run(Namespace(images=settings["name"], file=None, out=path), Job("images", settings, seed=seed))
    return path


def colours() -> ImageSet:
    """12 images of two channels, the second the same everywhere."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 2, 3, 4), dtype=np.uint8)
    pixels[:, 1] = 77
    return ImageSet(
        "c", pixels, np.arange(12, dtype=np.uint8) % 3, np.arange(12, dtype=np.uint8) % 2, ("a", "b", "c")
    )


def test_digits_use_the_whole_range():
    from sklearn.datasets import load_digits

    images, labels, classes = digits.load()
    assert images.shape == (1797, 1, 8, 8) and images.dtype == labels.dtype == np.uint8
    assert classes == [str(i) for i in range(10)]
    raw = load_digits()
    assert (images[:, 0].min(), images[:, 0].max()) == (0, 255)
    np.testing.assert_array_equal(np.rint(images[:, 0] * (16 / 255)), raw.images)
    np.testing.assert_array_equal(labels, raw.target)


def test_artifact_holds_what_was_split(tmp_path):
    images = load_images(write(tmp_path / "images.h5"))
    assert (images.name, images.shape, len(images.classes)) == ("digits", (1, 8, 8), 10)
    assert [len(images.part(part)[1]) for part in ("train", "valid", "test")] == [897, 500, 400]
    everything = np.concatenate([images.part(part)[0] for part in ("train", "valid", "test")])
    assert sorted(map(bytes, everything)) == sorted(map(bytes, digits.load()[0]))
    normalised = images.normalised(images.part("train")[0])
    assert normalised.dtype == np.float32
    assert normalised.mean() == pytest.approx(0, abs=1e-5) and normalised.std() == pytest.approx(1, abs=1e-5)
    with open_h5(tmp_path / "images.h5", "images") as handle:
        table = get_table(handle)
    assert table.columns.tolist() == ["index", "label", "split"]
    assert table["split"].value_counts().to_dict() == {"train": 897, "valid": 500, "test": 400}


def test_same_call_same_bytes_and_another_seed_another_split(tmp_path):
    a, b, c = (write(tmp_path / f"{i}" / "images.h5", seed=seed) for i, seed in enumerate((3, 3, 4)))
    assert a.read_bytes() == b.read_bytes()
    assert (load_images(a).split != load_images(c).split).mean() > 0.3


def test_split_keeps_classes_in_proportion():
    labels = np.repeat(np.arange(4, dtype=np.uint8), [400, 200, 100, 7])
    split = split_by_seed(labels, 141, 70, 0, "x")
    assert np.bincount(split).tolist() == [707 - 211, 141, 70]
    for part, share in ((1, 141 / 707), (2, 70 / 707)):
        counts = np.bincount(labels[split == part], minlength=4)
        assert np.abs(counts - np.array([400, 200, 100, 7]) * share).max() <= 1.01


@pytest.mark.parametrize(("n_valid", "n_test"), [(1000, 797), (1797, 1), (1, 5000)])
def test_a_split_that_leaves_no_training_image_is_refused(tmp_path, n_valid, n_test):
    settings = SETTINGS | {"n_valid": n_valid, "n_test": n_test}
    with pytest.raises(ConfigError, match=rf"images\.digits: n_valid {n_valid} \+ n_test {n_test} .* 1797"):
        write(tmp_path / "images.h5", settings)
    assert not list(tmp_path.iterdir())


def test_statistics_are_those_of_the_training_images_by_channel():
    images = colours()
    train = images.images[images.split == 0] / 255
    np.testing.assert_allclose(images.mean, train.mean(axis=(0, 2, 3)), rtol=1e-6)
    assert images.std[0] == pytest.approx(train[:, 0].std(), rel=1e-6)
    assert images.std[1] == 1  # a constant channel is shifted, not divided by nothing
    assert images.normalised(images.images)[:, 1] == pytest.approx(0, abs=1e-6)


def test_digest_is_that_of_the_content():
    images = colours()
    pixels, split = images.images.copy(), images.split.copy()
    pixels[3, 0, 1, 1] ^= 1
    split[0] = 2
    changed = [
        replace(images, images=pixels),
        replace(images, split=split),
        replace(images, classes=("a", "b", "d")),
    ]
    assert len({images.digest, *(other.digest for other in changed)}) == 4
    assert replace(images, name="other").digest == images.digest


def test_other_files_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match="no such file"):
        load_images(tmp_path / "absent.h5")
    path = write(tmp_path / "images.h5")
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(ArtifactError, match=r"images\.h5"):
        load_images(path)
