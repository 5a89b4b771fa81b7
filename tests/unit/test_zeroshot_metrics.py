"""Zero-shot metrics of the spaces' networks against their definitions, computed one by one and plainly."""

import numpy as np
import pytest
import torch

from pipeline import spaces
from pipeline.children.settings import NetworkSettings
from pipeline.images.sets import ImageSet
from pipeline.spaces import nasbench201
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101 import CONV1X1, CONV3X3, MAXPOOL3X3
from pipeline.zeroshot.metrics import ARCH_ONLY, COSTS, METRICS
from pipeline.zeroshot.network import score_network
from pipeline.zeroshot.scores import score_cells
from pipeline.zeroshot.settings import ScoreSettings
from pipeline.zeroshot.zen import zen_score
from tests.unit import zeroshot_reference as reference
from tests.unit.darts_cells import from_cells
from tests.unit.nasbench101_cells import cell
from tests.unit.nasbench201_cells import cells

torch.set_num_threads(1)
SMALL = NetworkSettings(stem_channels=4, stacks=2, cells_per_stack=1)
NEEDS_NETWORK = [m for m in METRICS if m not in COSTS]
DRAWN = {m: f for m, f in reference.BY_WEIGHT.items() if m != "l2_norm"}  # which is an expectation
NORMAL = {2: {0: 4, 1: 1}, 3: {1: 6, 2: 3}, 4: {0: 2, 3: 5}, 5: {2: 4, 4: 7}}
CASES = {
    "nasbench101": cell(
        [CONV3X3, MAXPOOL3X3, CONV1X1], [(0, 1), (0, 2), (1, 2), (2, 3), (1, 6), (3, 6), (0, 6)]
    ),
    "nasbench201": cells("324113"),
    "nasbench201, idle edges": cells("332140"),  # nothing leaves node 2, which two convolutions feed
    "nasbench201, convolution of nothing": cells("013333"),
    "darts": from_cells((NORMAL, NORMAL)),
}


def network(archs, shape=SMALL, channels=3, seed=3):
    torch.manual_seed(seed)
    net = spaces.network(archs.space).build_network(archs, shape, channels, 3)
    return net.to(memory_format=torch.channels_last)


def batch(n=12, side=8, channels=3, dtype=torch.float32):
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(n, channels, side, side, generator=generator, dtype=torch.float64).to(dtype)
    return x.contiguous(memory_format=torch.channels_last), torch.arange(n) % 3


@pytest.mark.parametrize("name", CASES)
def test_every_metric_equals_its_definition_by_passes_of_its_own(name):
    """In float64, where both ways agree to rounding: the total, and every weight's share."""
    x, y = batch(dtype=torch.float64)
    found = score_network(
        network(CASES[name]).double(), x, y, [m for m in NEEDS_NETWORK if m != "zen"], stream=1
    )
    assert not found.why
    for metric, function in DRAWN.items():
        expected = function(network(CASES[name]).double(), x, y)
        table = next(t for t in found.tensors if metric in t.values)
        got = dict(zip(table.names, table.values[metric], strict=True))
        scale = max(abs(v) for v in expected.values())
        for weight, value in expected.items():
            assert got[weight] == pytest.approx(value, rel=1e-6, abs=1e-9 * scale), (metric, weight)
        assert found.total[metric] == pytest.approx(sum(expected.values()), rel=1e-6, abs=1e-9 * scale)
    for metric in ("jacob_cov", "epe_nas", "nwot", "relu_logdet"):
        expected = reference.OF_NETWORK[metric](network(CASES[name]).double(), x, y)
        assert found.total[metric] == pytest.approx(expected, rel=1e-6), metric


@pytest.mark.parametrize("name", CASES)
def test_float32_and_its_fast_layers_agree_with_the_definitions(name):
    """Enough pixels that batch norm looks at many as one, and pooling by depthwise convolution."""
    x, y = batch(16, 12)
    found = score_network(network(CASES[name]), x, y, [*DRAWN, "jacob_cov"], stream=1).total
    for metric, function in DRAWN.items():
        values = function(network(CASES[name]), x, y)
        scale = sum(abs(v) for v in values.values())
        assert found[metric] == pytest.approx(sum(values.values()), rel=2e-3, abs=1e-3 * scale), metric
    expected = reference.jacob_cov(network(CASES[name]), x, y)
    assert found["jacob_cov"] == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "darts"])
def test_l2_norm_is_the_root_mean_square_over_initialisations(name):
    found = score_network(network(CASES[name]), *batch(), ["l2_norm"], stream=1).tensors[0]
    draws = [reference.l2_norm(network(CASES[name], seed=seed), None, None) for seed in range(60)]
    for weight, value in zip(found.names, found.values["l2_norm"], strict=True):
        mean = np.sqrt(np.mean([draw[weight] ** 2 for draw in draws]))
        assert value == pytest.approx(mean, rel=0.12), weight
    total = np.mean([sum(draw.values()) for draw in draws])
    assert found.values["l2_norm"].sum() == pytest.approx(total, rel=0.02)


