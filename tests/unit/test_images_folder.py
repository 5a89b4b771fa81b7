"""Image folders: decoded exactly, in order, and refused with one line where they are not right."""

from __future__ import annotations

import logging
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import ConfigError, DataError
from pipeline.images import command, folder
from pipeline.images.sets import load_images
from pipeline.job import Job

RNG = np.random.default_rng(3)


def save(path: Path, pixels: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def noise(height: int = 8, width: int = 8, channels: int = 3) -> np.ndarray:
    shape = (height, width, channels) if channels > 1 else (height, width)
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def write_folder(root: Path, classes=("ant", "bee"), n: int = 4) -> dict[str, np.ndarray]:
    """Write n PNG images a class; return {file: pixels}."""
    pixels = {}
    for name in classes:
        for number in range(n):
            pixels[f"{name}/{number}.png"] = noise()
            save(root / name / f"{number}.png", pixels[f"{name}/{number}.png"])
    return pixels


def read(root: Path, **settings):
    return folder.read(root, folder.Settings(file="f", **settings))


def test_a_flat_folder_is_read_in_order(tmp_path):
    pixels = write_folder(tmp_path, ("bee", "ant"))
    source = read(tmp_path)
    assert source.classes == ("ant", "bee") and source.test is None and source.mean is None
    assert source.labels.tolist() == [0] * 4 + [1] * 4
    expected = [pixels[name].transpose(2, 0, 1) for name in sorted(pixels)]
    np.testing.assert_array_equal(source.images, expected)
    assert source.images.shape == (8, 3, 8, 8) and source.images.dtype == np.uint8


def test_train_and_test_folders_are_the_parts(tmp_path):
    train, test = write_folder(tmp_path / "train", n=10), write_folder(tmp_path / "test", n=3)
    out, values = tmp_path / "a.h5", folder.Settings(file="f", n_valid=4).model_dump(mode="json")
    command.run(Namespace(images="f", file=tmp_path, out=out), Job("images", {"source": "folder", **values}))
    images = load_images(out)
    assert [len(images.part(part)[1]) for part in ("train", "valid", "test")] == [16, 4, 6]
    found = {bytes(image.transpose(1, 2, 0).tobytes()) for image in images.part("test")[0]}
    assert found == {image.tobytes() for image in test.values()}
    trained = np.concatenate([images.part(part)[0] for part in ("train", "valid")])
    assert {i.transpose(1, 2, 0).tobytes() for i in trained} == {i.tobytes() for i in train.values()}
    np.testing.assert_allclose(images.mean, (images.part("train")[0] / 255).mean(axis=(0, 2, 3)), rtol=1e-5)


def test_a_flat_folder_needs_a_number_of_test_images(tmp_path):
    write_folder(tmp_path / "f")
    for settings, message in (
        ({"n_valid": 2}, r"images\.f\.n_test: there is no test part of its own; give a number"),
        ({"n_valid": 2, "n_test": 5}, r"images\.f: the class '(ant|bee)' is left without training images"),
    ):
        values = folder.Settings(file="f", **settings).model_dump(mode="json")
        with pytest.raises(ConfigError, match=message):
            command.read_images("f", tmp_path / "f", {"source": "folder", **values}, 0)


def test_formats_and_modes_become_rgb(tmp_path):
    grey, colour = noise(channels=1), noise()
    opaque = np.concatenate([colour, np.full((8, 8, 1), 255, np.uint8)], 2)
    save(tmp_path / "a" / "1.png", grey)
    save(tmp_path / "a" / "2.webp", colour, lossless=True)
    save(tmp_path / "a" / "3.PNG", opaque)
    save(tmp_path / "b" / "1.jpg", np.full((8, 8, 3), 100, np.uint8), quality=95)
    save(tmp_path / "b" / "2.png", np.where(grey > 99, 255, 0).astype(bool))
    images = read(tmp_path).images
    np.testing.assert_array_equal(images[0], np.broadcast_to(grey, (3, 8, 8)))
    np.testing.assert_array_equal(images[1], colour.transpose(2, 0, 1))
    np.testing.assert_array_equal(images[2], colour.transpose(2, 0, 1))
    assert np.abs(images[3].astype(int) - 100).max() <= 2 and set(images[4].flat) == {0, 255}
    one = read(tmp_path, grey=True).images
    assert one.shape == (5, 1, 8, 8) and np.array_equal(one[0, 0], grey)


def test_size_scales_the_shorter_side_and_cuts_the_centre(tmp_path):
    wide = np.zeros((8, 24, 3), np.uint8)
    wide[:, 8:16, 0] = 200  # the centre is red
    for name in ("a", "b"):
        save(tmp_path / name / "1.png", wide)
        save(tmp_path / name / "2.png", np.full((16, 16, 3), 50, np.uint8))
    images = read(tmp_path, size=8).images
    assert images.shape == (4, 3, 8, 8)
    assert (images[0, 0] == 200).all() and (images[0, 1:] == 0).all() and (images[1] == 50).all()


def test_photos_are_turned_as_the_camera_noted(tmp_path):
    pixels = noise()
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    save(tmp_path / "a" / "1.png", pixels, exif=exif)
    save(tmp_path / "b" / "1.png", pixels)
    images = read(tmp_path).images
    np.testing.assert_array_equal(images[0], images[1, :, ::-1, ::-1])


def test_other_files_are_left_out_and_counted(tmp_path, caplog):
    write_folder(tmp_path)
    (tmp_path / "ant" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "ant" / ".hidden.png").write_bytes(b"x")
    (tmp_path / "readme.txt").write_text("x")
    (tmp_path / ".cache").mkdir()
    with caplog.at_level(logging.WARNING, "nasflow"):
        assert len(read(tmp_path).images) == 8
    assert "2 files are no images and were left out, the first" in caplog.text


def break_it(root: Path, kind: str) -> None:
    bee = root / "bee"
    if kind == "empty class":
        (root / "cow").mkdir()
    elif kind == "text":
        (bee / "5.png").write_text("no image")
    elif kind == "cut":
        raw = save(bee / "5.png", noise(64, 64)).read_bytes()
        (bee / "5.png").write_bytes(raw[: len(raw) // 2])
    elif kind == "none":
        (bee / "5.jpg").write_bytes(b"")
    elif kind == "gif":
        Image.fromarray(noise(), "RGB").save(root / "a.gif")
        (root / "a.gif").rename(bee / "5.png")
    elif kind == "size":
        save(bee / "5.png", noise(8, 9))
    elif kind == "16 bits":
        save(bee / "5.png", RNG.integers(0, 65536, (8, 8)).astype(np.uint16))
    elif kind == "many":
        for number in range(256):
            (root / str(number)).mkdir()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("empty class", r"cow: a class folder without images \(\.png, "),
        ("text", r"bee/5\.png: cannot be read as an image \(cannot identify image file it\)"),
        ("cut", r"bee/5\.png: cannot be read as an image \("),
        ("none", r"bee/5\.jpg: cannot be read as an image"),
        ("gif", r"bee/5\.png: cannot be read as an image"),
        ("size", r"bee/5\.png: 9x8 pixels, but 0\.png has 8x8; .* set size"),
        ("16 bits", r"bee/5\.png: has pixels of mode I;16, expected at most 8 bits"),
        ("many", r": 258 class folders, expected 2 to 256"),
    ],
)
def test_what_is_wrong_in_a_folder_is_named(tmp_path, kind, message):
    write_folder(tmp_path)
    break_it(tmp_path, kind)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_layouts_that_are_no_image_folders_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        read(tmp_path / "absent")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="a file, expected a folder"):
        read(tmp_path / "file")
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="no folders in it, expected <class>/<image>"):
        read(tmp_path / "none")
    write_folder(tmp_path / "half" / "train")
    with pytest.raises(DataError, match="half: 1 class folders"):
        read(tmp_path / "half")
    write_folder(tmp_path / "half" / "test", ("ant", "cow"))
    with pytest.raises(DataError, match="half/train/bee: a class without a folder in the other"):
        read(tmp_path / "half")
    write_folder(tmp_path / "half" / "valid")
    with pytest.raises(DataError, match="half: beside train and test there is 'valid'"):
        read(tmp_path / "half")


def test_damaged_image_files_end_in_one_line(tmp_path):
    write_folder(tmp_path)
    target = tmp_path / "bee" / "3.png"
    for ending, options in (("png", {}), ("jpg", {}), ("webp", {"lossless": True})):
        raw = save(tmp_path / f"x.{ending}", noise(24, 24), **options).read_bytes()
        for _ in range(60):
            changed = bytearray(raw)
            for place in RNG.integers(0, len(raw), 3):
                changed[place] = RNG.integers(256)
            target.write_bytes(changed)
            try:
                read(tmp_path, size=8)
            except DataError as error:
                assert str(error).startswith(f"{target}: ")
