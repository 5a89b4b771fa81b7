"""Zero-shot scores against their definitions."""

from argparse import Namespace

import numpy as np
import pytest
import torch

from pipeline.children.settings import NetworkSettings
from pipeline.errors import ArtifactError, ConfigError
from pipeline.images.sets import ImageSet, write_images
from pipeline.job import Job
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101 import CONV1X1, CONV3X3, MAXPOOL3X3, canonical_key, op_params, params
from pipeline.spaces.nasbench101.network import build_network
from pipeline.storage.artifacts import get_table, open_h5, put, put_archs, put_table, write_h5
from pipeline.zeroshot import collect, command, scores
from pipeline.zeroshot import network as scoring
from pipeline.zeroshot.scores import has_parameters, image_batch, score_cells
from pipeline.zeroshot.settings import ScoreSettings
from tests.unit.nasbench101_cells import cell

SMALL = NetworkSettings(stem_channels=8, stacks=2, cells_per_stack=1)
SETTINGS = ScoreSettings(batch_size=16, network=SMALL)
POOLED = cell([CONV3X3, MAXPOOL3X3, CONV1X1], [(0, 1), (0, 2), (1, 2), (2, 3), (1, 6), (3, 6), (0, 6)])
CHAIN = cell([CONV3X3] * 5, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6)])
POOL_ONLY = cell([MAXPOOL3X3], [(0, 1), (1, 6)])
torch.set_num_threads(1)  # threads cost more than they bring at this size
CELLS = Archs.concatenate([POOLED, CHAIN, POOL_ONLY, cell([], [(0, 6)])])


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (60, 1, 8, 8), dtype=np.uint8)
    labels = (np.arange(60) % 3).astype(np.uint8)
    return ImageSet("noise", pixels, labels, (np.arange(60) % 5 == 4).astype(np.uint8), ["a", "b", "c"])


@pytest.fixture(scope="module")
def found(images):
    return score_cells(CELLS, images, SETTINGS, seed=1, device="cpu")


def network(arch=POOLED, settings=SMALL, seed=0):
    torch.manual_seed(seed)
    return build_network(arch, settings, 1, 3)


def batch(n=16):
    generator = torch.Generator().manual_seed(5)
    return torch.randn(n, 1, 8, 8, generator=generator), torch.arange(n) % 3


def test_signs_bounds_and_nothing_missing(found):
    assert found.reason == [""] * 4
    assert (found.arch["snip"] > 0).all() and (found.arch["grad_norm"] > 0).all()
    assert (np.abs(found.arch["plain"]) <= found.arch["snip"]).all()
    assert (np.abs(found.op["plain"]) <= found.op["snip"]).all() and (found.op["snip"] >= 0).all()
    assert all(np.isfinite(v).all() for v in [*found.arch.values(), *found.op.values()])


def test_operations_without_parameters_score_zero(found):
    conv = has_parameters(CELLS)
    assert conv.tolist()[0] == [False, True, False, True, False, False, False]
    for metric, values in found.op.items():
        assert (values[~conv] == 0).all(), metric
        assert (values[conv] != 0).all(), metric
    assert set(found.arch) - set(found.op) == {"relu_logdet"}


def test_architecture_is_the_sum_and_operation_the_mean_over_its_parameters(images):
    settings = ScoreSettings(
        metrics=["snip"], batch_size=16, network=NetworkSettings(stacks=1, cells_per_stack=2)
    )
    got = score_cells(POOLED, images, settings, seed=1, device="cpu")
    x, y = image_batch(images, 16, 1, "cpu")
    torch.manual_seed(scores.derive(1, "zeroshot", "noise", got.cells[0], 0))
    net = build_network(POOLED, settings.network, 1, 3)
    torch.nn.functional.cross_entropy(net(x), y).backward()
    snip = {name: float((p * p.grad).detach().abs().sum()) for name, p in net.named_parameters()}
    weights = [name for name in snip if ".bn." not in name and not name.endswith("bias")]
    assert got.arch["snip"][0] == pytest.approx(sum(snip[name] for name in weights), rel=1e-4)
    third = [name for name, _ in net.vertex_parameters()[3]]
    assert len(third) == 6  # convolution and the two of its batch norm, in two cells
    assert got.op["snip"][0, 3] == pytest.approx(np.mean([snip[name] for name in third]), rel=1e-4)


