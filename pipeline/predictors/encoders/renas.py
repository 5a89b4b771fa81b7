"""ReNAS' LeNet over feature tensors, R replicates as one batched network.

Source: ReNAS, table 1, with the sizes of the authors' demo: two 3x3 convolutions, each with batch
normalisation, then fully connected layers of 120 and 84. Unless the settings say otherwise, the tensor's
numbers are scaled to mean 0 and deviation 1, one by one, by the training cells. R replicates, B cells, c
channels of V x V.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from pipeline.predictors.encoders.replicated import Replicated, dense, through, uniform, zeros

MOMENTUM, EPSILON = 0.1, 1e-5  # of batch normalisation; torch's own


class ReNas(Replicated):
    """Scores of cells: (R, B, c, V, V) tensors -> (R, B)."""

    def __init__(self, shape, size: tuple[int, int, int], generators: list[torch.Generator]):
        """shape: the plug-in's settings. size: (c, V, V) of a tensor."""
        super().__init__()
        r = len(generators)
        self.size, self.scaled = size, shape.scale == "training_cells"
        self.register_buffer("mean", torch.zeros(r, *size))
        self.register_buffer("deviation", torch.ones(r, *size))
        channels = [size[0], *shape.channels]
        self.kernels, self.scale, self.shift = nn.ParameterList(), nn.ParameterList(), nn.ParameterList()
        for k, (a, b) in enumerate(pairwise(channels)):
            self.kernels.append(uniform(generators, b, a, 3, 3, fan=9 * a))
            self.scale.append(nn.Parameter(torch.ones(r, b)))
            self.shift.append(zeros(generators, b))
            self.register_buffer(f"running_mean{k}", torch.zeros(r, b))
            self.register_buffer(f"running_var{k}", torch.ones(r, b))
        flat = channels[-1] * size[1] * size[2]
        self.layers = dense(generators, [flat, *shape.dense])
        self.width = shape.dense[-1]
        self.build_head(self.width, shape, generators)

    def calibrate(self, tensors: Tensor) -> None:
        """Take mean and deviation of every number of the tensor over the training cells.

        A number that they agree on is only shifted: its deviation is rounding, and a test cell that differs
        there would be millions of them away.
        """
        if not self.scaled:
            return
        self.mean.copy_(tensors.mean(dim=1))
        deviation = tensors.std(dim=1, correction=0)
        varied = deviation > 1e-5 * tensors.abs().amax(dim=1)
        self.deviation.copy_(torch.where(varied, deviation, 1.0))

    def embed(self, tensors: Tensor) -> Tensor:
        """Return the cells' embeddings (R, B, h)."""
        replicates, cells = tensors.shape[:2]
        x = (tensors - self.mean[:, None]) / self.deviation[:, None]
        x = x.transpose(0, 1).flatten(1, 2)  # replicates are groups of channels: (B, R*c, V, V)
        if x.device.type == "cpu":  # a sixth of a step faster, a third of a prediction
            x = x.contiguous(memory_format=torch.channels_last)
        for k, kernel in enumerate(self.kernels):
            x = nn.functional.conv2d(x, kernel.flatten(0, 1), padding=1, groups=replicates)
            x = nn.functional.batch_norm(
                x,
                getattr(self, f"running_mean{k}").view(-1),
                getattr(self, f"running_var{k}").view(-1),
                self.scale[k].view(-1),
                self.shift[k].view(-1),
                self.training,
                MOMENTUM,
                EPSILON,
            ).relu()
        x = x.reshape(cells, replicates, -1).transpose(0, 1)
        return through(self.layers, x).relu()
