"""The network of a DARTS architecture, at any width, depth, input size and number of classes.

Skeleton: see `skeleton`. Operations as in the networks that DARTS and NAS-Bench-301 evaluate (Liu et al.
2019, section 3.1; Siems et al. 2020, section 3), with trainable batch norms:
- separable convolution: twice ReLU, depthwise convolution, 1x1 convolution, batch norm;
- dilated convolution: once, with dilation 2;
- pooling: without a batch norm, which only DARTS' search network has; the average leaves padding out;
- skip: the identity, or a factorised reduction where it halves the image;
- the cell's inputs: ReLU, 1x1 convolution, batch norm; a factorised reduction for an input that is larger.
There is no auxiliary head and no dropping of paths. Weights start as PyTorch's layers do. Nothing is
idle: node 2 takes both inputs, and every node is part of the output.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.spaces.archs import Archs
from pipeline.spaces.darts.codes import (
    AVG_POOL_3X3,
    DIL_CONV_3X3,
    DIL_CONV_5X5,
    EDGES,
    INPUT_NODES,
    INTERMEDIATE,
    MAX_POOL_3X3,
    N_CELLS,
    NONE,
    SEP_CONV_3X3,
    SEP_CONV_5X5,
)
from pipeline.spaces.darts.skeleton import STEM_FACTOR, CellPlace, cell_places
from pipeline.spaces.shape import NetworkShape

_KERNEL = {SEP_CONV_3X3: 3, SEP_CONV_5X5: 5, DIL_CONV_3X3: 3, DIL_CONV_5X5: 5}
_TWICE = (SEP_CONV_3X3, SEP_CONV_5X5)


def build_network(
    archs: Archs,
    network: NetworkShape,
    in_channels: int,
    classes: int,
    batch_norm_momentum: float = 0.1,
    batch_norm_eps: float = 1e-5,
) -> CellNetwork:
    """Return the network of the one architecture in `archs`, initialised from torch's global generator.

    in_channels: channels of an image. batch_norm_momentum: PyTorch's sense, the weight of the newest
    batch; it and batch_norm_eps hold for every layer. Raises ValueError if `archs` is not exactly one.
    """
    if len(archs) != 1:
        raise ValueError(f"build_network takes one architecture, got {len(archs)}")
    return CellNetwork(archs, network, in_channels, classes, batch_norm_momentum, batch_norm_eps)


class FactorizedReduction(nn.Module):
    """ReLU, two 1x1 convolutions of stride 2 side by side, a pixel apart, batch norm.

    (B, c_in, H, W) -> (B, c_out, ceil(H/2), ceil(W/2)). `c_out` must be even.
    """

    def __init__(self, c_in: int, c_out: int, momentum: float, eps: float):
        super().__init__()
        self.relu = nn.ReLU()
        self.even = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.bn = nn.BatchNorm2d(c_out, eps=eps, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(x)
        height, width = x.shape[2] % 2, x.shape[3] % 2
        shifted = F.pad(x, (0, width, 0, height)) if height or width else x  # both halves get one size
        return self.bn(torch.cat([self.even(x), self.odd(shifted[:, :, 1:, 1:])], dim=1))


class ReluConvBn(nn.Module):
    """ReLU, 1x1 convolution, batch norm: (B, c_in, H, W) -> (B, c_out, H, W)."""

    def __init__(self, c_in: int, c_out: int, momentum: float, eps: float):
        super().__init__()
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(c_in, c_out, 1, bias=False)
        self.bn = nn.BatchNorm2d(c_out, eps=eps, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(self.relu(x)))


class SeparableConv(nn.Module):
    """ReLU, depthwise and 1x1 convolution, batch norm: (B, C, H, W) -> (B, C, ceil(H / stride), …)."""

    def __init__(self, channels: int, kernel: int, stride: int, dilation: int, momentum: float, eps: float):
        super().__init__()
        self.relu = nn.ReLU()
        self.depthwise = nn.Conv2d(
            channels,
            channels,
            kernel,
            stride=stride,
            padding=dilation * (kernel // 2),
            dilation=dilation,
            groups=channels,
            bias=False,
        )
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(channels, eps=eps, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.pointwise(self.depthwise(self.relu(x))))


def operation(op: int, channels: int, stride: int, momentum: float, eps: float) -> nn.Module:
    """Return the module of one operation: (B, channels, H, W) -> (B, channels, ceil(H / stride), …)."""
    if op == MAX_POOL_3X3:
        return nn.MaxPool2d(3, stride=stride, padding=1)
    if op == AVG_POOL_3X3:
        return nn.AvgPool2d(3, stride=stride, padding=1, count_include_pad=False)
    if op in _TWICE:
        strides = (stride, 1)
        return nn.Sequential(*(SeparableConv(channels, _KERNEL[op], s, 1, momentum, eps) for s in strides))
    if op in _KERNEL:
        return SeparableConv(channels, _KERNEL[op], stride, 2, momentum, eps)
    return nn.Identity() if stride == 1 else FactorizedReduction(channels, channels, momentum, eps)


class Cell(nn.Module):
    """One cell: its two inputs -> (B, 4 C, H, W). `operations` are named by the edge's place in `EDGES`."""

    def __init__(self, archs: Archs, place: CellPlace, momentum: float, eps: float):
        super().__init__()
        self.kind = place.kind
        codes = archs.ops[0, place.kind].tolist()
        self.edges = [(edge, *EDGES[edge]) for edge, op in enumerate(codes) if op != NONE]
        first, second = place.c_in
        adapt = FactorizedReduction if place.after_reduction else ReluConvBn
        self.inputs = nn.ModuleList(
            [
                adapt(first, place.channels, momentum, eps),
                ReluConvBn(second, place.channels, momentum, eps),
            ]
        )
        self.operations = nn.ModuleDict()
        for edge, source, _ in self.edges:
            stride = 2 if place.kind and source in INPUT_NODES else 1
            self.operations[str(edge)] = operation(codes[edge], place.channels, stride, momentum, eps)

    def forward(self, before: Tensor, x: Tensor) -> Tensor:
        nodes: dict[int, Tensor] = {0: self.inputs[0](before), 1: self.inputs[1](x)}
        for edge, source, target in self.edges:
            term = self.operations[str(edge)](nodes[source])
            nodes[target] = nodes[target] + term if target in nodes else term
        return torch.cat([nodes[node] for node in INTERMEDIATE], dim=1)


