"""Collecting what trained networks output: layers, restarts, checksums, refusals."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from pipeline import spaces
from pipeline.children.settings import NetworkSettings
from pipeline.errors import ArtifactError, ConfigError, DataError
from pipeline.images.sets import load_images
from pipeline.io_dataset import command, extraction
from pipeline.io_dataset import verify as verify_command
from pipeline.io_dataset.kept import KeptOutputs, digest
from pipeline.io_dataset.reading import load_io_dataset, verify
from pipeline.io_dataset.settings import IoDatasetSettings, PreprocessingSettings
from pipeline.storage.artifacts import get_table, open_h5
from tests.unit import trained_networks as trained

ROOT = Path(__file__).resolve().parents[2]


def arguments(files, folder: Path, name: str = "io.h5"):
    args = trained.io_arguments(files, folder / name)
    args.work = folder / "work"
    return args


def changed(path: Path, to: Path) -> Path:
    to.write_bytes(path.read_bytes())
    return to


def damage(path: Path, network: int) -> None:
    """Flip a bit in the outputs of one network."""
    with h5py.File(path, "r") as handle:
        place = handle["outputs"].id.get_chunk_info_by_coord((network, 0, 0)).byte_offset + 40
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


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


def network_of(space: str) -> tuple:
    """An untrained network of a space: (cell, module, weights, recipe)."""
    network = {"stem_channels": 8, "stacks": 3 if space == "darts" else 2, "cells_per_stack": 1}
    arch = spaces.load(space).sample(1, np.random.default_rng(3))
    torch.manual_seed(0)
    model = spaces.network(space).build_network(arch, NetworkSettings(**network), 3, 4).eval()
    weights = {name: values.numpy() for name, values in model.state_dict().items()}
    return arch, model, weights, {"network": network, "training": {}}


@pytest.mark.parametrize("space", ["nasbench101", "nasbench201", "darts"])
def test_layers_of_every_space(space):
    arch, model, weights, recipe = network_of(space)
    pixels = np.random.default_rng(0).normal(size=(7, 3, 16, 16)).astype(np.float32)

    def of(**settings):
        made = IoDatasetSettings(batch_size=3, **settings)
        return extraction.extract(arch, weights, recipe, pixels, 4, made, "cpu")

    with torch.no_grad():
        features, logits = model.features(torch.tensor(pixels)), model(torch.tensor(pixels))
    pooled, classes, last = (of(layer=layer) for layer in ("gap", "probabilities", "feature_map"))
    np.testing.assert_allclose(pooled.values, features, atol=1e-5)
    np.testing.assert_allclose(classes.values, logits.softmax(1), atol=1e-6)
    np.testing.assert_array_equal(pooled.class_weights, weights["classifier.weight"])
    np.testing.assert_array_equal(pooled.class_bias, weights["classifier.bias"])
    maps = torch.tensor(last.values)
    if space == "nasbench201":  # which has a batch norm and a ReLU between the last cell and the pooling
        with torch.no_grad():
            maps = model.last(maps)
    np.testing.assert_allclose(maps.mean(dim=(2, 3)), features, atol=1e-5)
    first = of(layer="feature_map", cell=0)
    assert first.values.shape[2:] == (16, 16) and last.values.shape[3] < 16
    half = of(layer="feature_map", dtype="float16").values
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, last.values, rtol=2e-3, atol=1e-3)
    with pytest.raises(ConfigError, match=r"io_dataset.cell: 9, but a network has \d cells"):
        of(layer="feature_map", cell=9)


def test_outputs_that_are_no_numbers_are_refused():
    arch, _, weights, recipe = network_of("nasbench101")
    pixels = np.ones((2, 3, 8, 8), np.float32)
    weights = {k: v.copy() for k, v in weights.items()}
    last = [name for name in weights if name.startswith("cells.") and name.endswith("bn.bias")]
    for name in last:
        weights[name][:] = 1e6
    with pytest.raises(DataError, match="no finite float16; set io_dataset.dtype: float32"):
        extraction.extract(arch, weights, recipe, pixels, 4, IoDatasetSettings(dtype="float16"), "cpu")
    for name in last:
        weights[name][:] = np.nan
    with pytest.raises(DataError, match="no finite float32; its training diverged"):
        extraction.extract(arch, weights, recipe, pixels, 4, IoDatasetSettings(), "cpu")
    with pytest.raises(ValidationError, match="only a feature_map is of one cell"):
        IoDatasetSettings(cell=1)


@pytest.mark.parametrize("layer", ["probabilities", "feature_map"])
def test_other_layers_are_written_and_become_targets_where_they_can(layer, files, tmp_path):
    args = arguments(files, tmp_path)
    command.run(args, trained.io_job(layer=layer))
    assert verify(args.out) == 7
    with open_h5(args.out) as handle:
        assert handle.attrs["layer"] == layer
        assert handle["outputs"].shape == ((7, 80, 10) if layer == "probabilities" else (7, 80, 10, 4, 4))
    if layer == "probabilities":
        assert load_io_dataset(args.out, PreprocessingSettings()).targets.shape == (7, 80, 10)
        with pytest.raises(DataError, match="set preprocessing.top_k: 0"):
            load_io_dataset(args.out, PreprocessingSettings(top_k=3))
    else:
        with pytest.raises(DataError, match="holds feature maps, which are no targets"):
            load_io_dataset(args.out, PreprocessingSettings())


KILLED = """
import os, pickle, signal, sys
from pipeline.io_dataset import command, extraction
from pipeline.io_dataset import verify as verify_command
extract, calls = extraction.extract, []
def killed(*args):
    calls.append(args)
    if len(calls) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return extract(*args)