def test_costs_are_the_spaces(found):
    conv = has_parameters(CELLS)
    size = (SMALL.stem_channels, SMALL.stacks, SMALL.cells_per_stack)
    assert np.array_equal(found.arch["params"], params(CELLS, *size, in_channels=1, classes=3))
    assert np.array_equal(found.op["params"], np.where(conv, op_params(CELLS, *size), 0))


def test_same_bytes_whatever_the_order_and_the_global_state(images, found):
    order = [3, 1, 0]
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    again = score_cells(CELLS[order], images, SETTINGS, seed=1, device="cpu")
    assert torch.equal(before, torch.random.get_rng_state())
    for metric, values in found.arch.items():
        assert np.array_equal(again.arch[metric], values[order])
        if metric in found.op:
            assert np.array_equal(again.op[metric], found.op[metric][order])
    other = score_cells(CELLS[order], images, SETTINGS, seed=2, device="cpu")
    assert (other.arch["snip"] != again.arch["snip"]).all()


def test_seeds_are_averaged(images):
    one = ScoreSettings(metrics=["snip"], batch_size=16, network=SMALL)
    both = score_cells(POOLED, images, one.model_copy(update={"seeds": 2}), seed=1, device="cpu").arch[
        "snip"
    ][0]
    first = score_cells(POOLED, images, one, seed=1, device="cpu").arch["snip"][0]
    assert both != first and first / 2 < both < first * 2


def test_what_cannot_be_scored_is_missing_with_a_reason(images, monkeypatch):
    thin = NetworkSettings.model_construct(stem_channels=2, stacks=1, cells_per_stack=1)
    wide = cell([CONV1X1] * 3, [(0, 1), (0, 2), (0, 3), (1, 6), (2, 6), (3, 6)])
    settings = SETTINGS.model_copy(update={"network": thin})
    got = score_cells(Archs.concatenate([CHAIN, wide]), images, settings, seed=1, device="cpu")
    assert got.reason[0] == "" and got.reason[1].startswith("not built")
    for metric, values in got.arch.items():
        assert np.isfinite(values[0]) and np.isnan(values[1]), metric

    real = scoring.image_pass

    def dead(net, *rest):
        found = real(net, *rest)
        for table in (found.parameters, found.weights):
            if table is not None:
                table.values.update({m: v * 0.0 for m, v in table.values.items()})
        found.kernels.update({m: k * 0 + 5.0 for m, k in found.kernels.items()})
        return found

    monkeypatch.setattr(scoring, "image_pass", dead)
    got = score_cells(POOLED, images, SETTINGS, seed=1, device="cpu")
    assert got.reason == [
        "grad_norm, plain, snip: all gradients are zero; relu_logdet: some images have the same ReLU codes"
    ]
    assert np.isnan([got.arch[m][0] for m in ("grad_norm", "plain", "snip", "relu_logdet")]).all()
    assert np.isnan(got.op["snip"]).all() and np.isfinite(got.arch["synflow"]).all()

    monkeypatch.setattr(scoring, "image_pass", real)
    monkeypatch.setattr(
        scores, "image_batch", lambda *a: (torch.full((16, 1, 8, 8), float("nan")), batch()[1])
    )
    got = score_cells(POOLED, images, SETTINGS, seed=1, device="cpu")
    assert "grad_norm, plain, snip: not finite" in got.reason[0] and np.isnan(got.arch["snip"][0])


