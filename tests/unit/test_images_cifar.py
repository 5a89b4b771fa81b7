"""The CIFAR archives: read exactly, checked first, and refused with one line where they are not right."""

from __future__ import annotations

import gzip
import io
import logging
import pickle
import tarfile
import zipfile
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.model import check
from pipeline.errors import ConfigError, DataError
from pipeline.images import cifar10, cifar100, command
from pipeline.images.locate import locate_images
from pipeline.images.sets import load_images
from pipeline.job import Job
from tests.unit.image_files import (
    BATCHES,
    CIFAR10_CLASSES,
    batch,
    cifar10_contents,
    cifar100_contents,
    md5,
    pickled,
    spots,
    write_archive,
    write_cifar10,
    write_cifar100,
)

ANY = {"md5": None}


def read10(path: Path, **settings):
    return cifar10.read(path, cifar10.Settings(**{**ANY, **settings}))


def as_set(path: Path, out: Path, **settings):
    settings = {"name": "c", **settings}
    module = {"cifar10": cifar10, "cifar100": cifar100}[settings["source"]]
    own = {k: v for k, v in settings.items() if k not in ("name", "source")}
    settings.update(module.Settings(**own).model_dump(mode="json"))
    command.run(Namespace(images="c", file=path, out=out), Job("images", settings, seed=5))
    return load_images(out)


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    return write_cifar10(tmp_path_factory.mktemp("cifar"), n_per_batch=40)


def test_cifar10_comes_in_the_archive_s_order(archive):
    source, contents = read10(archive), cifar10_contents(40)
    pixels = np.concatenate([contents[name]["data"] for name in BATCHES]).reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(source.images, pixels)
    assert source.labels.tolist() == [label for name in BATCHES for label in contents[name]["labels"]]
    assert source.images.dtype == source.labels.dtype == np.uint8
    assert source.test.tolist() == [False] * 200 + [True] * 40
    assert source.classes == tuple(CIFAR10_CLASSES)
    assert (source.mean, source.std) == ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
    assert read10(archive, normalise="own").mean is None


def test_cifar100_has_classes_and_groups_of_them(tmp_path):
    path, contents = write_cifar100(tmp_path), cifar100_contents()
    fine = cifar100.read(path, cifar100.Settings(md5=None))
    coarse = cifar100.read(path, cifar100.Settings(md5=None, classes="coarse"))
    labels = contents["train"]["fine_labels"] + contents["test"]["fine_labels"]
    assert fine.labels.tolist() == labels and len(fine.classes) == 100
    assert coarse.labels.tolist() == [label % 20 for label in labels] and coarse.classes[19] == "coarse19"
    np.testing.assert_array_equal(fine.images[:300].reshape(300, -1), contents["train"]["data"])
    np.testing.assert_array_equal(fine.images, coarse.images)
    assert fine.test.sum() == 100 and fine.mean == pytest.approx((0.507, 0.4867, 0.4408), abs=1e-4)


def test_files_may_come_in_any_order_and_folder_and_from_any_python(archive, tmp_path):
    contents = cifar10_contents(40)
    for number, protocol in enumerate((0, 1, 2, 3, 4, 5)):
        mixed = {}
        for name in reversed(list(contents)):
            content = {key.encode(): value for key, value in contents[name].items()}
            if b"data" in content and protocol < 2:  # what old protocols cannot hold well
                mixed[name] = contents[name]
            else:
                mixed[name] = pickle.dumps(content, protocol=protocol)
        (tmp_path / str(number)).mkdir()
        path = write_archive(tmp_path / str(number) / "cifar-10-python.tar.gz", mixed, folder="./a/b")
        np.testing.assert_array_equal(read10(path).images, read10(archive).images)
        assert read10(path).classes == tuple(CIFAR10_CLASSES)


def test_arrays_may_lie_by_columns_and_labels_be_an_array(tmp_path):
    contents = cifar10_contents(12)
    turned = {
        name: {**content, "data": np.asfortranarray(content["data"]), "labels": np.array(content["labels"])}
        for name, content in contents.items()
        if "data" in content
    }
    raw = {name: pickle.dumps(content, protocol=2) for name, content in turned.items()}
    path = write_archive(tmp_path / "a.tar.gz", {**raw, "batches.meta": contents["batches.meta"]})
    source = read10(path)
    np.testing.assert_array_equal(source.images[:12].reshape(12, -1), contents["data_batch_1"]["data"])
    assert source.labels[:12].tolist() == contents["data_batch_1"]["labels"]


