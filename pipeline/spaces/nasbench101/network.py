"""The network of a NAS-Bench-101 cell, at any width, depth, input size and number of classes.

Skeleton (Ying et al. 2019, "NAS-Bench-101: Towards Reproducible Neural Architecture Search", fig. 1):
a 3x3 stem convolution, `stacks` stacks of `cells_per_stack` equal cells, a 2x2 max-pooling that halves
the image and a doubling of the channels between stacks, global average pooling, one linear layer.

Inside a cell every convolution is followed by batch norm and ReLU. An interior vertex adds its inputs:
other vertices' outputs cut to its own number of channels, and the cell's input through a 1x1
convolution. The output vertex concatenates its interior inputs; the cell's input, where it is connected
to the output, is projected and added.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench101.codes import CONV1X1, CONV3X3, MAXPOOL3X3, NONE
from pipeline.spaces.nasbench101.costs import vertex_channels
from pipeline.spaces.shape import NetworkShape

OUTPUT_VERTEX = 6
FEW_PIXELS = 4096  # of a batch; measured on a CPU, at 8 to 64 channels


def build_network(
    archs: Archs,
    network: NetworkShape,
    in_channels: int,
    classes: int,
    batch_norm_momentum: float = 0.1,
    batch_norm_eps: float = 1e-5,
) -> CellNetwork:
    """Return the network of the one cell in `archs`, freshly initialised from torch's global generator.

    in_channels: channels of an image. batch_norm_momentum: PyTorch's sense, the weight of the newest
    batch (the benchmark's 0.997 is 0.003 here); it and batch_norm_eps hold for every layer.
    Raises ValueError if `archs` is not exactly one cell.
    """
    if len(archs) != 1:
        raise ValueError(f"build_network takes one cell, got {len(archs)}")
    return CellNetwork(archs, network, in_channels, classes, batch_norm_momentum, batch_norm_eps)


class PointwiseConv(nn.Conv2d):
    """1x1 convolution; as one matrix product over the channels where there are few pixels.

    There the product takes a third of the time; with many pixels the convolution takes half of the product's.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[0] * x.shape[2] * x.shape[3] > FEW_PIXELS:
            return super().forward(x)
        y = F.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1))  # (B, H, W, c_out)
        return y.permute(0, 3, 1, 2)


class ConvBnRelu(nn.Module):
    """Convolution without bias, 'same' padding, batch norm, ReLU: (B, c_in, H, W) -> (B, c_out, H, W)."""

    def __init__(self, c_in: int, c_out: int, kernel: int, momentum: float, eps: float):
        super().__init__()
        make = PointwiseConv if kernel == 1 else nn.Conv2d
        self.conv = make(c_in, c_out, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(c_out, eps=eps, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x)).relu_()


class Cell(nn.Module):
    """One cell: (B, c_in, H, W) -> (B, c_out, H, W). Vertices keep their numbers 0..6 from `Archs`."""

    def __init__(self, archs: Archs, c_in: int, c_out: int, momentum: float, eps: float):
        super().__init__()
        ops, adj = archs.ops[0], archs.adj[0]
        channels = vertex_channels(archs.adj, c_in, c_out)[0].tolist()
        self.interior = [v for v in range(1, OUTPUT_VERTEX) if ops[v] != NONE]
        self.channels = channels
        self.sources = {v: [u for u in self.interior if adj[u, v]] for v in (*self.interior, OUTPUT_VERTEX)}
        self.projections = nn.ModuleDict()  # vertex -> 1x1 convolution of the cell's input
        self.operations = nn.ModuleDict()  # vertex -> its operation
        for v in (*self.interior, OUTPUT_VERTEX):
            if adj[0, v]:
                self.projections[str(v)] = ConvBnRelu(c_in, channels[v], 1, momentum, eps)
            if ops[v] in (CONV3X3, CONV1X1):
                kernel = 3 if ops[v] == CONV3X3 else 1
                self.operations[str(v)] = ConvBnRelu(channels[v], channels[v], kernel, momentum, eps)
            elif ops[v] == MAXPOOL3X3:
                self.operations[str(v)] = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        outputs: dict[int, Tensor] = {}
        for v in self.interior:
            terms = [self._cut(outputs[u], self.channels[v]) for u in self.sources[v]]
            outputs[v] = self.operations[str(v)](self._add_input(x, v, terms))
        joined = [outputs[u] for u in self.sources[OUTPUT_VERTEX]]
        if len(joined) > 1:
            joined = [torch.cat(joined, dim=1)]
        return self._add_input(x, OUTPUT_VERTEX, joined)

    @staticmethod
    def _cut(x: Tensor, channels: int) -> Tensor:
        return x if x.shape[1] == channels else x[:, :channels]  # even a cut of nothing costs a copy backward

    def _add_input(self, x: Tensor, v: int, terms: list[Tensor]) -> Tensor:
        """Add up `terms` and the cell's input, projected for vertex v, if it is connected to v."""
        if str(v) in self.projections:
            terms = [*terms, self.projections[str(v)](x)]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total


