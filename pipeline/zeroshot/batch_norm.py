"""Batch norm differentiated twice in little time: it looks at several pixels as one (`narrow_layers`)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pipeline.children.narrow_layers import WIDE


class BatchNorm2d(nn.BatchNorm2d):
    """Batch norm by the batch's statistics: (B, C, H, W) -> the same. Keeps its input's `variance`, (C,)."""

    def forward(self, x: Tensor) -> Tensor:
        x = channels_last(x)
        with torch.no_grad():
            wide, group = _wide(x)
            means, variances = (part.view(group, -1).double() for part in _moments(wide))
            mean = means.mean(0)
            self.variance = variances.mean(0) + (means - mean).square_().mean(0)
            scale = (self.variance + self.eps).rsqrt_()
        return _BatchNorm.apply(x, self.weight, self.bias, mean, scale)


class _BatchNorm(torch.autograd.Function):
    """With M pixels (B H W), x^ = scale (x - mean): y = weight x^ + bias."""

    @staticmethod
    def forward(ctx, x, weight, bias, mean, scale):
        ctx.save_for_backward(x, weight, mean, scale)
        factor = weight.double() * scale
        return _combined(x, (factor, x), constant=bias.double() - factor * mean)

    @staticmethod
    def backward(ctx, gradient):
        return *_OfBatchNorm.apply(channels_last(gradient), *ctx.saved_tensors), None, None


class _OfBatchNorm(torch.autograd.Function):
    """Gradients of batch norm's input, weight and bias; only the input's is differentiated again.

    of_x = weight scale (g - mean(g) - x^ mean(g x^)), g the gradient of the output.
    """

    @staticmethod
    def forward(ctx, gradient, x, weight, mean, scale):
        ctx.set_materialize_grads(False)
        pixels = x.numel() // x.shape[1]
        total, along = _sums(gradient, x, mean, scale)
        ctx.save_for_backward(gradient, x, weight, mean, scale, total / pixels, along / pixels)
        of_x = _centred(gradient, x, weight.double() * scale, mean, scale, total / pixels, along / pixels)
        of_weight, of_bias = along.to(x.dtype), total.to(x.dtype)
        ctx.mark_non_differentiable(of_weight, of_bias)
        return of_x, of_weight, of_bias

    @staticmethod
    def backward(ctx, v, *_):
        gradient, x, weight, mean, scale, g_mean, g_along = ctx.saved_tensors
        if v is None:
            return None, None, None, None, None
        v = channels_last(v)
        factor, pixels = weight.double() * scale, x.numel() // x.shape[1]
        v_mean, v_along = (part / pixels for part in _sums(v, x, mean, scale))
        of_gradient = _centred(v, x, factor, mean, scale, v_mean, v_along)
        if not ctx.needs_input_grad[1]:
            return of_gradient, None, None, None, None
        # of_x of the gradient, times -1 / (weight scale^2): v_along g' + g_along v' + covariance x^,
        # where g' = g - mean(g) - g_along x^, and v' likewise
        covariance = _mean_product(v, gradient) - v_mean * g_mean - v_along * g_along
        slope = (covariance - 2 * v_along * g_along) * scale
        constant = -(v_along * g_mean + g_along * v_mean) - slope * mean
        factor = -factor * scale
        terms = (factor * v_along, gradient), (factor * g_along, v), (factor * slope, x)
        return of_gradient, _combined(x, *terms, constant=factor * constant), None, None, None


def _centred(g, x, factor, mean, scale, g_mean, g_along) -> Tensor:
    """Return factor (g - g_mean - x^ g_along), with float64 (C,) coefficients."""
    slope = -factor * scale * g_along
    return _combined(x, (factor, g), (slope, x), constant=-factor * g_mean - slope * mean)


def _combined(like: Tensor, *terms: tuple[Tensor, Tensor], constant: Tensor) -> Tensor:
    """Return the sum of coefficient (C,) times tensor (B, C, H, W) over terms, and of `constant` (C,)."""
    result = torch.empty_like(like)
    target, group = _wide(result)
    coefficient, tensor = terms[0]
    torch.addcmul(
        _tiled(constant, group, like), _wide(tensor)[0], _tiled(coefficient, group, like), out=target
    )
    for coefficient, tensor in terms[1:]:
        target.addcmul_(_wide(tensor)[0], _tiled(coefficient, group, like))
    return result


def _sums(g: Tensor, x: Tensor, mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sums of g and of g x^ by channel, float64 (C,)."""
    (wide, group), other = _wide(x), _wide(g)[0]
    if x.device.type != "cpu":
        total, product = other.sum(0), (other * (wide - _tiled(mean, group, x))).sum(0)
        return _folded(total, group), _folded(product, group) * scale
    statistics = _tiled(mean, group, x), _tiled(scale, group, x)
    _, along, total = torch.ops.aten.native_batch_norm_backward(
        other, wide, None, None, None, *statistics, True, 0.0, [False, True, True]
    )
    return _folded(total, group), _folded(along, group)


def _mean_product(one: Tensor, other: Tensor) -> Tensor:
    """Return the mean of the product by channel, float64 (C,)."""
    wide, group = _wide(one)
    return _folded((wide * _wide(other)[0]).sum(0), group) * (one.shape[1] / one.numel())


def _moments(wide: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and (biased) variance of each column."""
    if wide.device.type == "cpu":
        return torch.batch_norm_update_stats(wide, None, None, 0.0)
    variance, mean = torch.var_mean(wide, 0, correction=0)
    return mean, variance


def channels_last(x: Tensor) -> Tensor:
    """Return (B, C, H, W) with channels last in memory; copies only if they are not."""
    return x.contiguous(memory_format=torch.channels_last)


def _wide(x: Tensor) -> tuple[Tensor, int]:
    """View (B, C, H, W), channels last, as (B H W / group, group C): `group` pixels are looked at as one."""
    group, pixels = 1, x.numel() // x.shape[1]
    while group * x.shape[1] < 2 * WIDE and pixels % (2 * group) == 0:
        group *= 2
    return x.permute(0, 2, 3, 1).reshape(-1, group * x.shape[1]), group


def _tiled(values: Tensor, group: int, like: Tensor) -> Tensor:
    return values.to(like.dtype).expand(group, -1).reshape(-1)


def _folded(sums: Tensor, group: int) -> Tensor:
    return sums.view(group, -1).double().sum(0)
