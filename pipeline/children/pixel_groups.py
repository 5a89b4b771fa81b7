"""Sums and combinations by channel of channels-last images, with several pixels looked at as one.

That is fast on a CPU where many pixels have few channels (see `narrow_layers`). Images are (B, C, H, W);
what is returned by channel is float64 (C,), and x^ stands for scale (x - mean).
"""

from __future__ import annotations

import torch
from torch import Tensor

WIDE = 64  # channels from which on PyTorch's own batch norm is as fast


def channels_last(x: Tensor) -> Tensor:
    """Return (B, C, H, W) with channels last in memory; copies only if they are not."""
    return x.contiguous(memory_format=torch.channels_last)


def wide(x: Tensor) -> tuple[Tensor, int]:
    """View (B, C, H, W), channels last, as (B H W / group, group C): `group` pixels are looked at as one.

    group: a power of two that divides B H W.
    """
    group, pixels = 1, x.numel() // x.shape[1]
    while group * x.shape[1] < 2 * WIDE and pixels % (2 * group) == 0:
        group *= 2
    return x.permute(0, 2, 3, 1).reshape(-1, group * x.shape[1]), group


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and (biased) variance by channel."""
    grouped, group = wide(x)
    means, variances = (part.view(group, -1).double() for part in _moments(grouped))
    mean = means.mean(0)
    return mean, variances.mean(0) + (means - mean).square_().mean(0)


def sums(g: Tensor, x: Tensor, mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sums of g and of g x^ by channel."""
    (grouped, group), other = wide(x), wide(g)[0]
    if x.device.type != "cpu":
        total, product = other.sum(0), (other * (grouped - _tiled(mean, group, x))).sum(0)
        return _folded(total, group), _folded(product, group) * scale
    statistics = _tiled(mean, group, x), _tiled(scale, group, x)
    _, along, total = torch.ops.aten.native_batch_norm_backward(
        other, grouped, None, None, None, *statistics, True, 0.0, [False, True, True]
    )
    return _folded(total, group), _folded(along, group)


def mean_product(one: Tensor, other: Tensor) -> Tensor:
    """Return the mean of the product by channel."""
    grouped, group = wide(one)
    return _folded((grouped * wide(other)[0]).sum(0), group) * (one.shape[1] / one.numel())


def combined(like: Tensor, *terms: tuple[Tensor, Tensor], constant: Tensor) -> Tensor:
    """Return the sum of coefficient (C,) times tensor (B, C, H, W) over terms, and of `constant` (C,)."""
    result = torch.empty_like(like)
    target, group = wide(result)
    coefficient, tensor = terms[0]
    torch.addcmul(
        _tiled(constant, group, like), wide(tensor)[0], _tiled(coefficient, group, like), out=target
    )
    for coefficient, tensor in terms[1:]:
        target.addcmul_(wide(tensor)[0], _tiled(coefficient, group, like))
    return result


def _moments(grouped: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and (biased) variance of each column."""
    if grouped.device.type == "cpu":
        return torch.batch_norm_update_stats(grouped, None, None, 0.0)
    variance, mean = torch.var_mean(grouped, 0, correction=0)
    return mean, variance


def _tiled(values: Tensor, group: int, like: Tensor) -> Tensor:
    return values.to(like.dtype).repeat(group)  # in memory, too: kernels do not look at strides


def _folded(values: Tensor, group: int) -> Tensor:
    return values.view(group, -1).double().sum(0)
