"""The network of a NAS-Bench-201 cell, at any width, depth, input size and number of classes.

Skeleton (Dong & Yang 2020, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search",
section 2.1 and figure 1): a 3x3 convolution with batch norm, `stacks` stacks of `cells_per_stack` equal
cells, a residual block that halves the image and doubles the channels between stacks, batch norm, ReLU,
global average pooling, one linear layer. Weights start as PyTorch's layers do.

In a cell a node is the sum of its edges; a convolution's edge is ReLU, convolution, batch norm. What a
`none` edge brings is a zero image: a convolution of it still puts out the shift of its batch norm, as in
the benchmark. Edges that cannot reach the output have their parameters, but are not computed: these, and
all that a cell cut off from its input cuts off, get no gradient (`grad` stays None).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.spaces.archs import Archs
from pipeline.spaces.nasbench201.codes import (
    AVG_POOL_3X3,
    EDGES,
    N_NODES,
    NONE,
    NOR_CONV_1X1,
    NOR_CONV_3X3,
    OUTPUT_NODE,
)
from pipeline.spaces.nasbench201.layout import reaches_output
from pipeline.spaces.shape import NetworkShape

_KERNEL = {NOR_CONV_1X1: 1, NOR_CONV_3X3: 3}


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
    batch; it and batch_norm_eps hold for every layer. Raises ValueError if `archs` is not exactly one cell.
    """
    if len(archs) != 1:
        raise ValueError(f"build_network takes one cell, got {len(archs)}")
    return CellNetwork(archs, network, in_channels, classes, batch_norm_momentum, batch_norm_eps)


class ReluConvBn(nn.Module):
    """ReLU, convolution without bias, batch norm: (B, c_in, H, W) -> (B, c_out, ceil(H / stride), …)."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, momentum: float, eps: float):
        super().__init__()
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(c_out, eps=eps, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(self.relu(x)))


class Cell(nn.Module):
    """One cell: (B, C, H, W) -> (B, C, H, W). `operations` are named by the edge's place in `EDGES`."""

    def __init__(self, archs: Archs, channels: int, momentum: float, eps: float):
        super().__init__()
        used = reaches_output(archs)[0]
        self.ops = archs.ops[0].tolist()
        self.edges = [(edge, *EDGES[edge]) for edge in range(len(EDGES)) if used[edge]]  # those computed
        self.operations = nn.ModuleDict()  # edge -> its operation; a skip connection has none
        for edge, op in enumerate(self.ops):
            if op in _KERNEL:
                self.operations[str(edge)] = ReluConvBn(channels, channels, _KERNEL[op], 1, momentum, eps)
            elif op == AVG_POOL_3X3:
                self.operations[str(edge)] = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        nodes: list[Tensor | None] = [x] + [None] * (N_NODES - 1)  # None: a zero image
        for edge, source, target in self.edges:
            term = self._term(edge, nodes[source], x)
            if term is not None:
                nodes[target] = term if nodes[target] is None else nodes[target] + term
        output = nodes[OUTPUT_NODE]
        return torch.zeros_like(x) if output is None else output

    def _term(self, edge: int, value: Tensor | None, x: Tensor) -> Tensor | None:
        """Return what an edge makes of its source's value; `x` has the shape of all values."""
        name = str(edge)
        if name not in self.operations or (value is None and isinstance(self.operations[name], nn.AvgPool2d)):
            return value
        return self.operations[name](torch.zeros_like(x) if value is None else value)


class ResidualBlock(nn.Module):
    """Halves the image, rounding up, and doubles the channels: (B, C, H, W) -> (B, 2C, ceil(H/2), …)."""

    def __init__(self, channels: int, momentum: float, eps: float):
        super().__init__()
        self.conv_a = ReluConvBn(channels, 2 * channels, 3, 2, momentum, eps)
        self.conv_b = ReluConvBn(2 * channels, 2 * channels, 3, 1, momentum, eps)
        # ceil_mode: an odd image, which the benchmark has none of, gets the size that conv_a gives it
        self.pool = nn.AvgPool2d(2, stride=2, ceil_mode=True)
        self.shortcut = nn.Conv2d(channels, 2 * channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(self.pool(x)) + self.conv_b(self.conv_a(x))


class CellNetwork(nn.Module):
    """Stem, stacks of cells, pooling, classifier: images (B, C, H, W) -> logits (B, classes)."""

    def __init__(self, archs: Archs, network: NetworkShape, in_channels: int, classes: int, momentum, eps):
        super().__init__()
        channels = network.stem_channels
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels, eps=eps, momentum=momentum),
        )
        self.cells, self.reductions = nn.ModuleList(), nn.ModuleList()
        for stack in range(network.stacks):
            if stack:
                self.reductions.append(ResidualBlock(channels, momentum, eps))
                channels *= 2
            for _ in range(network.cells_per_stack):
                self.cells.append(Cell(archs, channels, momentum, eps))
        self.cells_per_stack = network.cells_per_stack
        self.last = nn.Sequential(nn.BatchNorm2d(channels, eps=eps, momentum=momentum), nn.ReLU())
        self.classifier = nn.Linear(channels, classes)

    def feature_maps(self, x: Tensor) -> Tensor:
        """Return the rectified last image, before it is averaged: (B, C, H, W) -> (B, features, H', W')."""
        x = self.stem(x)
        for index, cell in enumerate(self.cells):
            if index and index % self.cells_per_stack == 0:
                x = self.reductions[index // self.cells_per_stack - 1](x)
            x = cell(x)
        return self.last(x)

    def features(self, x: Tensor) -> Tensor:
        """Return the global average of the rectified last image: (B, C, H, W) -> (B, features)."""
        return self.feature_maps(x).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))

    def compute_idle(self) -> None:
        """Compute from now on what cannot reach the output as well, as the benchmark's own code does."""
        for cell in self.cells:
            cell.edges = [(edge, *EDGES[edge]) for edge in range(len(EDGES)) if cell.ops[edge] != NONE]

    def rectified(self) -> list[nn.Module]:
        """Return the modules whose output went through a ReLU: the ReLUs, without those not computed."""
        idle = set()
        for cell in self.cells:
            computed = {str(edge) for edge, _, _ in cell.edges}
            idle |= {m for name, op in cell.operations.items() if name not in computed for m in op.modules()}
        return [m for m in self.modules() if isinstance(m, nn.ReLU) and m not in idle]

    def vertex_parameters(self) -> list[list[tuple[str, nn.Parameter]]]:
        """Return, for each of the cell's 6 edges, the (name, parameter) of its operation in all cells.

        Stem, residual blocks, last batch norm and classifier belong to no edge.
        """
        owned: list[list[tuple[str, nn.Parameter]]] = [[] for _ in EDGES]
        for name, parameter in self.named_parameters():
            if name.startswith("cells."):  # cells.<number>.operations.<edge>.…
                owned[int(name.split(".")[3])].append((name, parameter))
        return owned