@pytest.mark.parametrize("name", CASES)
def test_zen_equals_its_definition(name):
    x, y = batch()
    one = zen_score(network(CASES[name]), tuple(x.shape[1:]), torch.Generator().manual_seed(4))
    other = reference.zen(network(CASES[name]), x, y, generator=torch.Generator().manual_seed(4))
    assert one == pytest.approx(other, rel=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_a_metric_does_not_depend_on_which_others_are_computed(name):
    """To the bit: scores are kept metric by metric, and a metric may be added later."""
    x, y = batch()
    together = score_network(network(CASES[name]), x, y, NEEDS_NETWORK, stream=1)
    for metric in NEEDS_NETWORK:
        alone = score_network(network(CASES[name]), x, y, [metric], stream=1)
        assert alone.total[metric] == together.total[metric], metric
        assert bool(alone.tensors) == METRICS[metric].per_operation
        for table in alone.tensors:
            whole = next(t for t in together.tensors if metric in t.values)
            assert np.array_equal(table.values[metric], whole.values[metric]), metric


def test_l2_norm_ties_cells_with_as_many_convolutions():
    same = [
        score_network(network(cells(c)), *batch(), ["l2_norm"], stream=1).total["l2_norm"]
        for c in ("234013", "002231", "333000", "124330")
    ]
    assert len(set(same)) == 1


def test_nwot_counts_idle_relus_and_relu_logdet_does_not():
    x, y = batch()
    idle, none = (
        score_network(network(cells(c)), x, y, ["nwot", "relu_logdet"], 1).total for c in ("332140", "331111")
    )
    assert idle["nwot"] > idle["relu_logdet"] and none["nwot"] == none["relu_logdet"]
    with_idle = network(cells("332140"))
    assert len(with_idle.rectified()) < 9
    with_idle.compute_idle()
    assert len(with_idle.rectified()) == 9  # four convolutions, in two cells; two of the reduction, the last


def test_unreachable_output_is_synflow_zero_and_the_others_missing(images):
    cut = cells("000000", "222000", "000022", "333000")
    settings = ScoreSettings(metrics=list(METRICS), batch_size=12, network=SMALL)
    found = score_cells(cut, images, settings, 1, "cpu")
    assert (found.arch["synflow"] == 0).all() and (found.op["synflow"] == 0).all()
    for metric in ("grad_norm", "plain", "snip", "fisher", "grasp"):
        assert np.isnan(found.arch[metric]).all() and np.isnan(found.op[metric]).all(), metric
    for metric in ("jacob_cov", "epe_nas", "zen"):
        assert np.isnan(found.arch[metric]).all(), metric
    for metric in ("l2_norm", "params", "flops"):
        assert (found.arch[metric] > 0).all(), metric
    for reason in found.reason:
        assert "grad_norm, plain, snip, fisher, grasp: all gradients are zero" in reason
        assert "zen: the last image does not depend on the input" in reason


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (40, 3, 8, 8), dtype=np.uint8)
    labels = (np.arange(40) % 3).astype(np.uint8)
    return ImageSet("noise", pixels, labels, np.zeros(40, np.uint8), ["a", "b", "c"])


def test_all_metrics_of_random_cells_signs_operations_and_seconds(images):
    archs = nasbench201.sample(12, np.random.default_rng(1))
    archs = Archs.concatenate([archs, cells("333333", "111111", "222222")])
    settings = ScoreSettings(metrics=list(METRICS), batch_size=12, network=SMALL)
    found = score_cells(archs, images, settings, 1, "cpu")
    again = score_cells(archs[::-1], images, settings, 1, "cpu")
    there = np.isfinite(found.arch["snip"])
    assert there.sum() >= 10
    for metric in ("snip", "grad_norm", "fisher", "synflow", "l2_norm", "epe_nas"):
        assert (found.arch[metric][np.isfinite(found.arch[metric])] >= 0).all(), metric
    assert (np.abs(found.arch["plain"]) <= found.arch["snip"])[there].all()
    assert (found.arch["jacob_cov"][there] <= -len(archs.ops[0])).all()
    assert set(found.op) == set(METRICS) - set(ARCH_ONLY)
    convolution = np.isin(archs.ops, (2, 3))
    assert (found.op["l2_norm"][~convolution] == 0).all() and (found.op["l2_norm"][convolution] > 0).all()
    assert (found.seconds > 0).all() and len(found.seconds) == len(archs)
    for metric in METRICS:
        assert np.array_equal(found.arch[metric], again.arch[metric][::-1], equal_nan=True), metric
    for row, reason in enumerate(found.reason):
        missing = [m for m in METRICS if np.isnan(found.arch[m][row])]
        assert bool(missing) == bool(reason) and all(m in reason for m in missing)


def test_exploding_networks_are_missing_not_numbers(images):
    x, y = batch()
    net = network(CASES["nasbench101"])
    with torch.no_grad():
        net.classifier.weight.fill_(float("inf"))
    found = score_network(net, x, y, NEEDS_NETWORK, 1)
    assert found.why["snip"] == "not finite" and np.isnan(found.total["snip"])
    assert np.isfinite(found.total["nwot"]) and np.isfinite(found.total["zen"])