class CellNetwork(nn.Module):
    """Stem, stacks of cells, pooling, classifier: images (B, C, H, W) -> logits (B, classes)."""

    def __init__(self, archs: Archs, network: NetworkShape, in_channels: int, classes: int, momentum, eps):
        super().__init__()
        c_in = c_out = network.stem_channels
        self.stem = ConvBnRelu(in_channels, c_out, 3, momentum, eps)
        self.cells = nn.ModuleList()
        for stack in range(network.stacks):
            c_out = network.stem_channels * 2**stack
            for _ in range(network.cells_per_stack):
                self.cells.append(Cell(archs, c_in, c_out, momentum, eps))
                c_in = c_out
        self.cells_per_stack = network.cells_per_stack
        # ceil_mode: the benchmark pads an odd image instead of dropping its last row and column
        self.downsample = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.classifier = nn.Linear(c_out, classes)
        self.apply(_initialise)

    def feature_maps(self, x: Tensor) -> Tensor:
        """Return the last cell's output, before it is averaged: (B, C, H, W) -> (B, features, H', W')."""
        x = self.stem(x)
        for index, cell in enumerate(self.cells):
            if index and index % self.cells_per_stack == 0:
                x = self.downsample(x)
            x = cell(x)
        return x

    def features(self, x: Tensor) -> Tensor:
        """Return the global average of the last cell's output: (B, C, H, W) -> (B, features)."""
        return self.feature_maps(x).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))

    def rectified(self) -> list[nn.Module]:
        """Return the modules whose output went through a ReLU, in the order of the network."""
        return [module for module in self.modules() if isinstance(module, ConvBnRelu)]

    @staticmethod
    def initial_precision(layer: nn.Module) -> float:
        """Return one over the variance that a convolution's or linear layer's weight starts with."""
        fan_in, fan_out = layer.weight[0].numel(), layer.weight.shape[0]
        return fan_in if isinstance(layer, nn.Conv2d) else (fan_in + fan_out) / 2

    def vertex_parameters(self) -> list[list[tuple[str, nn.Parameter]]]:
        """Return, for each of the cell's 7 vertices, the (name, parameter) that stand for it in all cells.

        A vertex owns its operation and the projection of the cell's input that feeds it, batch norm
        included; the output vertex owns the projection that is added to its concatenation. The stem and
        the classifier belong to no vertex.
        """
        owned: list[list[tuple[str, nn.Parameter]]] = [[] for _ in range(OUTPUT_VERTEX + 1)]
        for name, parameter in self.named_parameters():
            if name.startswith("cells."):  # cells.<number>.<projections|operations>.<vertex>.…
                owned[int(name.split(".")[3])].append((name, parameter))
        return owned


def _initialise(module: nn.Module) -> None:
    """Initialise as the benchmark did: truncated normal of variance 1 / fan-in; Glorot for the classifier."""
    if isinstance(module, nn.Conv2d):
        std = module.weight[0].numel() ** -0.5 / 0.87962566103423978  # a normal cut at 2 std has 0.8796 std
        nn.init.trunc_normal_(module.weight, std=std, a=-2 * std, b=2 * std)
    elif isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