def test_parts_are_the_archive_s_own(archive, tmp_path):
    images = as_set(archive, tmp_path / "a.h5", source="cifar10", md5=None, n_valid=50)
    source = read10(archive)
    assert [len(images.part(part)[1]) for part in ("train", "valid", "test")] == [150, 50, 40]
    np.testing.assert_array_equal(images.part("test")[0], source.images[200:])
    assert np.bincount(images.part("valid")[1]).tolist() == [5] * 10
    np.testing.assert_array_equal(images.mean, np.float32(cifar10.MEAN))
    np.testing.assert_array_equal(images.std, np.float32(cifar10.STD))
    expected = (source.images[:2] / 255 - np.reshape(cifar10.MEAN, (3, 1, 1))) / np.reshape(
        cifar10.STD, (3, 1, 1)
    )
    np.testing.assert_allclose(images.normalised(source.images[:2]), expected, atol=1e-5)


def test_small_numbers_take_the_same_images_as_larger_ones(archive, tmp_path):
    many = as_set(archive, tmp_path / "a.h5", source="cifar10", md5=None, n_valid=50, n_train=100, n_test=30)
    few = as_set(archive, tmp_path / "b.h5", source="cifar10", md5=None, n_valid=50, n_train=40, n_test=20)
    assert [len(few.part(part)[1]) for part in ("train", "valid", "test")] == [40, 50, 20]
    for part in ("train", "valid", "test"):
        assert set(map(bytes, few.part(part)[0])) <= set(map(bytes, many.part(part)[0]))
    np.testing.assert_array_equal(few.part("valid")[0], many.part("valid")[0])
    assert np.bincount(few.part("test")[1]).tolist() == [2] * 10


