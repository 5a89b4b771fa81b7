"""Zero-shot metrics where their value can be worked out by hand, and what they must not depend on."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.children.settings import NetworkSettings
from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101 import CONV1X1, CONV3X3, canonical_key
from pipeline.spaces.nasbench101.network import build_network
from pipeline.spaces.nasbench201 import network as nasbench201_network
from pipeline.zeroshot import metered
from pipeline.zeroshot.codes import Codes, log_determinant
from pipeline.zeroshot.jacobian import correlations, epe_nas, jacob_cov
from pipeline.zeroshot.metrics import COSTS, METRICS
from pipeline.zeroshot.network import score_network
from pipeline.zeroshot.passes import image_pass
from pipeline.zeroshot.synflow import synflow_pass
from pipeline.zeroshot.zen import STEP, zen_score
from tests.unit.nasbench101_cells import cell

torch.set_num_threads(1)
SMALL = NetworkSettings(stem_channels=8, stacks=2, cells_per_stack=1)


class Linear(nn.Module):
    """Images of one pixel -> 1x1 convolution -> linear layer, without any other step: logits C (W x) + b."""

    def __init__(self, w, c):
        super().__init__()
        self.conv = nn.Conv2d(w.shape[1], w.shape[0], 1, bias=False)
        self.classifier = nn.Linear(c.shape[1], c.shape[0])
        with torch.no_grad():
            self.conv.weight.copy_(w[:, :, None, None])
            self.classifier.weight.copy_(c)
            self.classifier.bias.zero_()

    def feature_maps(self, x):
        return self.conv(x)

    def forward(self, x):
        return self.classifier(self.feature_maps(x).mean(dim=(2, 3)))

    def rectified(self):
        return []


def test_snip_fisher_and_grasp_of_a_linear_network_by_hand():
    """One image x = 1, one feature w, two classes with weights (c, 0): logits (c w, 0), label 0.

    q = 1 - p, p = 1 / (1 + exp(-c w)); L = -log p. dL/dw = -q c and dL/dc = (-q w, q w); with
    s = p q the Hessian by (w, c0, c1) follows from L'' = s in the difference of the logits.
    """
    w, c = 0.7, 1.9
    net = Linear(torch.tensor([[w]]), torch.tensor([[c], [0.0]])).double()
    net.conv.weight.data = torch.tensor([[[[w]]]], dtype=torch.float64)
    net.classifier.weight.data = torch.tensor([[c], [0.0]], dtype=torch.float64)
    x, y = torch.ones(1, 1, 1, 1, dtype=torch.float64), torch.tensor([0])
    found = image_pass(net, x, y, ["snip", "fisher", "grasp"])
    q = 1 - 1 / (1 + math.exp(-c * w))
    s = q * (1 - q)
    assert found.parameters.values["snip"].tolist() == pytest.approx([q * c * w, q * c * w, 0])
    fisher_of_conv = (w * -q * c) ** 2 / 2  # y dL/dy of the one channel
    fisher_of_linear = (c * w * -q) ** 2 / 2 + 0.0  # of the two logits
    assert found.weights.values["fisher"].tolist() == pytest.approx([fisher_of_conv, fisher_of_linear])
    # d = (c0 - c1) w; H = s (grad d)(grad d)' - q (second derivatives of d)
    of_d = np.array([c, w, -w])
    hessian = s * np.outer(of_d, of_d) - q * np.array([[0, 1, -1], [1, 0, 0], [-1, 0, 0]])
    product = hessian @ (-q * of_d)
    assert found.weights.values["grasp"].tolist() == pytest.approx([-w * product[0], -c * product[1]])


def test_nwot_of_two_images_by_hand():
    """Codes 1100 and 0110 of four units: K = [[4, 2], [2, 4]], determinant 12; each unit twice: 48."""
    output = torch.tensor([[3.0, 1, 0, 0], [0, 2, 5, 0]])[:, :, None, None]
    codes = Codes(2, "cpu")
    codes.add(output)
    assert codes.kernel().tolist() == [[4, 2], [2, 4]]
    twice = Codes(2, "cpu")
    twice.add(output, times=2)
    assert log_determinant(codes.kernel().numpy()) == pytest.approx(math.log(12))
    assert log_determinant(twice.kernel().numpy()) == pytest.approx(math.log(48))


def test_log_determinant_with_very_many_units_and_with_equal_codes():
    codes = np.random.default_rng(0).random((64, 500)) > 0.5
    gram = codes.astype(float) @ codes.T + (~codes).astype(float) @ (~codes).T
    assert log_determinant(gram * 2.0**60) == pytest.approx(log_determinant(gram) + 64 * 60 * math.log(2))
    codes[7] = codes[3]
    gram = codes.astype(float) @ codes.T + (~codes).astype(float) @ (~codes).T
    assert math.isnan(log_determinant(gram)) and math.isnan(log_determinant(np.zeros((4, 4))))


def test_jacob_cov_and_epe_nas_by_hand():
    """Two images with opposite gradients, one that is uncorrelated with both."""
    rows = torch.tensor([[1.0, -1, 0, 0], [-1, 1, 0, 0], [0, 0, 1, -1]])
    r = correlations(rows)
    assert r == pytest.approx(np.array([[1, -1, 0], [-1, 1, 0], [0, 0, 1]]))
    expected = -sum(math.log(v + 1e-5) + 1 / (v + 1e-5) for v in (0, 1, 2))
    assert jacob_cov(r) == pytest.approx(expected)
    one = 4 * math.log(1 + 1e-5)  # all correlations within the first class are 1 or -1
    assert epe_nas(r, np.array([0, 0, 1]), 10) == pytest.approx(one + math.log(1 + 1e-5))
    apart = 2 * math.log(1 + 1e-5) + 2 * math.log(1e-5)
    assert epe_nas(r, np.array([0, 1, 0]), 10) == pytest.approx(abs(apart) + math.log(1 + 1e-5))
    many = abs(apart / 2 - math.log(1 + 1e-5)) * 2 / 2  # both orders of the pair, two classes
    assert epe_nas(r, np.array([0, 1, 0]), 1000) == pytest.approx(many)
    assert math.isnan(jacob_cov(correlations(torch.zeros(3, 4))))


def test_zen_of_a_linear_network_is_the_log_of_a_small_step():
    """|W n| of one channel in, one out, one pixel: 0.01 |w| mean |n|, without batch norms."""
    net = Linear(torch.zeros(1, 1), torch.zeros(2, 1))
    got = zen_score(net, (1, 1, 1), torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(0)
    w = torch.randn(3, generator=generator)[0]  # of the three weights, the classifier's two come later
    n = torch.randn((2, 16, 1, 1, 1), generator=generator)[1]
    assert got == pytest.approx(math.log(STEP * float(w.abs() * n.abs().mean())), rel=1e-3)


def test_zen_adds_batch_norms_scaling_back():
    """A normalisation in front of the last image divides by a deviation that the score multiplies again."""

    class Normalised(Linear):
        def __init__(self):
            super().__init__(torch.zeros(4, 3), torch.zeros(2, 4))
            self.bn = nn.BatchNorm2d(4, eps=0.0)

        def feature_maps(self, x):
            return self.bn(self.conv(x))

    plain = zen_score(Linear(torch.zeros(4, 3), torch.zeros(2, 4)), (3, 6, 6), torch.Generator())
    normalised = zen_score(Normalised(), (3, 6, 6), torch.Generator())
    assert normalised == pytest.approx(plain, abs=0.3)  # channels' deviations differ from their mean


def test_gradients_of_the_metered_layers():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4, bias=False),
        nn.BatchNorm2d(4),
        nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
    ).double()
    metered.meter_layers(net)
    x = torch.randn(2, 2, 6, 6, dtype=torch.float64).to(memory_format=torch.channels_last)

    def outputs(weight, image):
        # the images themselves, a leaf, are given no gradient in this pass
        return torch.func.functional_call(net, {"0.weight": weight}, (image * 1.0,))

    weight = net[0].weight.detach().clone().requires_grad_(True)
    assert torch.autograd.gradcheck(outputs, (weight, x.requires_grad_(True)), atol=1e-5)
    box = metered.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    image = torch.randn(2, 4, 5, 7).to(memory_format=torch.channels_last).requires_grad_(True)
    plain = nn.functional.avg_pool2d(image, 3, 1, 1, count_include_pad=False)
    assert torch.allclose(box(image), plain, atol=1e-6)
    direction = torch.randn_like(plain)
    fast, slow = (torch.autograd.grad(y, image, direction)[0] for y in (box(image), plain))
    assert torch.allclose(fast, slow, atol=1e-6)


def test_batch_norm_of_one_channel_has_pytorchs_gradients():
    torch.manual_seed(0)
    x, direction = torch.randn(4, 1, 8, 8, requires_grad=True), torch.randn(4, 1, 8, 8)
    plain, metered_too = nn.Sequential(nn.BatchNorm2d(1)), nn.Sequential(nn.BatchNorm2d(1))
    metered.meter_layers(metered_too)
    expected, found = (
        torch.autograd.grad(net(x), [x, *net.parameters()], direction) for net in (plain, metered_too)
    )
    for a, b in zip(expected, found, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-5, atol=1e-5)


def test_synflow_is_the_flow_that_each_weight_carries():
    """R is linear in every tensor, so its synflow is what R loses when the tensor is zero (float64)."""
    arch = cell([CONV3X3, CONV1X1, CONV3X3], [(0, 1), (0, 2), (1, 3), (2, 3), (2, 6), (3, 6), (0, 6)])
    shape = NetworkSettings(stem_channels=6, stacks=1, cells_per_stack=2)
    torch.manual_seed(0)
    table = synflow_pass(build_network(arch, shape, 1, 3), (1, 8, 8))
    torch.manual_seed(0)
    plain = build_network(arch, shape, 1, 3).double()
    for module in plain.modules():
        if hasattr(module, "bn"):
            module.bn.forward = lambda x: x
    weights = {name: p for name, p in plain.named_parameters() if ".bn." not in name and p.dim() > 1}
    with torch.no_grad():
        for p in plain.parameters():
            p.abs_()
        ones = torch.ones(1, 1, 8, 8, dtype=torch.float64)
        total = float(plain(ones).sum())
        for name, p in weights.items():
            kept = p.clone()
            p.zero_()
            assert table.values["synflow"][table.names.index(name)] == pytest.approx(
                total - float(plain(ones).sum()), rel=1e-9, abs=1e-12 * total
            )
            p.copy_(kept)
    assert set(table.names) == set(weights)


@pytest.mark.parametrize("layers", [3, 20])
def test_synflow_is_finite_where_float32_overflows(layers):
    chain = cell([CONV3X3] * 5, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6)])
    deep = NetworkSettings(stem_channels=16, stacks=3, cells_per_stack=layers // 3)
    table = synflow_pass(build_network(chain, deep, 1, 3), (1, 8, 8))
    total = table.values["synflow"].sum()
    assert np.isfinite(table.values["synflow"]).all()
    assert total > np.finfo(np.float32).max or layers == 3


def match(first, second, vertex):
    """Copy weights of `first` to `second`: the random stream belongs to an operation, not to its number.

    vertex: vertex of `second` -> the one of `first` with its operation.
    """
    with torch.no_grad():
        rest = dict(first.named_parameters())
        for v, owned in enumerate(second.vertex_parameters()):
            for (_, target), (name, source) in zip(owned, first.vertex_parameters()[vertex[v]], strict=True):
                target.copy_(source)
                rest.pop(name)
        for name, source in rest.items():
            dict(second.named_parameters())[name].copy_(source)


SWAPPED = {
    "nasbench101": (
        cell([CONV3X3, CONV1X1, CONV3X3], [(0, 1), (0, 2), (1, 3), (2, 3), (3, 6)]),
        cell([CONV1X1, CONV3X3, CONV3X3], [(0, 1), (0, 2), (1, 3), (2, 3), (3, 6)]),
        [0, 2, 1, 3, 4, 5, 6],
        build_network,
    ),
    # nodes 1 and 2 both take the input and go to the output, node 1 does not go to node 2
    "nasbench201": (
        Archs("nasbench201", np.array([[3, 2, 0, 1, 3, 2]], np.uint8)),
        Archs("nasbench201", np.array([[2, 3, 0, 1, 2, 3]], np.uint8)),
        [1, 0, 2, 3, 5, 4],
        nasbench201_network.build_network,
    ),
}


@pytest.mark.parametrize("space", SWAPPED)
def test_isomorphic_cells_score_alike_under_matched_initialisation(space):
    one, two, vertex, build = SWAPPED[space]
    if space == "nasbench101":
        assert canonical_key(one) == canonical_key(two)
    generator = torch.Generator().manual_seed(5)
    x, y = torch.randn(16, 1, 8, 8, generator=generator), torch.arange(16) % 3
    metrics = [m for m in METRICS if m not in (*COSTS, "zen")]  # zen draws weights of its own
    torch.manual_seed(0)
    first = build(one, SMALL, 1, 3).double()
    second = build(two, SMALL, 1, 3).double()
    match(first, second, vertex)
    found = [score_network(net, x.double(), y, metrics, 0).total for net in (first, second)]
    assert found[0] == pytest.approx(found[1], rel=1e-6)
