"""What a training stands on: images on the device, the compiler, sizes of networks, its settings."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.children import arithmetic, device_images
from pipeline.children.device_images import DeviceImages
from pipeline.children.kept import Kept
from pipeline.children.settings import NetworkSettings
from pipeline.children.training import train_network
from pipeline.config.model import check
from pipeline.errors import ConfigError
from pipeline.images.sets import ImageSet
from pipeline.job import Job
from pipeline.spaces import nasbench101
from pipeline.spaces.nasbench101.network import build_network
from pipeline.storage.sidecars import read_run_record
from tests.unit.child_networks import NETWORK, PLAIN, TRAINING, few_digits, same

Job("test", {}, device="cpu").torch_device()


def noise(channels: int) -> ImageSet:
    """Return images of 6x4, half of them for training."""
    rng = np.random.default_rng(channels)
    pixels = rng.integers(0, 256, (20, channels, 6, 4), dtype=np.uint8)
    split = np.repeat(np.array([0, 1, 2], np.uint8), [10, 4, 6])
    return ImageSet("noise", pixels, np.arange(20, dtype=np.uint8), split, tuple(map(str, range(20))))


@pytest.mark.parametrize("channels", [1, 3, 4, 5])
def test_images_come_back_from_the_device(monkeypatch, channels):
    images = noise(channels)
    data = DeviceImages.of(images, 0, "cpu")
    assert all(t.dtype in (torch.int32, torch.uint8) for t in (data.words, data.x_eval))  # never a float copy
    x, y = next(data.batches(64, False, torch.Generator().manual_seed(0)))
    expected = images.normalised(images.images[y.numpy()])
    np.testing.assert_allclose(x.numpy(), expected, atol=1e-5)
    assert x.is_contiguous(memory_format=torch.channels_last)
    monkeypatch.setattr(device_images, "EVALUATION_PIXELS", {"cpu": 3 * 24 + 1})
    batches = list(data.evaluation_batches())
    assert [len(x) for x in batches] == [3, 3, 3, 1]
    np.testing.assert_allclose(torch.cat(batches).numpy(), images.normalised(images.images[10:]), atol=1e-5)
    assert data.y_eval.tolist() == list(range(10, 20)) and data.n_valid == 4


def test_published_statistics_are_used():
    images = replace(noise(3), published=((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)))
    x = next(DeviceImages.of(images, 0, "cpu").evaluation_batches())[0, :, 0, 0]
    bytes_ = images.images[10, :, 0, 0]
    mean, std = np.array(images.published)
    np.testing.assert_allclose(x.numpy(), (bytes_ / 255 - mean) / std, atol=1e-5)


@pytest.fixture
def compiler_unknown():
    """Whether the machine can compile is asked anew, before and after."""
    arithmetic._check_compiler.cache_clear()
    yield
    arithmetic._check_compiler.cache_clear()


def test_a_compiled_network_is_the_same_but_for_rounding(monkeypatch, compiler_unknown):
    whole = torch.compile  # generating code takes a minute: what is traced is run as it is
    monkeypatch.setattr(torch, "compile", partial(whole, backend="eager"))
    images, recipe = few_digits(), TRAINING.model_copy(update={"epochs": 2})
    plain = train_network(PLAIN, images, NETWORK, recipe, seed=1)
    compiled = train_network(PLAIN, images, NETWORK, recipe.model_copy(update={"compile": True}), seed=1)
    assert list(compiled.state) == list(plain.state)
    np.testing.assert_allclose(compiled.curves["train_loss"], plain.curves["train_loss"], rtol=1e-4)


def test_without_a_compiler_it_is_said_in_one_line(monkeypatch, compiler_unknown):
    def compile_nothing(function):
        raise RuntimeError("no g++ here\nand a long trace")

    monkeypatch.setattr(torch, "compile", compile_nothing)
    with pytest.raises(
        ConfigError, match=r"training\.compile: .*\(no g\+\+ here\); .*compile: false"
    ) as error:
        train_network(PLAIN, few_digits(), NETWORK, TRAINING.model_copy(update={"compile": True}), seed=1)
    assert "\n" not in str(error.value)


def test_compiled_networks_are_trained_one_by_one(monkeypatch, compiler_unknown, tmp_path):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    recipe = TRAINING.model_copy(update={"compile": True, "epochs": 1})
    kept = Kept(
        tmp_path, few_digits(), NETWORK.model_dump(), recipe.model_dump(), "nasbench101", Job("c", {}), "cpu"
    )
    cells = nasbench101.sample(3, np.random.default_rng(1))
    for done, (_, result, now) in enumerate(kept.get_all(cells, side_by_side=3), 1):
        assert now and result.status == "ok"
        assert len(list(tmp_path.glob("*/*.h5"))) == done and not list(tmp_path.glob("*/*.pt"))


def test_a_kept_network_has_the_time_of_each_epoch(tmp_path):
    how = (few_digits(), NETWORK.model_dump(), TRAINING.model_dump(), "nasbench101", Job("c", {}), "cpu")
    result, now = Kept(tmp_path, *how).get(PLAIN)
    again, later = Kept(tmp_path, *how).get(PLAIN)
    assert (now, later) == (True, False) and same(result, again)
    record = read_run_record(next(tmp_path.glob("*/*.h5")))
    assert list(record["epoch_seconds"]) == list(record["networks"]) == [result.cell]
    assert len(again.epoch_seconds) == TRAINING.epochs and min(again.epoch_seconds) >= 0
    assert again.seconds == pytest.approx(result.seconds, abs=0.01)


@pytest.mark.real_data
def test_networks_have_the_benchmarks_number_of_parameters(data_dir):
    rows = pd.read_csv(
        data_dir / "nasbench101_validation_30001.csv.gz", dtype={"adjacency": str, "ops": str}, nrows=12
    )
    archs = nasbench101.from_columns({name: rows[name].tolist() for name in ("adjacency", "ops", "hash")})
    full = NetworkSettings(stem_channels=128, stacks=3, cells_per_stack=3)
    with torch.device("meta"):
        counts = [
            sum(p.numel() for p in build_network(archs[i], full, 3, 10).parameters()) for i in range(12)
        ]
    assert counts == rows["trainable_parameters"].tolist()


def run_with(network: dict, zeroshot: dict | None = None) -> dict:
    children = {"images": "digits", "n_labelled": 4, "n_held_out": 2, "network": network}
    return {
        "images": {"digits": {"source": "digits", "n_valid": 600, "n_test": 600}},
        "benchmarks": {"b": {"space": "nasbench101", "source": "children", "children": children}},
        "zeroshot": {"network": zeroshot or {}},
    }


def test_layers_are_for_darts_only():
    check(run_with({}))
    with pytest.raises(
        ConfigError, match=r"benchmarks\.b\.children\.network\.layers: only darts .*nasbench101"
    ):
        check(run_with({"layers": 8}))
    with pytest.raises(ConfigError, match=r"zeroshot\.network\.layers: only darts"):
        check(run_with({}, {"layers": 8}))