def test_statistics_of_its_own(archive, tmp_path):
    own = as_set(archive, tmp_path / "a.h5", source="cifar10", md5=None, n_valid=50, normalise="own")
    published = as_set(archive, tmp_path / "b.h5", source="cifar10", md5=None, n_valid=50)
    pixels = own.part("train")[0] / 255
    np.testing.assert_allclose(own.mean, pixels.mean(axis=(0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(own.std, pixels.std(axis=(0, 2, 3)), rtol=1e-5)
    assert own.digest != published.digest  # trained networks differ


def test_checksum(archive, tmp_path):
    read10(archive, md5=md5(archive))
    with pytest.raises(
        DataError, match=rf"cifar-10-python\.tar\.gz: wrong md5 {md5(archive)}, expected c58f3"
    ):
        cifar10.read(archive, cifar10.Settings())
    assert cifar100.Settings().md5 == "eb9058c3a382ffc7106e4002c42a8d85"


def bad_batch(path: Path, **changes) -> Path:
    contents = cifar10_contents(10)
    contents["data_batch_3"].update(changes)
    gone = [key for key, value in contents["data_batch_3"].items() if value is None]
    for key in gone:
        del contents["data_batch_3"][key]
    return write_archive(path, contents)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": np.zeros((10, 3071), np.uint8)}, "10 images of 3071 values, expected .* 3072"),
        ({"data": np.zeros((10, 12288), np.uint8)}, "10 images of 12288 values"),
        ({"data": np.zeros((0, 3072), np.uint8)}, "0 images"),
        ({"data": np.zeros((10, 3072), np.int16)}, "data is int16 .*expected an array uint8"),
        ({"data": np.zeros(30720, np.uint8)}, "data is uint8 .30720,."),
        ({"data": [[1, 2], [3, 4]]}, "data is list, expected an array"),
        ({"data": None}, "no 'data' in it, but batch_label, filenames, labels"),
        ({"labels": [1] * 9}, "9 labels for 10 images"),
        ({"labels": [1] * 9 + [10]}, "labels: row 9 is 10, expected 0 to 9"),
        ({"labels": [1, -1] + [1] * 8}, "labels: row 1 is -1, expected 0 to 9"),
        ({"labels": [1, 1 << 70] + [1] * 8}, "labels: row 1 is "),
        ({"labels": [1] * 9 + [1.0]}, "labels: no whole number in row 9"),
        ({"labels": 3}, "labels: no list of numbers"),
        ({"labels": None}, "no 'labels' in it"),
    ],
)
def test_a_wrong_batch_is_refused(tmp_path, changes, message):
    path = bad_batch(tmp_path / "bad.tar.gz", **changes)
    with pytest.raises(DataError, match=f"bad.tar.gz: data_batch_3: .*{message}"):
        read10(path)


def without(name: str) -> dict:
    return {key: value for key, value in cifar10_contents(10).items() if key != name}


@pytest.mark.parametrize("name", ["data_batch_5", "test_batch", "batches.meta"])
def test_a_missing_file_is_named(tmp_path, name):
    path = write_archive(tmp_path / "bad.tar.gz", without(name))
    with pytest.raises(DataError, match=rf"bad\.tar\.gz: there is no {name} in it"):
        read10(path)


def test_other_archives_are_refused(archive, tmp_path):
    bad, whole = tmp_path / "bad.tar.gz", archive.read_bytes()
    for raw, message in (
        (b"<!DOCTYPE html><html>Not found</html>", "not a .tar.gz, it begins with '<!DOCTYPE html>"),
        (b"", "empty"),
        (whole[: len(whole) // 2], "cut short or damaged"),
        (whole[:-6], "cut short or damaged"),
        (whole[:30000] + bytes([whole[30000] ^ 8]) + whole[30001:], "cut short or damaged"),
        (gzip.compress(b"no archive of files" * 100), "cut short or damaged"),
        (gzip.compress(b""), "cut short or damaged"),
    ):
        bad.write_bytes(raw)
        with pytest.raises(DataError, match=f"bad.tar.gz: {message}"):
            read10(bad)
    with pytest.raises(DataError, match="a folder, expected a .tar.gz"):
        read10(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        read10(tmp_path / "absent")
    with pytest.raises(DataError, match="no data_batch_1 and no .* in it, but none of its files"):
        read10(write_cifar100(tmp_path))


def test_an_archive_that_the_system_refuses_is_not_called_damaged(archive, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pipeline.images.archives.gzip.open", refuse)
    with pytest.raises(DataError, match=r"tar\.gz: cannot be read \(Permission denied\)$"):
        read10(archive)


def test_a_file_twice_or_a_link_is_no_batch(tmp_path):
    path, raw = tmp_path / "bad.tar.gz", pickled(cifar10_contents(10)["test_batch"])
    with tarfile.open(path, "w:gz") as archive:
        for folder in ("a", "b"):
            info = tarfile.TarInfo(f"{folder}/test_batch")
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
    with pytest.raises(DataError, match="holds test_batch twice"):
        read10(path)
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("a/test_batch")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(DataError, match="no test_batch and no batches.meta in it"):
        read10(path)


def test_class_names_are_checked(tmp_path):
    for number, names in enumerate((["a"] * 10, ["a"], [1, 2], 7)):
        contents = cifar10_contents(10) | {"batches.meta": {"label_names": names}}
        with pytest.raises(DataError, match="batches.meta: label_names"):
            read10(write_archive(tmp_path / f"{number}.tar.gz", contents))


def test_a_class_without_training_images_is_refused(archive, tmp_path):
    contents = cifar10_contents(10)
    for name in BATCHES[:5]:
        contents[name]["labels"] = [1 if label == 3 else label for label in contents[name]["labels"]]
    path = write_archive(tmp_path / "bad.tar.gz", contents)
    with pytest.raises(DataError, match=r"bad\.tar\.gz: there is no training image of the class 'cat'"):
        as_set(path, tmp_path / "a.h5", source="cifar10", md5=None, n_valid=20)
    with pytest.raises(
        ConfigError, match=r"images\.c: the class .* left without training images; raise n_train"
    ):
        as_set(archive, tmp_path / "a.h5", source="cifar10", md5=None, n_valid=20, n_train=5)
    assert not (tmp_path / "a.h5").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_valid": 200}, r"images\.c: n_valid 200 leaves none of 200 to train on"),
        ({"n_valid": 50, "n_test": 41}, r"images\.c\.n_test: 41, but the test part has 40 images"),
        ({"n_valid": 50, "n_train": 151}, r"images\.c\.n_train: 151, but 150 images are left"),
    ],
)
def test_numbers_that_are_too_large_are_refused(archive, tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        as_set(archive, tmp_path / "a.h5", source="cifar10", md5=None, **settings)
    assert not (tmp_path / "a.h5").exists()


def test_a_missing_archive_is_named_before_anything_runs(archive):
    settings = {"source": "cifar10", "file": archive.name}
    assert locate_images("c", settings, str(archive.parent)) == archive
    assert locate_images("c", settings | {"file": str(archive)}, "/nowhere") == archive
    assert locate_images("d", {"source": "digits"}, "/nowhere") is None
    with pytest.raises(
        ConfigError, match=r"images\.c\.file: there is no cifar-10.* in '/nowhere'; .*https://"
    ):
        locate_images("c", settings, "/nowhere")
    with pytest.raises(ConfigError, match=r"images\.c: this source is read from a file; give it with --file"):
        command.read_images("c", None, settings, 0)


def test_settings_are_checked_with_the_configuration():
    def images(**settings):
        benchmark = {"space": "nasbench101", "children": {"images": "c"}}
        return check({"images": {"c": settings}, "benchmarks": {"b": benchmark}}).images["c"]

    assert images(source="cifar10")["file"] == "cifar-10-python.tar.gz"
    assert images(source="cifar100", md5=None)["md5"] is None
    for settings, message in (
        ({"source": "cifar10", "md5": "abc"}, r"images\.c\.md5: "),
        ({"source": "cifar10", "size": 32}, r"images\.c\.size: unknown key"),
        ({"source": "cifar100", "classes": "super"}, r"images\.c\.classes: "),
        (
            {"source": "cifar1000"},
            r"images\.c: unknown source 'cifar1000'; expected one of cifar10, cifar100, ",
        ),
        ({"source": "folder"}, r"images\.c\.file: this key is missing"),
        ({"source": "digits", "n_test": None}, r"images\.c\.n_test: "),
    ):
        with pytest.raises(ConfigError, match=message):
            images(**settings)


@pytest.mark.real_data
def test_real_photos_come_back_exactly(data_dir, tmp_path, caplog):
    from PIL import Image

    photos, labels = [], []
    with zipfile.ZipFile(data_dir / "cifar10-test.zip") as photo_files:
        for name in photo_files.namelist():
            photo = Image.open(io.BytesIO(photo_files.read(name))).convert("RGB")
            photos.append(np.asarray(photo).transpose(2, 0, 1))
            labels.append(CIFAR10_CLASSES.index(name.split("/")[1]))
    photos, contents = np.stack(photos), {"batches.meta": {"label_names": CIFAR10_CLASSES}}
    for number, rows in enumerate(np.array_split(np.arange(10_000), 6)):
        values = {"labels": [labels[row] for row in rows]}
        contents[BATCHES[number]] = batch(photos[rows], values, BATCHES[number])
    path = write_archive(tmp_path / "cifar-10-python.tar.gz", contents)
    with caplog.at_level(logging.INFO, "nasflow"):
        images = as_set(path, tmp_path / "a.h5", source="cifar10", md5=md5(path), n_valid=1000)
    np.testing.assert_array_equal(read10(path).images, photos)
    together = sorted(zip(map(bytes, images.images), images.labels.tolist(), strict=True))
    assert together == sorted(zip(map(bytes, photos), labels, strict=True))
    share = 1000 / len(photos[:-1666]) * np.bincount(labels[:-1666])
    assert np.abs(np.bincount(images.part("valid")[1]) - share).max() < 1.01
    assert "c: 7334 train, 1000 valid, 1666 test images of 3x32x32, 10 classes" in caplog.text
    assert np.abs(images.normalised(images.part("train")[0]).mean(axis=(0, 2, 3))).max() < 0.05


def test_spots_are_as_they_are_said_to_be():
    images, labels = spots(100, 10, np.random.default_rng(0))
    assert np.bincount(labels).tolist() == [10] * 10 and images.max() > 200