class CellNetwork(nn.Module):
    """Stem, cells, pooling, classifier: images (B, C, H, W) -> logits (B, classes)."""

    def __init__(self, archs: Archs, network: NetworkShape, in_channels: int, classes: int, momentum, eps):
        super().__init__()
        channels = STEM_FACTOR * network.stem_channels
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels, eps=eps, momentum=momentum),
        )
        self.cells = nn.ModuleList()
        layers = getattr(network, "layers", None)
        for place in cell_places(network.stem_channels, network.stacks, network.cells_per_stack, layers):
            self.cells.append(Cell(archs, place, momentum, eps))
            channels = place.c_out
        self.classifier = nn.Linear(channels, classes)

    def feature_maps(self, x: Tensor) -> Tensor:
        """Return the last cell's output, before it is averaged: (B, C, H, W) -> (B, features, H', W')."""
        before = x = self.stem(x)
        for cell in self.cells:
            before, x = x, cell(before, x)
        return x

    def features(self, x: Tensor) -> Tensor:
        """Return the global average of the last cell's output: (B, C, H, W) -> (B, features)."""
        return self.feature_maps(x).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))

    def rectified(self) -> list[nn.Module]:
        """Return the modules whose output went through a ReLU, in the order of the network."""
        return [module for module in self.modules() if isinstance(module, nn.ReLU)]

    def vertex_parameters(self) -> list[list[tuple[str, nn.Parameter]]]:
        """Return, for each of the 2 x 14 possible edges, the (name, parameter) of its operation in all cells.

        The normal cell's 14 edges first. Stem, the cells' 1x1 convolutions of their inputs, and the
        classifier belong to no edge.
        """
        owned: list[list[tuple[str, nn.Parameter]]] = [[] for _ in range(N_CELLS * len(EDGES))]
        for number, cell in enumerate(self.cells):
            for edge, module in cell.operations.items():
                of_edge = owned[cell.kind * len(EDGES) + int(edge)]
                of_edge += [
                    (f"cells.{number}.operations.{edge}.{name}", parameter)
                    for name, parameter in module.named_parameters()
                ]
        return owned
