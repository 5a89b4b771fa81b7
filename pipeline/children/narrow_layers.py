"""Batch norm and max pooling that are fast on a CPU where many pixels have few channels.

PyTorch's kernels for channels-last images go through them pixel by pixel, with a vector loop over its
channels: with 5 or 16 of them most of the time is spent beside that loop. Here several pixels are looked at
as one with as many times the channels: batch norm takes a fifth to two thirds of the time, pooling half. The
numbers are PyTorch's but for rounding (what pooling puts out: to the bit).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from pipeline.children.pixel_groups import WIDE, channels_last, combined, moments, sums

MANY_PIXELS = 16_384  # of a batch; with fewer, PyTorch's own are as fast
POOLED_WIDE, VECTOR = 24, 8  # channels from which on so is its max pooling, or if channels fill whole vectors


def make_fast(model: nn.Module) -> None:
    """Let batch norm and 3x3 max pooling in `model` compute as this module does; nothing else changes."""
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = NarrowBatchNorm2d
        elif type(module) is nn.MaxPool2d and _is_same_3x3(module):
            module.__class__ = NarrowMaxPool2d


def _is_narrow(x: Tensor, wide: int) -> bool:
    return (
        x.shape[1] < wide
        and x.numel() // x.shape[1] >= MANY_PIXELS
        and x.dtype == torch.float32
        and x.device.type == "cpu"
        and x.is_contiguous(memory_format=torch.channels_last)
    )


class NarrowBatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d` with a momentum, faster in training."""

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and _is_narrow(x, WIDE)):
            return super().forward(x)
        self.num_batches_tracked.add_(1)
        statistics = self.running_mean, self.running_var, self.momentum
        return _BatchNorm.apply(x, self.weight, self.bias, *statistics, self.eps)


class _BatchNorm(torch.autograd.Function):
    """Batch norm in training mode of float32 (B, C, H, W), channels last: M = B H W pixels."""

    @staticmethod
    def forward(ctx, x, weight, bias, running_mean, running_var, momentum, eps):
        mean, variance = moments(x)
        scale = (variance + eps).rsqrt_()
        pixels = x.numel() // x.shape[1]
        running_mean.lerp_(mean.float(), momentum)
        running_var.lerp_((variance * (pixels / max(pixels - 1, 1))).float(), momentum)
        ctx.save_for_backward(x, weight, mean, scale)
        factor = weight.double() * scale
        return combined(x, (factor, x), constant=bias.double() - factor * mean)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        x, weight, mean, scale = ctx.saved_tensors
        gradient, pixels = channels_last(gradient), x.numel() // x.shape[1]
        of_bias, of_weight = sums(gradient, x, mean, scale)
        # gradient of x: a (g - of_bias / M - (x - mean) scale of_weight / M)  =  a g + b x + c
        a = weight.double() * scale
        b = -a * scale * of_weight / pixels
        c = -a * of_bias / pixels - b * mean
        of_x = combined(x, (b, x), (a, gradient), constant=c)
        return of_x, of_weight.float(), of_bias.float(), *[None] * 4


def _is_same_3x3(pool: nn.MaxPool2d) -> bool:
    same = (pool.kernel_size, pool.stride, pool.padding, pool.dilation) == (3, 1, 1, 1)
    return same and not pool.return_indices


class NarrowMaxPool2d(nn.MaxPool2d):
    """`nn.MaxPool2d(3, stride=1, padding=1)`, faster where the channels do not fill whole vectors."""

    def forward(self, x: Tensor) -> Tensor:
        if not (_is_narrow(x, POOLED_WIDE) and x.shape[1] % VECTOR and min(x.shape[2:]) > 1):
            return super().forward(x)
        return _MaxPool.apply(_MaxPool.apply(x, 3), 2)


class _MaxPool(torch.autograd.Function):
    """Maximum of three neighbours along one axis of (B, C, H, W); of equal ones, the first has the gradient.

    Along the columns, then along the rows, that is the same choice as PyTorch's: the first in reading order.
    """

    @staticmethod
    def forward(ctx, x, axis):
        y = x.clone(memory_format=torch.channels_last)
        n = x.shape[axis]
        later, earlier = (y.narrow(axis, start, n - 1) for start in (1, 0))
        torch.maximum(later, x.narrow(axis, 0, n - 1), out=later)
        torch.maximum(earlier, x.narrow(axis, 1, n - 1), out=earlier)
        ctx.save_for_backward(x, y)
        ctx.axis = axis
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        x, y = ctx.saved_tensors
        axis, n = ctx.axis, x.shape[ctx.axis]
        gradient = channels_last(gradient)

        def part(tensor: Tensor, start: int, length: int) -> Tensor:
            return tensor.narrow(axis, start, length)

        # which neighbour was chosen, as 0 or 1 in float32: products with booleans are not vectorised
        own = y.clone(memory_format=torch.channels_last).eq_(x)
        before = torch.zeros_like(own)
        part(before, 1, n - 1).copy_(part(y, 1, n - 1)).eq_(part(x, 0, n - 1))
        own.addcmul_(own, before, value=-1)
        of_x = gradient * own
        after = own.add_(before).neg_().add_(1)
        part(of_x, 0, n - 1).addcmul_(part(gradient, 1, n - 1), part(before, 1, n - 1))
        part(of_x, 1, n - 1).addcmul_(part(gradient, 0, n - 1), part(after, 0, n - 1))
        return of_x, None