extraction.extract = killed
command.run(*pickle.load(sys.stdin.buffer))
"""


def test_killed_run_goes_on_to_the_same_bytes(files, tmp_path, monkeypatch, caplog):
    args = arguments(files, tmp_path)
    given = pickle.dumps((args, trained.io_job()))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    died = subprocess.run([sys.executable, "-c", KILLED], input=given, env=environment)
    assert died.returncode == -signal.SIGKILL and not args.out.exists()
    kept = sorted(args.work.rglob("*.npz"))
    assert len(kept) == 3
    content = bytearray(kept[0].read_bytes())  # and the disk damages one of the three
    content[len(content) // 2] ^= 1
    kept[0].write_bytes(content)
    extract, calls = extraction.extract, []
    monkeypatch.setattr(extraction, "extract", lambda *a: calls.append(a) or extract(*a))
    with caplog.at_level(logging.INFO, "nasflow"):
        command.run(args, trained.io_job())
    assert len(calls) == 7 - 2 and "2 of 7 networks' outputs were there" in caplog.text
    assert args.out.read_bytes() == files.io_dataset.read_bytes()
    assert not args.work.exists()  # nothing is left of what was under way


def test_kept_outputs_of_another_recipe_or_other_weights_are_not_used(tmp_path):
    outputs = extraction.Outputs(np.ones((2, 3), np.float16), np.ones((4, 3)), np.ones(4))
    kept = KeptOutputs(tmp_path, "one")
    kept.put("a cell", "weights", outputs)
    for found, given in zip(kept.get("a cell", "weights"), outputs, strict=True):
        np.testing.assert_array_equal(found, given)
        assert found.dtype == given.dtype
    assert kept.get("a cell", "other weights") is None and kept.get("another", "weights") is None
    assert KeptOutputs(tmp_path, "two").get("a cell", "weights") is None
    weights = {"a": np.zeros((2, 2), np.float32), "b": np.zeros(2, np.float32)}
    assert digest(weights) == digest(dict(reversed(weights.items())))
    others = (np.float32([0, 0]), np.float32([0, 1]), np.zeros(3))
    assert len({digest(weights | {"b": values}) for values in others}) == 3


def test_a_damaged_network_is_named_when_it_is_read(files, tmp_path, capsys):
    path = changed(files.io_dataset, tmp_path / "damaged.h5")
    verify_command.run(Namespace(files=[path]), None)
    assert capsys.readouterr().out == f"{path}: 7 networks, all sound\n"
    damage(path, 4)
    with open_h5(files.io_dataset) as handle:
        cell = get_table(handle)["cell"][4]
    named = rf"damaged.h5: network {cell} \(row 4\): the checksum .* \(rm "
    for read in (verify, lambda p: load_io_dataset(p, PreprocessingSettings())):
        with pytest.raises(ArtifactError, match=named):
            read(path)


def test_a_missing_piece_is_not_read_as_zeros(files, tmp_path):
    path = changed(files.io_dataset, tmp_path / "gap.h5")
    with h5py.File(path, "r+") as handle:
        whole = handle["outputs"][()]
        del handle["outputs"]
        data = handle.create_dataset(
            "outputs", whole.shape, "f4", chunks=(1, *whole.shape[1:]), fletcher32=True
        )
        for row in (0, 1, 2, 3, 4, 6):
            data[row] = whole[row]
    with pytest.raises(ArtifactError, match=r"\(row 5\): outputs: a piece was never written"):
        verify(path)


def test_interrupted_and_inconsistent_files_are_refused(files, tmp_path):
    cut = tmp_path / "cut.h5"
    cut.write_bytes(files.io_dataset.read_bytes()[:-5000])
    with pytest.raises(ArtifactError, match="cut.h5: not a whole HDF5 file"):
        verify(cut)
    unfinished = changed(files.io_dataset, tmp_path / "unfinished.h5")
    with h5py.File(unfinished, "r+") as handle:
        del handle.attrs["kind"]  # which is written last
    with pytest.raises(ArtifactError, match="not written by nasflow"):
        load_io_dataset(unfinished, PreprocessingSettings())
    short = changed(files.io_dataset, tmp_path / "short.h5")
    with h5py.File(short, "r+") as handle:
        labels = handle["labels"][:-1]
        del handle["labels"]
        handle["labels"] = labels
    with pytest.raises(ArtifactError, match="labels has 79 rows, but there are outputs of 7 networks for 80"):
        verify(short)
    untrained = changed(files.io_dataset, tmp_path / "untrained.h5")
    with h5py.File(untrained, "r+") as handle:
        handle["network_role"][:] = 1
    with pytest.raises(DataError, match="no network for training"):
        load_io_dataset(untrained, PreprocessingSettings())


def refused(args, match: str, job=None, error=DataError) -> None:
    with pytest.raises(error, match=match) as caught:
        command.run(args, job or trained.io_job())
    assert "\n" not in str(caught.value) and not args.out.exists()


def test_networks_and_images_that_do_not_belong_together_are_refused(files, tmp_path):
    args = arguments(files, tmp_path)
    refused(args, "has 100 test images", trained.io_job(n_unseen_images=101))
    args.images = changed(files.images, tmp_path / "images.h5")
    with h5py.File(args.images, "r+") as handle:
        handle["images"][0] += 1
    refused(args, "children.h5: its networks were trained on other images than .*images.h5")
    args, job = arguments(files, tmp_path), trained.io_job()
    job.settings["training"] = job.settings["training"] | {"epochs": 7}
    refused(args, "other training settings than this run", job)
    args.benchmark_table = changed(files.table, tmp_path / "table.h5")
    with h5py.File(args.benchmark_table, "r+") as handle:
        handle["table/role"][:] = b"held_out"
    refused(args, "table.h5: has no labelled cell")


def test_chunks_that_miss_a_network_are_refused(files, tmp_path):
    def chunk(name: str, change) -> Path:
        path = changed(files.children, tmp_path / name)
        with h5py.File(path, "r+") as handle:
            change(handle)
        return path

    def rename(handle):
        handle["table/cell"][3] = b"another"

    def fail(handle):
        status = handle["table/status"].asstr()[()]
        status[2] = "failed"
        del handle["table/status"]
        handle["table/status"] = np.array([s.encode() for s in status]).astype(h5py.string_dtype("utf-8", 6))

    def other_seed(handle):
        handle.attrs["provenance"] = handle.attrs["provenance"].replace('"seed":3', '"seed":4')

    args = arguments(files, tmp_path)
    args.children = [chunk("renamed.h5", rename)]
    refused(args, "in none of the chunks given; give all chunks")
    args.children = [chunk("failed.h5", fail)]
    refused(args, "failed.h5: cell .* has no weights, its training failed", error=ArtifactError)
    args.children = [files.children, chunk("mixed.h5", other_seed)]
    refused(args, "trained with different seeds, images, network or training settings", error=ArtifactError)
    args.children = [tmp_path / "absent.h5"]
    refused(args, "absent.h5: no such file", error=ArtifactError)