@pytest.fixture
def files(tmp_path, images):
    cells = Archs.concatenate(
        [POOLED, CHAIN, POOL_ONLY, cell([], [(0, 6)]), cell([CONV1X1], [(0, 1), (1, 6)])]
    )
    with write_h5(tmp_path / "space.h5", "space", Job("space", {})) as handle:
        handle.attrs["space"] = "nasbench101"
        put_archs(handle, cells)
        put(handle, "keys", canonical_key(cells))
        put_table(handle, {"index": np.arange(len(cells))})
    write_images(tmp_path / "images.h5", images, Job("images", {}))
    return tmp_path


def chunk(folder, start, count, name=None, **changes):
    settings = {"benchmark": "b", "space": "nasbench101", "images": "noise", "start": start, "count": count}
    settings |= SETTINGS.model_dump(mode="json") | changes
    out = folder / (name or f"chunk_{start}.h5")
    args = Namespace(
        space_file=folder / "space.h5", images=folder / "images.h5", chunk=start, cache=None, out=out
    )
    command.run(args, Job("zeroshot", settings, seed=3, device="cpu"))
    return out


def join(folder, chunks):
    settings = {"benchmark": "b", "n_held_out": 1, "n_labelled": 2}
    out = folder / "all.h5"
    collect.run(Namespace(chunks=chunks, out=out), Job("zeroshot_collect", settings, seed=3))
    return out


def test_chunks_join_to_what_one_chunk_gives(files):
    parts = [chunk(files, 0, 2), chunk(files, 2, 3)]
    whole = chunk(files, 0, 5, "whole.h5")
    with open_h5(join(files, parts[::-1]), "zeroshot") as got, open_h5(whole, "zeroshot_chunk") as expected:
        table = get_table(got)
        assert table["role"].tolist() == ["held_out", "labelled", "labelled", "candidate", "candidate"]
        assert list(table.columns) == ["cell", "role", *SETTINGS.metrics, "reason"]
        assert table["cell"].tolist() == get_table(expected)["cell"].tolist()
        for name in (
            "archs/ops",
            "archs/adj",
            *(f"arch/{m}" for m in SETTINGS.metrics),
            "op/snip",
            "op/flops",
        ):
            assert np.array_equal(got[name][()], expected[name][()]), name
    assert chunk(files, 0, 2, "again.h5").read_bytes() == parts[0].read_bytes()


def test_chunks_that_do_not_belong_together_are_refused(files):
    first, second, third = chunk(files, 0, 2), chunk(files, 2, 2), chunk(files, 4, 1)
    for wrong in ([first, third], [second, third], [first, second, second]):
        with pytest.raises(ArtifactError, match="starts at cell"):
            join(files, wrong)
    with pytest.raises(ArtifactError, match="other settings"):
        join(files, [first, chunk(files, 2, 2, batch_size=8)])


def test_too_few_or_other_images_are_refused(files):
    with pytest.raises(ConfigError, match="batch_size: 64, but noise has 48"):
        chunk(files, 0, 1, batch_size=64)
    with pytest.raises(ConfigError, match="'digits' were asked for"):
        chunk(files, 0, 1, images="digits")


def test_batch_comes_from_the_training_part(images):
    x, y = image_batch(images, 48, 0, "cpu")
    pixels, labels = images.part("train")
    assert torch.allclose(x, torch.from_numpy(images.normalised(pixels)), atol=1e-6)
    assert y.tolist() == labels.tolist() and y.dtype == torch.int64
    some = image_batch(images, 10, 0, "cpu")[0]
    assert torch.equal(some, image_batch(images, 10, 0, "cpu")[0])
    assert not torch.equal(some, image_batch(images, 10, 1, "cpu")[0])


def test_names_of_metrics_are_checked():
    with pytest.raises(ValueError, match="each metric"):
        ScoreSettings(metrics=["snip", "snip"])
    with pytest.raises(ValueError):
        ScoreSettings(metrics=["grass"])
